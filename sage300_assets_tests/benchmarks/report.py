"""Figures, what they should be, and on what they were measured."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table


class CouldNotRun(Exception):
    """A benchmark gave no figure."""


@dataclass(frozen=True)
class Figure:
    """One measured figure. Without a bound it is told, not judged."""

    bench: str
    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}{self.unit}"
        return f"at least {self.at_least:g}{self.unit}" if self.at_least is not None else ""


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def show(figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table("benchmark", "figure", "measured", "target", "", "how")
    for column in (2, 3):
        table.columns[column].justify = "right"
    for figure in figures:
        word = {True: "met", False: "MISSED", None: ""}[figure.met]
        style = {True: "green", False: "bold red", None: ""}[figure.met]
        table.add_row(
            figure.bench, figure.name, f"{_rounded(figure.value)}{figure.unit}", figure.target, f"[{style}]{word}[/]" if word else "", figure.note
        )
    console = Console(width=None if sys.stdout.isatty() else 170)
    console.print(table)
    console.print(machine())


def _rounded(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def machine() -> str:
    """The machine and the versions that matter."""
    parts = [f"{os.cpu_count()} cores", _processor(), f"{platform.system()} {platform.release()}", f"Python {platform.python_version()}"]
    for package in ("pyarrow", "duckdb", "httpx", "dagster", "dlt"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"no {package}")
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f}")
    return ", ".join(parts)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
