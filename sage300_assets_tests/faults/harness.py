"""The rule of the whole suite: whatever is broken, the lake holds the truth, or the failure has published nothing. And afterwards all is well.

A *case* is a name and a seed: the same two give the same trouble. What each of its tries came to is a *verdict*.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import duckdb
import pyarrow as pa

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.story import anchors
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.verify import verify
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess
from sage300_assets_tests.house import COMPANY, House
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do


@dataclass(frozen=True)
class Case:
    """One kind of trouble, and the seed of everything about it that is left to chance."""

    name: str
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.name.replace(' ', '-')}-{self.seed}"

    def chance(self) -> random.Random:
        """The case's own dice."""
        return random.Random(f"{self.name} {self.seed}")


@dataclass
class Trial:
    """The tries of one case, and what they came to; the first that breaks the rule ends it."""

    came_to: Counter[Verdict] = field(default_factory=Counter)
    recovered: int = 0
    """How often one more read made everything good; no try of its own."""
    redrawn: int = 0
    """Drawn, and nothing was broken: not counted, and drawn again."""

    def attempt(self, house: House, entity: Entity, act: Callable[[], object]) -> Verdict:
        """Do it: the truth is in the lake afterwards, or it fails as it should and nothing was published."""
        before = Still.of(house.lake, entity)
        try:
            act()
        except Sage300AssetsError as refusal:
            with or_else(WrongSuccess):
                assert_says_what_to_do(refusal, entity.resource)
                before.assert_unchanged()
            return self.count(Verdict.REFUSED)
        with or_else(WrongSuccess):
            house.check(entity)
        return self.count(Verdict.TRUTH)

    def count(self, verdict: Verdict) -> Verdict:
        """One try more came to this."""
        self.came_to[verdict] += 1
        return verdict


@contextmanager
def or_else(kind: type[AssertionError]) -> Iterator[None]:
    """What fails inside is of this kind; so is a file of the lake that cannot be read, as a torn one."""
    try:
        yield
    except (AssertionError, Sage300AssetsError, duckdb.Error, pa.ArrowException) as problem:
        if isinstance(problem, (WrongSuccess, Unrecovered)):
            raise
        raise kind(str(problem)) from problem


def recover(house: House, entity: Entity) -> None:
    """One read that nobody disturbs makes everything good."""
    with or_else(Unrecovered):
        house.load(entity)
        house.check(entity)


def assert_trail_is_whole(ledger: Ledger, lake: Lake, entities: Iterable[Entity]) -> None:
    """Nothing in the audit trail is broken, and it has everything that a publication says it has, which each of them does."""
    wanted = [(COMPANY, e) for e in entities]
    silent = [p.read for company, entity in wanted for p in lake.publications(company, entity) if not p.anchor]
    assert not silent, f"published, and nothing of it is on record: {silent}"
    verdict = verify(ledger, anchors(lake, wanted))
    assert verdict.broken is None, f"{verdict.broken}"


def assert_nothing_is_left(lake: Lake, entity: Entity) -> None:
    """In two days nothing will be there that belongs to no publication."""
    lake.tidy(COMPANY, entity, time.time() + timedelta(days=2).total_seconds())
    named = {f.name for p in lake.publications(COMPANY, entity) for f in p.files}
    left = {p.name for t in entity.tables for p in lake.layout.table(COMPANY, t).glob("*.parquet*")} - named
    left |= {p.name for p in lake.layout.scratch.glob("*")}
    assert not left, f"nobody clears away {sorted(left)}"
