"""Exports as they came: run, fetched, and kept as raw bytes, so that every document can be shown as Anaplan gave it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from sage300_assets.base.errors import DataError
from sage300_assets.flows.writeback.contract import Rounding
from sage300_assets.flows.writeback.control import Told, told_by
from sage300_assets.flows.writeback.flow import WriteBack
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

    from sage300_assets.systems.anaplan.client import AnaplanClient

FOLDER = "_exports"


@dataclass(frozen=True)
class Export:
    """One export that was fetched."""

    name: str
    """Of the write-back."""
    company: str
    saved: str
    """What the saved export is called in Anaplan."""
    fetched_at: datetime
    sha256: str
    size: int
    run: str
    told: Told | None
    """What the model itself says that the export holds; nothing where it has no such export."""

    @property
    def stamp(self) -> str:
        """Sorts by time."""
        return f"{self.fetched_at:%Y%m%dT%H%M%S%f}-{self.sha256[:12]}"


def fetch(
    client: AnaplanClient, lake: Lake, declared: WriteBack, company: str, *, called: Callable[[str], str], now: datetime, run: str = ""
) -> Export:
    """Run an export, fetch it, and keep it. The control totals are exported before and after: they must agree, or somebody was at work in between."""
    before = _told(client, lake, declared, called)
    saved = called(declared.export)
    content = _content(client, lake, saved)
    if _told(client, lake, declared, called) != before:
        raise DataError(f"{declared.name}: the model changed while it was exported.", cure="Fetch it again when nobody approves documents.")
    found = Export(declared.name, company, saved, now, hashlib.sha256(content).hexdigest(), len(content), run, before)
    keep(lake, found, content)
    return found


def keep(lake: Lake, export: Export, content: bytes) -> None:
    """Keep an export: its bytes first, so that what is told of them is never there without them."""
    place = _folder(lake, export.name, export.company)
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / f"{export.stamp}.csv", content)
    write_whole(place / f"{export.stamp}.json", json.dumps(asdict(export), default=str, indent=1).encode())


def exports(lake: Lake, name: str, company: str) -> Iterator[Export]:
    """All that are kept, newest first."""
    for path in sorted(_folder(lake, name, company).glob("*.json"), reverse=True):
        yield _parse(path.read_bytes())


def content_of(lake: Lake, export: Export) -> bytes:
    """The raw bytes; refused if they are not what was fetched."""
    path = _folder(lake, export.name, export.company) / f"{export.stamp}.csv"
    if not path.exists():
        raise DataError(f"{export.name}: the export {export.stamp} is gone from the lake.", cure="Fetch it again.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != export.sha256:
        raise DataError(f"{export.name}: the export {export.stamp} is not what was fetched.", cure="Somebody has changed the file; fetch it again.")
    return content


def _folder(lake: Lake, name: str, company: str) -> Path:
    return lake.root / FOLDER / company.lower() / name


def _told(client: AnaplanClient, lake: Lake, declared: WriteBack, called: Callable[[str], str]) -> Told | None:
    if not declared.control_export:
        return None
    return told_by(_content(client, lake, called(declared.control_export)), declared.name, Rounding())


def _content(client: AnaplanClient, lake: Lake, saved: str) -> bytes:
    from sage300_assets.systems.anaplan.download import download  # noqa: PLC0415 - declarations load without the client
    from sage300_assets.systems.anaplan.tasks import run as run_task  # noqa: PLC0415

    what = client.find("exports", saved)
    ended = run_task(client, "exports", what)
    if ended.cancelled or ended.result.verdict == "failed":
        raise DataError(f"Anaplan export {saved!r} did not succeed.", cure="Run it in Anaplan and see what it says.")
    lake.layout.scratch.mkdir(parents=True, exist_ok=True)
    hidden = lake.layout.scratch / f"export-{secrets.token_hex(8)}.part"
    try:
        download(client, what.id, hidden)
        return hidden.read_bytes()
    finally:
        hidden.unlink(missing_ok=True)


def _parse(content: bytes) -> Export:
    known = json.loads(content)
    told = known["told"]
    known["told"] = Told(int(told["rows"]), Decimal(told["debits"]), Decimal(told["credits"])) if told else None
    known["fetched_at"] = datetime.fromisoformat(known["fetched_at"])
    return Export(**known)
