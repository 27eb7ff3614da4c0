"""What is wrong now, as incidents: opened once, brought up to date now and then, closed with a word that it is over.

Pure values: signals and a clock go in, messages come out. One incident has many members (tables, steps, checks), so that eighty tables that
fail for the same reason are one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum

_SHOWN = 10
_LONGEST = 300


class Severity(IntEnum):
    """How much it matters."""

    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


class Event(IntEnum):
    """What a message tells of an incident."""

    OPENED = 1
    UPDATED = 2
    RECOVERED = 3


@dataclass(frozen=True)
class Signal:
    """One observation: this member of this incident is in trouble, or is well again."""

    incident: str
    member: str
    at: datetime
    title: str = ""
    said: str = ""
    link: str = ""
    severity: Severity | None = None
    """None: it is well."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one member."""

    severity: Severity
    said: str
    link: str
    since: datetime


@dataclass(frozen=True)
class Incident:
    """Members that are in trouble for one reason."""

    key: str
    title: str
    opened: datetime
    members: Mapping[str, Trouble]
    told: datetime | None = None
    told_severity: Severity = Severity.WARNING
    told_members: frozenset[str] = frozenset()
    worst: Severity = Severity.WARNING
    """How bad it ever was, which decides who hears that it is over."""

    @property
    def severity(self) -> Severity:
        """That of the worst member; when it is over, that of the worst there was."""
        return max((one.severity for one in self.members.values()), default=self.worst)


@dataclass(frozen=True)
class Message:
    """What people are told."""

    severity: Severity
    title: str
    body: str
    over: bool = False


@dataclass
class Book:
    """The incidents that are open."""

    open: dict[str, Incident] = field(default_factory=dict)

    def note(self, signals: Iterable[Signal]) -> None:
        """Take in what was observed, in the order in which it happened."""
        for signal in sorted(signals, key=lambda one: one.at):
            incident = self.open.get(signal.incident)
            if signal.severity is None:
                if incident is not None and signal.member in incident.members:
                    rest = {name: trouble for name, trouble in incident.members.items() if name != signal.member}
                    self.open[signal.incident] = replace(incident, members=rest)
                continue
            known = incident.members.get(signal.member) if incident else None
            trouble = Trouble(signal.severity, _short(signal.said), signal.link, known.since if known else signal.at)
            if incident is None:
                incident = Incident(signal.incident, signal.title, signal.at, {})
            worst = max(incident.worst, signal.severity)
            self.open[signal.incident] = replace(incident, members={**incident.members, signal.member: trouble}, worst=worst)

    def forget(self, incident: str, members: Iterable[str]) -> None:
        """Drop members that do not exist any more."""
        gone = frozenset(members)
        if incident in self.open:
            before = self.open[incident]
            self.open[incident] = replace(before, members={name: one for name, one in before.members.items() if name not in gone})

    def messages(self, now: datetime, every: timedelta, pages: str = "") -> Iterator[Message]:
        """What has to be told now. Whoever takes these has to tell them: the book counts them as told.

        `pages` is the address of Dagster's web pages; without it there are no links.
        """
        for key, incident in list(self.open.items()):
            event = _due(incident, now, every)
            if not incident.members:
                del self.open[key]
            elif event is not None:
                self.open[key] = replace(incident, told=now, told_severity=incident.severity, told_members=frozenset(incident.members))
            if event is not None:
                yield _message(incident, event, now, pages)


def _due(incident: Incident, now: datetime, every: timedelta) -> Event | None:
    if not incident.members:
        return Event.RECOVERED
    if incident.told is None:
        return Event.OPENED
    news = frozenset(incident.members) - incident.told_members
    worse = incident.severity > incident.told_severity
    return Event.UPDATED if worse or (news and now - incident.told >= every) else None


def _message(incident: Incident, event: Event, now: datetime, pages: str) -> Message:
    word = "recovered" if event is Event.RECOVERED else incident.severity.word
    title = f"[{word}] {incident.title}" + (" (update)" if event is Event.UPDATED else "")
    if event is Event.RECOVERED:
        return Message(incident.severity, title, f"It was wrong from {_moment(incident.opened)} to {_moment(now)}.", over=True)
    lines = [f"Since {_moment(incident.opened)}."]
    worst_first = sorted(incident.members.items(), key=lambda item: (-item[1].severity, item[1].since, item[0]))
    for name, trouble in worst_first[:_SHOWN]:
        lines.append(f"- {name}: {trouble.said}" + (f" {pages}{trouble.link}" if pages and trouble.link else ""))
    if len(worst_first) > _SHOWN:
        lines.append(f"- and {len(worst_first) - _SHOWN} more")
    return Message(incident.severity, title, "\n".join(lines))


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M %Z")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
