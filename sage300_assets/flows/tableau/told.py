"""What the site told by webhook and then confirmed, kept in the lake until somebody has acted on it: one small file for each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake

if TYPE_CHECKING:  # brings the client library, which the definitions do not need
    from sage300_assets.systems.tableau.hints import Confirmed

FOLDER = "_told"
REFRESH_FAILED, REFRESH_SUCCEEDED, SOURCE_DELETED = "DatasourceRefreshFailed", "DatasourceRefreshSucceeded", "DatasourceDeleted"


@dataclass(frozen=True)
class Told:
    """One thing that happened on the site."""

    place: str
    """Its file, which sorts by time."""
    at: str
    kind: str
    name: str
    id: str
    where: str = ""
    """Its place on the site, such as Finance/Vendors; empty where that is not known."""


def place_of(project: str, name: str) -> str:
    """A place on the site, however the path of its project is written."""
    return "/".join([*(part.strip() for part in project.split("/") if part.strip()), name])


def note(lake: Lake, confirmed: Confirmed, now: datetime) -> Told:
    """Keep it."""
    about = f"{confirmed.kind.value}\n{confirmed.id}\n{now.isoformat()}"
    place = f"{now:%Y%m%dT%H%M%S%f}-{hashlib.sha256(about.encode()).hexdigest()[:8]}.json"
    told = Told(place, now.isoformat(), confirmed.kind.value, confirmed.name, confirmed.id, confirmed.place)
    write_whole(lake.root / FOLDER / place, json.dumps(asdict(told)).encode())
    return told


def told_since(lake: Lake, place: str) -> list[Told]:
    """Everything after a place, oldest first."""
    folder = lake.root / FOLDER
    found = sorted(p for p in folder.glob("*.json") if not p.name.startswith(".") and p.name > place) if folder.is_dir() else []
    return [Told(**json.loads(path.read_bytes())) for path in found]
