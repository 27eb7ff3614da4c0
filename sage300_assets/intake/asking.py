"""Asking for records by their keys, and holding a result after which too much would be gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from sage300_assets.base.errors import DataError, PermanentError
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.systems.sage300.client import Page, Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.failures import refuses_the_key
from sage300_assets.systems.sage300.odata import Dialect, Value, literal
from sage300_assets.systems.sage300.windows import Reader

FEW = 20
"""So many records may vanish at once without being suspicious, however few there are, as long as some are left."""
_FILTER_BYTES = 900

Key = tuple[object, ...]


def conditions(keys: Iterable[Key], contract: Contract, dialect: Dialect) -> Iterator[tuple[str, set[Key]]]:
    """Filters that ask for records by their keys, several at a time, and whom each asks for."""
    names = contract.key_select
    batch, asked, size = "", set[Key](), 0
    for key in sorted(keys, key=repr):
        one = " and ".join(_is(n, v, dialect) for n, v in zip(names, contract.asked_by(key), strict=True))  # type: ignore[arg-type]
        if batch and size + len(quote(one)) > _FILTER_BYTES:
            yield batch, asked
            batch, asked, size = "", set[Key](), 0
        batch = f"{batch} or {one}" if batch else one
        size += len(quote(f" or {one}"))
        asked.add(key)
    if batch:
        yield batch, asked


def _is(name: str, value: Value | None, dialect: Dialect) -> str:
    # A value that no record has must still be asked for in words that every server takes.
    return f"{name} eq 0 and {name} eq 1" if value is None else f"{name} eq {literal(value, dialect)}"


def is_too_much(gone: int, before: int, most: int) -> bool:
    """Whether so many records cannot have been deleted one by one."""
    return gone > FEW and (gone * 2 > before or gone > most)


def looks_emptied(what: str, gone: int, before: int, verb: str) -> DataError:
    """A result after which most of what was there would be gone; `verb` is the command that a person can accept it with."""
    return DataError(
        f"{what}: {gone} of {before} records are no longer in Sage 300, which looks like a source that was emptied or restored. "
        "Nothing was published.",
        cure=f"Look into Sage 300. If they were really deleted, run `sage300 {verb}` for this entity with --accept-vanished.",
    )


@dataclass(frozen=True)
class Asked:
    """What became of records that were asked for by their keys."""

    gone: tuple[Key, ...]
    alive: Mapping[Key, date | None]
    """With their present day."""


def ask(keys: Iterable[Key], contract: Contract, client: Sage300Client, reader: Reader, hold: Callable[[int], None]) -> Asked:
    """Ask for records in two ways: by filters, several at a time; and whatever these do not find once more, each by its own address.

    `hold` hears how many are gone so far, and may stop it.
    """
    alive: dict[Key, date | None] = {}
    left: list[Key] = []
    for condition, asked in conditions(keys, contract, client.dialect):
        found = {key: day for page in reader.look_up(condition).pages for key, day in _dated(page, contract)}
        # Where capitals do not count, another record than the one that was meant may answer.
        alive |= {key: found[key] for key in asked & found.keys()}
        left += sorted(asked - found.keys(), key=repr)
        hold(len(left))

    def address(key: Key) -> dict[Key, date | None]:
        try:
            page = client.record(contract, key)  # type: ignore[arg-type]
        except PermanentError as refusal:
            if not refuses_the_key(refusal):
                raise
            return {}  # a key that no address can hold: the filter's answer stands
        return {} if page is None else dict(_dated(page, contract))

    with ThreadPoolExecutor(client.parallel, thread_name_prefix="ask") as pool:
        answers = list(zip(left, pool.map(address, left), strict=True))
    alive |= {key: found[key] for key, found in answers if key in found}
    return Asked(tuple(key for key, found in answers if key not in found), alive)


def _dated(page: Page, contract: Contract) -> Iterator[tuple[Key, date | None]]:
    names = contract.entity.key
    for rows in (page.tables[contract.entity.root.name], page.aside):
        for row in rows.select([*names, BUSINESS_DATE]).to_pylist() if rows is not None else ():
            yield tuple(row[n] for n in names), row[BUSINESS_DATE]
