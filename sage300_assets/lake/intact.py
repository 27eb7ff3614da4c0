"""Are the files of the lake still what was published? A bit that turns over mostly makes a file unreadable, and sometimes another number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import DataFile, Publication


@dataclass(frozen=True)
class Looked:
    """One file of a publication, and what is wrong with it; nothing if it is what was published."""

    path: Path
    company: str
    entity: Entity
    read: str
    problem: str = ""


def look_at_files(lake: Lake, wanted: Iterable[tuple[str, Entity]]) -> Iterator[Looked]:
    """Read every file that a publication names, and compare it with the hash that stands there."""
    for company, entity in wanted:
        folders = {table.name: lake.layout.table(company, table) for table in entity.stored}
        for publication in lake.publications(company, entity):
            for file in publication.files:
                if file.table in folders:  # otherwise of a table that the catalogue does not know any more, which nobody reads
                    yield _look(lake, company, entity, publication, folders[file.table] / file.name, file)


def _look(lake: Lake, company: str, entity: Entity, publication: Publication, path: Path, file: DataFile) -> Looked:
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        problem = "" if digest == file.sha256 else "its content is not what was published"
    except FileNotFoundError:
        # Superseded, and tidied away with its publication since that was listed.
        problem = "it is gone" if lake.is_published(company, entity, publication.read) else ""
    except OSError as trouble:
        problem = f"it cannot be read ({trouble.strerror or type(trouble).__name__})"
    return Looked(path, company, entity, publication.read, problem)
