"""Extracts that were made, kept in the lake until the next one has taken their place on the site: what was refused is sent again from here."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sage300_assets.lake.files import flush_to_disk, write_whole
from sage300_assets.systems.tableau.extract import Extract
from sage300_assets.systems.tableau.stamp import Content

Make = Callable[[Path], Extract]
"""Makes an extract in a folder."""


@dataclass(frozen=True)
class Kept:
    """A package that is ready to be sent."""

    file: Path
    content: Content
    records: Mapping[str, str] = field(default_factory=dict)
    """What it was made of, as its plan said it: record -> payload."""


@dataclass(frozen=True)
class Shelf:
    """The kept extracts of one data source, by the fingerprint of their content."""

    folder: Path

    def get(self, fingerprint: str) -> Kept | None:
        """An extract that is there whole."""
        file = self._file(fingerprint)
        try:
            about = json.loads(file.with_suffix(".json").read_bytes())
            if file.stat().st_size != about["bytes"]:
                return None
        except (FileNotFoundError, ValueError):
            return None
        totals = tuple((str(name), Decimal(total)) for name, total in about["totals"])
        return Kept(file, Content(fingerprint, int(about["rows"]), totals), about.get("records", {}))

    def any(self) -> Kept | None:
        """An extract that is there whole: as a rule the one that was published last."""
        found = (self.get(path.stem) for path in sorted(self.folder.glob("*.tdsx"), key=lambda path: path.stat().st_mtime, reverse=True))
        return next((kept for kept in found if kept is not None), None)

    def put(self, fingerprint: str, make: Make, records: Mapping[str, str]) -> Kept:
        """Make one in a folder of its own, and keep it. What says that it is there is written last."""
        work = self.folder / f".{fingerprint}.{secrets.token_hex(4)}.part"
        work.mkdir(parents=True)
        try:
            made = make(work)
            flush_to_disk(made.file)
            file = self._file(fingerprint)
            totals = [[n, f"{t:f}"] for n, t in made.content.totals]
            about = {"rows": made.content.rows, "totals": totals, "bytes": made.file.stat().st_size, "records": dict(records)}
            file.with_suffix(".json").unlink(missing_ok=True)
            made.file.replace(file)
            write_whole(file.with_suffix(".json"), json.dumps(about).encode())
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Kept(file, made.content, records)

    def only(self, fingerprint: str) -> None:
        """Let go of all others, and of what a process that was killed has left."""
        for path in self.folder.glob("*.tdsx"):
            if path.stem != fingerprint:
                path.with_suffix(".json").unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        for left in self.folder.glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def place_to_work(self) -> Iterator[Path]:
        """A folder for the time of a block."""
        work = self.folder / f".{secrets.token_hex(4)}.part"
        work.mkdir(parents=True)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _file(self, fingerprint: str) -> Path:
        return self.folder / f"{fingerprint}.tdsx"
