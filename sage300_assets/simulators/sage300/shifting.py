"""Records that move between two pages: the mishap that a count alone does not show."""

from __future__ import annotations

from collections.abc import Sequence
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
    model = found[0] if behind else found[-1]
    key = _key_before(found[skip].key, store, gone.key) if behind else _key_after(found[-1].key, store)
    if key is None:
        return None
    return gone.key, _clone(model.record(), store.shape, key)


def _key_after(key: tuple[Any, ...], store: Store) -> tuple[Any, ...] | None:
    last = key[-1]
    for step in range(1, 1000):
        if isinstance(last, Decimal | int) and not isinstance(last, bool):
            candidate = (*key[:-1], last + step)
        elif isinstance(last, str):
            candidate = (*key[:-1], f"{last}{chr(0x7A)}{step:03d}")
        else:
            return None
        if store.find(candidate) is None:
            return candidate
    return None


def _key_before(key: tuple[Any, ...], store: Store, near: tuple[Any, ...]) -> tuple[Any, ...] | None:
    # As close as possible before the first record that has not been served yet.
    last = key[-1]
    for step in range(1, 1000):
        if isinstance(last, Decimal | int) and not isinstance(last, bool):
            if last - step < 0:
                return None
            candidate = (*key[:-1], last - step)
        elif isinstance(last, str):
            candidate = (*near[:-1], f"{near[-1]}!{step:03d}")
        else:
            return None
        if candidate < key and store.find(candidate) is None:
            return candidate
    return None


def _clone(record: Row, shape: Shape, key: tuple[Any, ...]) -> Row:
    names = dict(zip(shape.key, key, strict=True))
    return _renamed(record, shape, names)


def _renamed(row: Row, shape: Shape, names: dict[str, Any]) -> Row:
    changed = {**row, **{n: v for n, v in names.items() if n in row}}
    for member, child in shape.children.items():
        changed[member] = [_renamed(nested, child, names) for nested in row[member]]
    return changed
