"""What the alerts remember from one look to the next, as text: how far they have read, what is open, what could not be sent yet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sage300_assets.systems.alerts.incident import Book, Incident, Message, Severity, Trouble, Work

_VERSION = 1
_MOST_WAITING = 100


@dataclass(frozen=True)
class Waiting:
    """A message on its way to one target. The target is a name, never an address: this text lies in Dagster's database."""

    target: str
    message: Message


@dataclass
class Memory:
    """All that is remembered."""

    read_to: dict[str, str] = field(default_factory=dict)
    book: Book = field(default_factory=Book)
    waiting: list[Waiting] = field(default_factory=list)

    def to_text(self) -> str:
        """As a cursor."""
        content = {
            "version": _VERSION,
            "read_to": self.read_to,
            "open": [_written(incident) for incident in self.book.open.values()],
            "well": [[incident, member, _days_of(work), work.schedule, at.isoformat()] for (incident, member, work), at in self.book.well.items()],
            "waiting": [
                [one.target, one.message.severity.value, one.message.title, one.message.body, one.message.over] for one in _bounded(self.waiting)
            ],
        }
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None) -> Memory:
        """From a cursor; of another version nothing is known, and the alerts begin anew."""
        content = json.loads(text) if text else {}
        if content.get("version") != _VERSION:
            return cls()
        incidents = [_read(one) for one in content["open"]]
        waiting = [Waiting(target, Message(Severity(level), title, body, over)) for target, level, title, body, over in content["waiting"]]
        heard = content.get("well", ())  # earlier releases knew nothing of it
        well = {(incident, member, _work(days, schedule)): datetime.fromisoformat(at) for incident, member, days, schedule, at in heard}
        return cls(dict(content["read_to"]), Book({one.key: one for one in incidents}, well), waiting)


def _bounded(waiting: list[Waiting]) -> list[Waiting]:
    """Of a target that was away for long the oldest messages become one that names how many there were."""
    kept: list[Waiting] = []
    for target in dict.fromkeys(one.target for one in waiting):
        mine = [one for one in waiting if one.target == target]
        if len(mine) > _MOST_WAITING:
            old, mine = mine[: 1 - _MOST_WAITING], mine[1 - _MOST_WAITING :]
            titles = "\n".join(dict.fromkeys(line for one in old for line in (one.message.title, *_titles_in(one.message))))
            summary = Message(max(one.message.severity for one in old), _SUMMARY, titles[-4000:])
            mine.insert(0, Waiting(target, summary))
        kept += mine
    return kept


_SUMMARY = "Alerts that could not be sent for long, by their titles"


def _titles_in(message: Message) -> list[str]:
    return message.body.splitlines() if message.title == _SUMMARY else []


def _written(incident: Incident) -> dict[str, object]:
    return {
        "key": incident.key,
        "title": incident.title,
        "opened": incident.opened.isoformat(),
        "members": {name: _written_trouble(one) for name, one in incident.members.items()},
        "told": incident.told.isoformat() if incident.told else "",
        "told_severity": incident.told_severity.value,
        "told_members": sorted(incident.told_members),
        "told_as": sorted(incident.told_as),
        "worst": incident.worst.value,
    }


def _read(content: Mapping[str, object]) -> Incident:
    members = content["members"]
    names = content["told_members"]
    assert isinstance(members, dict)
    assert isinstance(names, list)
    told = str(content["told"])
    worst = Severity(int(str(content["worst"])))
    return Incident(
        key=str(content["key"]),
        title=str(content["title"]),
        opened=datetime.fromisoformat(str(content["opened"])),
        members={name: _trouble(name, one) for name, one in members.items()},
        told=datetime.fromisoformat(told) if told else None,
        told_severity=Severity(int(str(content["told_severity"]))),
        told_members=frozenset(map(str, names)),
        told_as=_told_as(content, worst) if told else frozenset(),
        worst=worst,
    )


def _told_as(content: Mapping[str, object], worst: Severity) -> frozenset[Severity]:
    """Under which severities it was told. Earlier releases did not say: one recovery too many is better than none."""
    levels = content.get("told_as", range(1, worst + 1))
    assert isinstance(levels, Sequence)
    return frozenset(map(Severity, levels))


def _written_trouble(one: Trouble) -> dict[str, object]:
    return {
        "severity": one.severity.value,
        "said": one.said,
        "link": one.link,
        "since": one.since.isoformat(),
        "last": one.last.isoformat(),
        "member": one.member,
        "days": _days_of(one.work),
        "schedule": one.work.schedule,
    }


def _trouble(name: str, stored: Mapping[str, object] | Sequence[object]) -> Trouble:
    if not isinstance(stored, Mapping):  # as earlier releases wrote it
        stored = dict(zip(("severity", "said", "link", "since"), stored, strict=True))
    days = stored.get("days", ())
    assert isinstance(days, Sequence)
    return Trouble(
        severity=Severity(int(str(stored["severity"]))),
        said=str(stored["said"]),
        link=str(stored["link"]),
        since=datetime.fromisoformat(str(stored["since"])),
        last=datetime.fromisoformat(str(stored.get("last", stored["since"]))),
        member=str(stored.get("member", name)),
        work=_work(days, str(stored.get("schedule", ""))),
    )


def _days_of(work: Work) -> list[str]:
    return [day.isoformat() for span in work.spans for day in span]


def _work(days: Sequence[str], schedule: str) -> Work:
    """Earlier releases wrote one span at most, in the same way."""
    every = [date.fromisoformat(day) for day in days]
    return Work(tuple(zip(every[::2], every[1::2], strict=True)), schedule)
