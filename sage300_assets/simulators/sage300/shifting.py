"""Records that move between two pages: the mishap that a count alone does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.shapes import Row, Shape
from sage300_assets.simulators.sage300.store import Store


def possible(found: Sequence[Draft], skip: int) -> bool:
    """Whether there is a served part and a part still to come."""
    return 1 <= skip < len(found)


def plan(found: Sequence[Draft], store: Store, skip: int, *, behind: bool) -> tuple[tuple[Any, ...], Row] | None:
    """The key to delete among the records already served, and a record to insert: before the next page, or at the very end."""
    gone = found[skip // 2]
    border = found[skip].key
    nearby = _neighbours(border, gone.key) if behind else _neighbours(found[-1].key)
    key = next((k for k in nearby if (k < border if behind else k > found[-1].key) and store.find(k) is None), None)
    if key is None:
        return None
    return gone.key, _clone((found[0] if behind else found[-1]).record(), store.shape, key)


def _neighbours(*keys: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Keys near these: one member a little larger or smaller, the last members first."""
    for key in keys:
        for place in range(len(key) - 1, -1, -1):
            member = key[place]
            before, after = key[:place], key[place + 1 :]
            if isinstance(member, Decimal | int) and not isinstance(member, bool):
                for step in range(1, 100):
                    yield (*before, member + step, *after)
                    if member >= step:
                        yield (*before, member - step, *after)
            elif isinstance(member, str):
                # An exclamation mark sorts before every letter and digit, so the new key comes directly after the old one.
                yield from ((*before, f"{member}!{step:03d}", *after) for step in range(1, 100))


def _clone(record: Row, shape: Shape, key: tuple[Any, ...]) -> Row:
    names = dict(zip(shape.key, key, strict=True))
    return _renamed(record, shape, names)


def _renamed(row: Row, shape: Shape, names: dict[str, Any]) -> Row:
    changed = {**row, **{n: v for n, v in names.items() if n in row}}
    for member, child in shape.children.items():
        changed[member] = [_renamed(nested, child, names) for nested in row[member]]
    return changed
