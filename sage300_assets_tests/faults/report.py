"""The written report of a campaign: a plugin of pytest, which hears of every test.

What a case came to is told by the case itself (`Trial`); of tests that are older than the suite and belong to it, only that they held.
Wrong successes and unrecovered are what a test has called so. Any other assertion that fails, about data too, is *failed otherwise*.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess

TESTS = Path(__file__).parents[1]
LETTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "a": (
        "kill -9 at named steps and random moments, and again during recovery",
        (
            "intake/test_kill.py",
            "delivery/test_deliver.py",
            "delivery/test_write_back_kill.py",
            "delivery/test_write_back_trials.py",
            "flows/tableau/test_kill.py",
            "models/test_kill.py",
            "ledger/test_outbox.py",
            "ledger/test_dying.py",
        ),
    ),
    "b": ("server, proxy and line", ("intake/test_faults.py", "intake/test_doctor.py", "simulators/test_faults.py")),
    "c": (
        "a source that changes while it is read",
        ("intake/test_changing.py", "intake/test_sweep.py", "intake/test_sweep_law.py", "lake/test_current.py", "systems/sage300/test_windows.py"),
    ),
    "d": ("dates and clocks", ()),
    "e": ("numbers and texts", ("intake/test_truth.py", "intake/test_again.py", "systems/sage300/test_decode.py")),
    "f": ("full, broken and read-only disks", ()),
    "g": ("together, and other releases", ("intake/test_together.py", "ledger/test_crowd.py", "ledger/test_migrations.py", "lake/test_lake.py")),
}
"""What each part of the suite is about, and the tests elsewhere that belong to it."""
REPORT = Path("var/faults/report.md")
REDRAWN = "redrawn"
"""Under this name a test tells how many of its tries were drawn again, as nothing in them was broken."""
WORDS = """\
- *truth*: afterwards the lake was the source; where the source changed meanwhile, each record was as at some moment of the read. The read may have
  gone well, been killed, or been refused after everything was published.
- *clean refusal*: nothing was published, and what was refused said why and what to do; what was killed could say nothing. Where a file was damaged,
  the damage was named.
- *held*: a test that does not tell its tries one by one, or the two ends above apart, has passed; it counts as one case.
- *wrong successes*: it said that all was well, and the data were something else; or it failed, and had published something or had no cure; or a file
  of the lake could not be read.
