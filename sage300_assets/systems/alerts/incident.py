"""What is wrong now, as incidents: opened once, brought up to date now and then, closed with a word that it is over.

Pure values: signals and a clock go in, messages come out. One incident has many members (tables, steps, checks), so that eighty tables that
fail for the same reason are one message. What is well again is news when it fails once more, also while others keep its incident open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import IntEnum

from sage300_assets.base.days import ONE_DAY

_SHOWN = 10
_SPANS_SHOWN = 5
_LONGEST = 300

Span = tuple[date, date]
"""A first and a last day."""


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
class Work:
    """What a step was to do: the days it was to read, and the schedule that asked for it; nothing of both where it has no days."""

    spans: tuple[Span, ...] = ()
    """In order. What was to be read is one; what is left of it may be several."""
    schedule: str = ""

    @property
    def period(self) -> str:
        """Its days as people write them."""
        shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in self.spans[:_SPANS_SHOWN]]
        more = len(self.spans) - len(shown)
        return " and ".join([*shown, f"{more} more"] if more else shown)

    def named(self, member: str) -> str:
        """The member together with what it was to do, so that one failure is told from another; a schedule asks for other days each time."""
        if self.schedule:
            return f"{member} ({self.schedule})"
        return f"{member}, {self.period}" if self.spans else member

    def after(self, other: Work) -> Work | None:
        """What is left of this work when that has been done; None if nothing."""
        if not self.spans or not other.spans:
            return None
        if self.schedule and self.schedule == other.schedule:
            return None  # it asks by itself for what one of its runs has left out
        left = self.spans
        for done in other.spans:
            left = tuple(part for span in left for part in _without(span, done))
        return Work(left, self.schedule) if left else None


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
    work: Work = Work()
    family: str = ""
    """How the keys of all incidents begin in which this member is the same thing; empty where it is so only in its own."""

    def concerns(self, incident: str) -> bool:
        """Whether it tells of a member of this incident."""
        return incident.startswith(self.family) if self.family else incident == self.incident


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one member."""

    severity: Severity
    said: str
    link: str
    since: datetime
    last: datetime
    """When it was last seen to be wrong: what was seen before that mends nothing."""
    member: str
    work: Work = Work()
    """What is left to do before it is well."""


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
    told_as: frozenset[Severity] = frozenset()
    """Every severity under which it was told: whoever heard of it then is to hear that it got worse, and that it is over."""
    worst: Severity = Severity.WARNING
    """How bad it ever was."""

    @property
    def severity(self) -> Severity:
        """That of the worst member; when it is over, that of the worst there was."""
        return max((one.severity for one in self.members.values()), default=self.worst)

    def with_only(self, members: Mapping[str, Trouble]) -> Incident:
        """The same with these of its members left. Another that fails once more is news then, and worse if it is worse than these."""
        worst_left = max((one.severity for one in members.values()), default=self.told_severity)
        told_members = self.told_members.intersection(members)
        return replace(self, members=members, told_members=told_members, told_severity=min(self.told_severity, worst_left))


@dataclass(frozen=True)
class Message:
    """What people are told."""

    severity: Severity
    title: str
    body: str
    over: bool = False
    heard: frozenset[Severity] = frozenset()
    """Severities under which the same was told before: whoever is told of these hears this too, whatever its own severity."""


Heard = tuple[str, str, Work]
"""Incident, member and work of which it was heard that all is well."""


