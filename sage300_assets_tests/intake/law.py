"""The law: a read ends with the source's truth in the lake, or with an error that says what to do and a lake that is as it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
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
from sage300_assets_tests.truth import Row, current_rows

CANARIES = ("CANARY-", "nobody declared this")
"""What the simulator puts into sensitive members, and into those that nobody declared."""


@dataclass(frozen=True)
class Before:
    """A lake at one moment."""

    publications: tuple[Publication, ...]
    rows: dict[str, list[Row]]

    @classmethod
    def of(cls, lake: Lake, entity: Entity) -> Before:
        return cls(lake.publications(COMPANY, entity), current_rows(lake, COMPANY, entity))

    def assert_unchanged(self, lake: Lake, entity: Entity) -> None:
        """Nothing was published, nothing looks different, and no half-written file is left."""
        fresh = Lake(lake.root)
        assert [p.read for p in fresh.publications(COMPANY, entity)] == [p.read for p in self.publications]
        now = current_rows(fresh, COMPANY, entity)
        assert {t: sorted(map(repr, r)) for t, r in now.items()} == {t: sorted(map(repr, r)) for t, r in self.rows.items()}
        named = {f.name for p in self.publications for f in p.files}
        for table in entity.tables:
            left = [p.name for p in lake.layout.table(COMPANY, table).glob("*parquet*") if p.name not in named]
            assert not left, f"left behind: {left}"
        scratch = lake.root / "_scratch"
        assert not scratch.exists() or not list(scratch.iterdir())


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
