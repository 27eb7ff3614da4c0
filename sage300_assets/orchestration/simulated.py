"""A simulated Sage 300 in a process of its own, for `sage300 demo` and `sage300 dev --demo`, and the settings that lead to it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sage300_assets.base.errors import ConfigurationError

DEMO_LAKE = Path("var") / "demo" / "lake"
DEMO_LEDGER = Path("var") / "demo" / "ledger.db"
"""Stays when a demo starts anew: what was recorded is never removed."""
HOME = Path("var") / "dagster_home"
"""Where Dagster keeps what it knows, unless DAGSTER_HOME says otherwise."""
DEMO_HOME = Path("var") / "demo" / "dagster_home"
"""Dagster's own, too: else a table of the demo would count as read, and a sensor that was tried out in it would ask the real Sage 300."""
_END_SECONDS = 5
_READY = re.compile(r"at (?P<url>http\S+/Sage300WebApi).*?user (?P<user>[^\s,]+), password (?P<password>[^\s,]+)", re.IGNORECASE | re.DOTALL)


@contextlib.contextmanager
def simulated_sage300(companies: Sequence[str], days: int, scale: int = 1, seed: int = 7, port: int = 0) -> Iterator[Mapping[str, str]]:
    """Start the simulator and give the settings that lead to it; it ends with the block."""
    command = [sys.executable, "-m", "sage300_assets.cli", "simulate", "sage300", "--companies", ",".join(companies)]
    command += ["--days", str(days), "--scale", str(scale), "--seed", str(seed), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        ready = _wait_until_ready(process)
        yield {
            "SAGE300_URL": ready["url"],
            "SAGE300_COMPANIES": ",".join(companies),
            "SAGE300_USERNAME": ready["user"],
            "SAGE300_PASSWORD": ready["password"],
            "SAGE300_START_DATE": (datetime.now().astimezone().date() - timedelta(days=days)).isoformat(),
            "LAKE_URL": str(DEMO_LAKE.absolute()),
            "LEDGER_URL": f"sqlite:///{DEMO_LEDGER.absolute()}",
        }
    finally:
        end(process)


@contextlib.contextmanager
def simulated_anaplan(model: Path) -> Iterator[Mapping[str, str]]:
    """Start a simulated Anaplan with the model that a file describes, and give the settings that lead to it; it ends with the block."""
    command = [sys.executable, "-m", "sage300_assets.cli", "simulate", "anaplan", "--model", str(model), "--task-seconds", "0", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        yield _settings_told(process, "ANAPLAN_PASSWORD")
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """End a simulator, also a deaf one: in the background of a script SIGINT is ignored, Dagster then ignores SIGTERM, and children inherit that."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def use(settings: Mapping[str, str]) -> None:
    """Put settings into the environment of this process and of those it starts."""
    os.environ.update(settings)


def _settings_told(process: subprocess.Popen[str], last: str) -> dict[str, str]:
    """The lines NAME=value that a simulator prints, up to the last one."""
    assert process.stdout is not None
    told: dict[str, str] = {}
    for line in process.stdout:
        name, equals, value = line.strip().partition("=")
        if equals and name.isupper():
            told[name] = value
        if last in told:
            return told
    raise ConfigurationError("The simulator ended before it was ready.", cure="Run `sage300 simulate anaplan` to see why.")


def _wait_until_ready(process: subprocess.Popen[str]) -> re.Match[str]:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        ready = _READY.search(said)
        if ready is not None:
            return ready
    raise ConfigurationError("The simulator ended before it was ready.", cure="Run `sage300 simulate sage300` to see why.")