@dataclass
class Book:
    """The incidents that are open."""

    open: dict[str, Incident] = field(default_factory=dict)
    well: dict[Heard, datetime] = field(default_factory=dict)
    """When it was last heard that something is well, as far as older news of it may still come: what a run did is heard when the run ends."""

    def note(self, signals: Iterable[Signal]) -> None:
        """Take in what was observed, in the order in which it happened; what is older than what is known already changes nothing."""
        for signal in sorted(signals, key=lambda one: one.at):
            if signal.severity is None:
                self._mend(signal)
            elif (work := self._not_done_since(signal)) is not None:
                self._open(signal, signal.severity, work)

    def _mend(self, signal: Signal) -> None:
        heard = (signal.incident, signal.member, signal.work)
        self.well[heard] = max(signal.at, self.well.get(heard, signal.at))
        for incident in [one for key, one in self.open.items() if signal.concerns(key)]:
            members = dict(incident.members)
            for name, trouble in incident.members.items():
                if trouble.member == signal.member and trouble.last <= signal.at:
                    del members[name]
                    if (left := trouble.work.after(signal.work)) is not None:
                        members[name] = replace(trouble, work=left)
            self.open[incident.key] = incident.with_only(members)

    def _not_done_since(self, signal: Signal) -> Work | None:
        """What of the work of a failure has not been done after it; None if all of it has."""
        left: Work | None = signal.work
        for (incident, member, work), at in self.well.items():
            if left is not None and signal.concerns(incident) and member == signal.member and at > signal.at:
                left = left.after(work)
        return left

    def _open(self, signal: Signal, severity: Severity, work: Work) -> None:
        incident = self.open.get(signal.incident) or Incident(signal.incident, signal.title, signal.at, {})
        name = signal.work.named(signal.member)
        known = incident.members.get(name)
        if known is not None and known.last > signal.at:
            return
        since = known.since if known else signal.at
        trouble = Trouble(severity, _short(signal.said), signal.link, since, signal.at, signal.member, work)
        worst = max(incident.worst, severity)
        self.open[signal.incident] = replace(incident, members={**incident.members, name: trouble}, worst=worst)

    def forget_before(self, moment: datetime) -> None:
        """Nothing older than this can come any more, so what was well before need not be known."""
        self.well = {heard: at for heard, at in self.well.items() if at >= moment}

    def forget(self, incident: str, members: Iterable[str]) -> None:
        """Drop members that do not exist any more."""
        gone = frozenset(members)
        if incident in self.open:
            before = self.open[incident]
            self.open[incident] = before.with_only({name: one for name, one in before.members.items() if name not in gone})

    def messages(self, now: datetime, every: timedelta, pages: str = "") -> Iterator[Message]:
        """What has to be told now. Whoever takes these has to tell them: the book counts them as told.

        `pages` is the address of Dagster's web pages; without it there are no links.
        """
        for key, incident in list(self.open.items()):
            event = _due(incident, now, every)
            if not incident.members:
                del self.open[key]
            elif event is not None:
                self.open[key] = replace(
                    incident,
                    told=now,
                    told_severity=incident.severity,
                    told_members=frozenset(incident.members),
                    told_as=incident.told_as | {incident.severity},
                )
            if event is not None:
                yield _message(incident, event, now, pages)


def _without(span: Span, done: Span) -> Iterator[Span]:
    """What is left of some days when others are done: nothing, one span, or two."""
    (first, last), (begin, end) = span, done
    if end < first or last < begin:
        yield span
        return
    if first < begin:
        yield first, begin - ONE_DAY
    if end < last:
        yield end + ONE_DAY, last


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
        body = f"It was wrong from {_moment(incident.opened)} to {_moment(now)}."
        return Message(incident.severity, title, body, over=True, heard=incident.told_as)
    lines = [f"Since {_moment(incident.opened)}."]
    worst_first = sorted(incident.members.items(), key=lambda item: (-item[1].severity, item[1].since, item[0]))
    for name, trouble in worst_first[:_SHOWN]:
        days = f", {trouble.work.period}" if trouble.work.schedule and trouble.work.spans else ""
        lines.append(f"- {name}{days}: {trouble.said}" + (f" {pages}{trouble.link}" if pages and trouble.link else ""))
    if len(worst_first) > _SHOWN:
        lines.append(f"- and {len(worst_first) - _SHOWN} more")
    # News of the same severity, or of a lower one, is for those only who are told of that.
    heard = incident.told_as if incident.severity > incident.told_severity else frozenset()
    return Message(incident.severity, title, "\n".join(lines), heard=heard)


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M %Z")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
