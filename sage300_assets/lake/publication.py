"""A publication: the one small file that makes a read visible, for all tables of an entity at once.

Publications are never changed. Which of them is in force for a day follows from their order: the read with the highest identity that
covers the day. An identity starts with a ticket, one more than the highest visible when the read began, so an order between hosts does
not hang on their clocks.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from sage300_assets.base.days import Span
from sage300_assets.base.errors import ConfigurationError, PermanentError
from sage300_assets.lake.files import write_whole

FORMAT = 1


@dataclass(frozen=True)
class Cover:
    """Days for which a read is the truth."""

    span: Span
    read: str


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a publication."""

    table: str
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DayFigures:
    """What one table holds of one day."""

    rows: int
    total: str = ""
    """Exact sum of the table's control amount, as text; empty where there is none."""


@dataclass(frozen=True)
class Publication:
    """What a read brought, and for which days it is the truth."""

    read: str
    run: str
    company: str
    entity: str
    started_at: datetime
    published_at: datetime
    covers: tuple[Cover, ...]
    files: tuple[DataFile, ...]
    figures: Mapping[str, Mapping[str, DayFigures]]
    """Table -> day -> figures."""
    source_rows: int
    """How many records the source says it has in what was read."""
    snapshot: bool = False
    changes: bool = False
    """Whether its files hold change rows, which stand beside the covered days."""
    vanished: int = 0
    watermark: str = ""
    """Newest posting sequence seen, where the entity has one."""
    schema: str = ""
    missing: tuple[str, ...] = ()
    pages: tuple[Mapping[str, object], ...] = ()
    """Every page that counts: window, rows, hash of the raw answer, when; `landed` is the hash of what was landed, where that differs."""
    touched_days: tuple[str, ...] = ()
    """Days whose current rows this publication may have changed."""
    anchor: str = ""
    """The end of the audit trail just before this became visible (`base.audit.Anchor`); empty where none is kept."""
    quarantined: int = 0
    """Records that were put aside because a value did not fit."""
    sweep: bool = False
    """It only says which records are gone: nothing was read, so it is the truth for no day."""
    lacking: tuple[str, ...] = ()
    """Days of records that a sweep found at the source and not in the lake: they are to be read."""
    unlooked: tuple[str, ...] = ()
    """Members by which older documents are looked up, and the server did not filter this time: what befell those is not known since."""
    metadata: str = ""
    """Fingerprint of the `$metadata` document by which the pages were read."""
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Rows over all tables."""
        return sum(f.rows for f in self.files)

    def to_json(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self), default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def new_read(known: Iterable[str], now: datetime | None = None) -> str:
    """Identity of a read that begins now; sorts after every one that was visible when it began."""
    ticket = 1 + max((int(r.partition("-")[0]) for r in known), default=0)
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S%f")
    return f"{ticket:08d}-{moment}-{secrets.token_hex(3)}"


def reads(publications: Iterable[Publication]) -> tuple[Publication, ...]:
    """Those that brought records; a sweep only takes away."""
    return tuple(p for p in publications if not p.sweep)


def still_lacking(swept: Publication, publications: Iterable[Publication]) -> tuple[date, ...]:
    """Days that a sweep found to lack records, and that no read has covered that began later. What is older than all that was read is let be."""
    if not swept.lacking:
        return ()
    brought = reads(publications)
    since = [p for p in brought if p.read > swept.read]
    starts = [c.span.start for p in brought for c in p.covers]
    first = min((start for start in starts if start is not None), default=date.min) if None not in starts else date.min
    days = (day for day in map(date.fromisoformat, swept.lacking) if day >= first)
    return tuple(day for day in days if not any(p.snapshot or any(day in c.span for c in p.covers) for p in since))


def again(read: str, known: Iterable[str]) -> str:
    """Identity of a read made of the pages that another read has landed: it sorts directly behind that one, before any that came later."""
    earlier = [int(r.partition(_AGAIN)[2].partition("-")[0]) for r in known if _AGAIN in r and original(r) == original(read)]
    return f"{original(read)}{_AGAIN}{1 + max(earlier, default=0):03d}-{secrets.token_hex(3)}"


def original(read: str) -> str:
    """Identity of the read that has landed the pages; most reads have landed their own."""
    return read.partition(_AGAIN)[0]


_AGAIN = "~"  # sorts behind `.`, which numbers the windows of the read itself


def store(folder: Path, publication: Publication) -> None:
    """Make a publication visible."""
    write_whole(folder / f"{publication.read}.json", publication.to_json())


@dataclass
class PublicationLog:
    """All publications of one entity, in order. Files never change, so each is read once per process."""

    folder: Path
    _known: dict[str, Publication] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def list(self) -> tuple[Publication, ...]:
        """Those visible now, oldest first."""
        with self._one_at_a_time:
            names = sorted(p.name for p in self.folder.glob("*.json") if not p.name.startswith("."))
            known: dict[str, Publication] = {}
            for name in names:
                # Tidied away since it was listed: superseded, so nothing is missed.
                with contextlib.suppress(FileNotFoundError):
                    known[name] = self._known.get(name) or _read(self.folder / name)
            self._known = known
            return tuple(known.values())


def live_covers(publications: Iterable[Publication]) -> tuple[Cover, ...]:
    """Disjoint spans, each with the read in force."""
    return live_pieces(c for p in publications for c in p.covers)


def live_pieces(covers: Iterable[Cover]) -> tuple[Cover, ...]:
    """The same spans without overlaps: where several reads cover a day, the one with the highest identity stays."""
    live: list[Cover] = []
    for cover in sorted(covers, key=lambda c: c.read):
        live = [piece for old in live for piece in _without(old, cover.span)]
        live.append(cover)
    return tuple(sorted(live, key=lambda c: c.span.start or date.min))


def superseded_since(publications: Iterable[Publication]) -> Mapping[str, datetime]:
    """Reads that are in force for no day any more and hold no change rows, with the moment since when; no sweep whose days are still to be read."""
    found = list(publications)
    published = {p.read: p.published_at for p in found}
    since = {p.read: p.published_at for p in found if not p.changes}
    live: list[Cover] = []
    for cover in sorted((c for p in found for c in p.covers), key=lambda c: c.read):
        left: list[Cover] = []
        for old in live:
            rest = _without(old, cover.span)
            loser = old.read.partition(".")[0]
            if rest != [old] and loser in since:
                since[loser] = max(since[loser], published[cover.read.partition(".")[0]])
            left += rest
        live = [*left, cover]
    in_force = {c.read.partition(".")[0] for c in live}
    needed = in_force | {p.read for p in found if still_lacking(p, found)}
    return {read: moment for read, moment in since.items() if read not in needed}


def _without(cover: Cover, hole: Span) -> list[Cover]:
    """What is left of a cover when a newer one takes a span away."""
    span, left = cover.span, []
    if hole.start is not None and (span.start is None or span.start < hole.start):
        end = hole.start if span.end is None else min(span.end, hole.start)
        left.append(Cover(Span(span.start, end), cover.read))
    if hole.end is not None and (span.end is None or span.end > hole.end):
        start = hole.end if span.start is None else max(span.start, hole.end)
        left.append(Cover(Span(start, span.end), cover.read))
    return left


def _read(path: Path) -> Publication:
    """One publication. What cannot be understood is not passed over: what it replaced would be taken for the newest."""
    content = path.read_bytes()
    try:
        return parse(content)
    except NewerFormat as newer:
        raise ConfigurationError(
            f"{path} was written by a newer release (format {newer.args[0]}, this one knows {FORMAT}).",
            cure="Install that release here too; nothing was read from the lake, and nothing written.",
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise PermanentError(
            f"{path} is damaged ({type(problem).__name__}): what this read brought cannot be told.",
            cure="Put it back from a backup; without one, move it to a place outside the lake, and read the entity again.",
        ) from problem


class NewerFormat(ValueError):
    """A publication of a release that writes them in another way."""


def parse(content: bytes) -> Publication:
    """Read what `to_json` wrote."""
    raw = json.loads(content)
    if raw["format"] != FORMAT:
        raise NewerFormat(raw["format"])
    raw["started_at"] = datetime.fromisoformat(raw["started_at"])
    raw["published_at"] = datetime.fromisoformat(raw["published_at"])
    raw["covers"] = tuple(Cover(Span(_day(c["span"]["start"]), _day(c["span"]["end"])), c["read"]) for c in raw["covers"])
    raw["files"] = tuple(DataFile(**f) for f in raw["files"])
    raw["figures"] = {t: {d: DayFigures(**f) for d, f in days.items()} for t, days in raw["figures"].items()}
    for name in ("missing", "pages", "touched_days", "lacking", "unlooked"):
        raw[name] = tuple(raw.get(name, ()))
    return Publication(**raw)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _plain(value: object) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a publication")
