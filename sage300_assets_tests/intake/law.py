"""The law: a read ends with the source's truth in the lake, or with an error that says what to do and a lake that is as it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.publication import Publication
from sage300_assets_tests.house import COMPANY, PASSWORD, USER, files_below

CANARIES = ("CANARY-", "nobody declared this")
"""What the simulator puts into sensitive members, and into those that nobody declared."""


@dataclass(frozen=True)
class Still:
    """Everything a lake holds at one moment, apart from raw answers and locks."""

    lake: Lake
    entity: Entity
    publications: tuple[Publication, ...]
    files: Mapping[Path, tuple[int, int]]

    @classmethod
    def of(cls, lake: Lake, entity: Entity) -> Still:
        return cls(lake, entity, lake.publications(COMPANY, entity), _files(lake.root))

    def assert_unchanged(self) -> None:
        """Nothing was published, no file came, went or changed, so nothing looks different to anyone."""
        assert [p.read for p in Lake(self.lake.root).publications(COMPANY, self.entity)] == [p.read for p in self.publications]
        assert _files(self.lake.root) == self.files


def _files(root: Path) -> dict[Path, tuple[int, int]]:
    """Size and age of all files that are not raw answers, locks or remembered metadata."""
    kept = (p for p in files_below(root) if p.relative_to(root).parts[0] not in {"_raw", "_locks", "_metadata"})
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in kept}


def assert_says_what_to_do(problem: BaseException, resource: str) -> None:
    """The error is one of ours, names company and entity, has a cure, and keeps every secret."""
    assert isinstance(problem, Sage300AssetsError), f"{type(problem).__name__}: {problem}"
    text = str(problem)
    assert COMPANY in text, text
    assert resource in text, text
    assert problem.cure, f"no cure: {text}"
    assert problem.cure in text, text
    assert "\n" not in text
    assert_no_secret(text)
    cause: BaseException | None = problem
    while cause is not None:
        assert_no_secret(repr(cause) + str(cause))
        cause = cause.__cause__ or cause.__context__


def assert_no_secret(text: str) -> None:
    """Neither password nor user, however written, nor anything sensitive."""
    both = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), json.dumps(PASSWORD)[1:-1], USER, both, *CANARIES):
        assert secret.casefold() not in text.casefold(), "a secret shows"


def assert_lake_keeps_secrets(root: Path) -> None:
    """Nothing below a folder holds anything sensitive: not raw answers, not tables, not publications."""
    for path in files_below(root):
        if path.suffix == ".pages":
            for text in raw_answers(path):
                assert_no_secret(text)
        elif path.suffix == ".parquet":
            table = pq.read_table(path)
            for column in table.columns:
                if pa.types.is_string(column.type):
                    assert_no_secret(" ".join(column.unique().drop_null().to_pylist()))
                elif pa.types.is_nested(column.type):
                    assert_no_secret(str(column.to_pylist()))
        else:
            assert_no_secret(path.read_bytes().decode("utf-8", "replace"))


def raw_answers(pages: Path) -> Iterable[str]:
    """The landed answers of one read."""
    index = pages.with_name(pages.name.removesuffix(".pages") + ".index.jsonl")
    content = pages.read_bytes()
    for line in index.read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        packed = content[entry["offset"] : entry["offset"] + entry["packed"]]
        yield pa.Codec("zstd").decompress(packed, entry["bytes"], asbytes=True).decode("utf-8", "replace")