- *unrecovered*: one more read did not make it good. Such a read follows each try in (a) and (b), most in (f) and (g), and each series in (c).
- *failed otherwise*: any other failure. Only tests that tell their tries call a failure a wrong success or unrecovered; **a test that held and holds
  no more stands here, also where its data are wrong.** The rule held where all three columns are 0."""
REPEAT = "SAGE300_FAULTS=whole .venv/bin/python -m pytest"


def campaign() -> list[Path]:
    """Everything that `make faults` runs."""
    return [Path(__file__).parent, *(TESTS / place for _, places in LETTERS.values() for place in places)]


def letter_of(node: str) -> str:
    """Which part of the suite a test belongs to; empty for those that try the suite itself."""
    path = node.partition("::")[0].replace("\\", "/")
    own = path.rpartition("faults/test_")[2]
    if own[1:2] == "_" and own[0] in LETTERS:
        return own[0]
    return next((letter for letter, (_, places) in LETTERS.items() if any(path.endswith(place) for place in places)), "")


@dataclass
class Line:
    """One part of the suite in figures."""

    tests: int = 0
    tries: Counter[Verdict] = field(default_factory=Counter)
    held: int = 0
    """Tests that do not tell their tries one by one, and held."""
    other: int = 0
    skipped: int = 0
    """Tests for which this machine lacks something."""
    redrawn: int = 0
    """Tries in which nothing was broken, which were drawn again and are no cases."""

    @property
    def cases(self) -> int:
        """Everything that was tried."""
        return self.tries.total() + self.held + self.other


@dataclass
class Campaign:
    """What has been heard so far."""

    lines: dict[str, Line] = field(default_factory=lambda: {letter: Line() for letter in LETTERS})
    failures: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    whole: bool = False
    """Whether all of it is run, so that no part may be without a case."""
    empty: list[str] = field(default_factory=list)
    """The parts of a whole campaign of which nothing was tried: no test failed, and still nothing is proved."""
    planned: int = 0
    skips: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many tests there are."""
        self._plan([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The same, where others run them."""
        self._plan(ids)

    def _plan(self, nodes: Iterable[str]) -> None:
        self.planned = max(self.planned, sum(bool(letter_of(node)) for node in nodes))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A part that has tried nothing proves nothing."""
        if self.whole and not session.config.option.collectonly:
            self.empty = [letter for letter, line in self.lines.items() if not line.cases]
        if self.empty:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test is over."""
        letter = letter_of(report.nodeid)
        if not letter:
            if report.failed:
                self.failures[report.nodeid] = _first_line(report)
            return
        line = self.lines[letter]
        if report.failed:
            self.failures[report.nodeid] = _first_line(report)
            kind = _kind(report)
            line.other += kind is None
            line.tries[kind] += 1 if kind is not None else 0  # type: ignore[index]
        if report.when == "call" and not report.skipped:
            line.tests += 1
        if report.skipped:
            line.skipped += 1
            self.skips[_reason(report)] += 1
        if report.when == "teardown":
            told = {Verdict[name]: int(str(number)) for name, number in report.user_properties if name in Verdict.__members__}
            line.tries.update(told)
            line.redrawn += sum(int(str(number)) for name, number in report.user_properties if name == REDRAWN)
            if not told and report.nodeid not in self.failures and report.nodeid in self.told:
                line.held += 1
        elif report.when == "call" and report.passed:
            self.told.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the report, and write it down."""
        if not self.told and not self.failures and not self.empty:
            return  # only looked at, not run
        text = self.text()
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
        terminalreporter.write_line(f"\n{text}\nWritten to {REPORT}.")

    def text(self) -> str:
        """The report."""
        total = _sum(self.lines.values())
        rows = [self._row(f"({letter}) {title}", self.lines[letter]) for letter, (title, _) in LETTERS.items()]
        head = "| | cases tried | truth | clean refusal | held | **wrong successes** | **unrecovered** | **failed otherwise** | tests skipped |"
        wrong, lost = total.tries[Verdict.WRONG], total.tries[Verdict.UNRECOVERED]
        lines = [
            "# Fault suite",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC{_commit()}, {(time.monotonic() - self.began) / 60:.1f} minutes.",
            f"{total.tests:,} of {self.planned:,} tests run, {total.skipped:,} skipped.",
            f"**{total.cases:,} cases tried, {wrong} wrong successes, {lost} unrecovered, {len(self.failures)} tests failed.**",
            *(f"**Part ({letter}): no case of it was tried.**" for letter in self.empty),
            "",
            head,
            "| --- |" + " ---: |" * 8,
            *rows,
            self._row("**all**", total),
            "",
            WORDS,
        ]
        if total.redrawn:
            lines += ["", f"In {total.redrawn:,} more tries nothing was broken, as no read came to the moment drawn: not counted, and drawn again."]
        lines += [f"\nSkipped, {count} times: {reason}" for reason, count in sorted(self.skips.items())]
        if self.failures:
            lines += ["", "## What failed, and how to repeat it", ""]
            lines += [f"- {said}\n  `{REPEAT} '{node}'`" for node, said in self.failures.items()]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _row(title: str, line: Line) -> str:
        figures = [line.cases, line.tries[Verdict.TRUTH], line.tries[Verdict.REFUSED], line.held]
        figures += [line.tries[Verdict.WRONG], line.tries[Verdict.UNRECOVERED], line.other, line.skipped]
        return f"| {title} | " + " | ".join(f"{n:,}" for n in figures) + " |"


def _sum(lines: Iterable[Line]) -> Line:
    total = Line()
    for line in lines:
        total.tests += line.tests
        total.tries.update(line.tries)
        total.held += line.held
        total.other += line.other
        total.skipped += line.skipped
        total.redrawn += line.redrawn
    return total


def _commit() -> str:
    """The state of the code, if it is known."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "describe", "--always", "--dirty", "--exclude", "*"]
    said = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)
    return f", commit {said.stdout.strip()}" if said.returncode == 0 else ""


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(getattr(crash, "message", report.longrepr))
    return " ".join(text.split())[:300]


def _kind(report: pytest.TestReport) -> Verdict | None:
    said = _first_line(report).partition(":")[0]
    kinds = {WrongSuccess.__name__: Verdict.WRONG, Unrecovered.__name__: Verdict.UNRECOVERED}
    return kinds.get(said.rpartition(".")[2])


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else str(report.longrepr)
