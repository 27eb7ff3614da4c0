"""Carrying out a saved export or deletion."""

from __future__ import annotations

import csv
import io
import math
from datetime import date
from decimal import Decimal

from sage300_assets.simulators.anaplan.blueprint import ActionSpec, ExportSpec
from sage300_assets.simulators.anaplan.model import Cell, Model, Value


def run_export(model: Model, spec: ExportSpec, *, partial: bool = False) -> bytes:
    """The rows of a module as CSV. Numbers pass through binary floating point, as they do in the real thing."""
    module = model.modules[spec.module]
    found: dict[Cell, None] = {}
    for cells in module.cells.values():
        found.update(dict.fromkeys(cells))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(spec.columns)
    rows = sorted(found)
    if spec.filter:
        rows = [cell for cell in rows if module.cells[spec.filter].get(cell) is True]
    if partial:
        rows = rows[: len(rows) // 2]
    for cell in rows:
        coordinates = dict(zip(module.spec.dimensions, cell, strict=True))
        writer.writerow(
            coordinates[target] if target in coordinates else shown(module.cells[target].get(cell), module.spec.line_items[target])
            for target in spec.columns.values()
        )
    return out.getvalue().encode()


def shown(value: Value | None, form: str) -> str:
    """A value as an export writes it."""
    if value is None:
        return {"NUMBER": "0", "BOOLEAN": "false"}.get(form, "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return with_noise(value)
    return value.isoformat() if isinstance(value, date) else value


def with_noise(value: Decimal) -> str:
    """A number after arithmetic in binary: whole ones stay, many others end in digits that nobody has entered."""
    number = float(value)
    if value == value.to_integral_value():
        return f"{value:.0f}"
    # Two cents out of three have gone through a sum whose last bit is off.
    return repr(math.nextafter(number, math.inf) if int(value.scaleb(2)) % 3 else number)


def run_action(model: Model, spec: ActionSpec) -> int:
    """Delete the flagged members of a list, and their data everywhere. Returns how many."""
    flags = model.modules[spec.module].cells[spec.line_item]
    gone = [cell[0] for cell, flagged in flags.items() if flagged is True]
    delete_members(model, spec.list, gone)
    return len(gone)


def delete_members(model: Model, list_name: str, codes: list[str]) -> None:
    """Remove members; whatever any module holds for them goes too."""
    for code in codes:
        model.lists[list_name].remove(code)
        for module in model.modules.values():
            if list_name in module.spec.dimensions:
                module.forget(list_name, code)
