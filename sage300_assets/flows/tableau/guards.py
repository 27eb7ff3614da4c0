"""What must hold of an extract before it is published. A record of its plan stands for many rows, so they are counted from its payload."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.delivery.guards import CONTROL_TOTAL, DUPLICATES, HELD, NOT_EMPTIED, Guard, View

MOST_ROWS_LOST = 0.5
_SUM = "coalesce(sum(CAST(json_extract_string(payload, '$.rows') AS BIGINT)), 0)"


def _rows_kept(view: View) -> tuple[bool, str, tuple[str, ...]]:
    (now,) = view.rows(f"SELECT {_SUM} FROM plan WHERE action <> 'delete'")[0]
    (before,) = view.rows(f"SELECT {_SUM} FROM before")[0]
    now, before = int(str(now)), int(str(before))
    lost = (before - now) / before if before else 0.0
    return lost <= MOST_ROWS_LOST, f"{now:,} rows, {before:,} were published before (at most {MOST_ROWS_LOST:.0%} may go at once)", ()


SOUND = replace(
    HELD,
    name="models_are_sound",
    description="Every model that the extract is made of was built, and none of its checks found an error.",
    blocking=True,
)
ROWS_KEPT = Guard("rows_kept", f"At most {MOST_ROWS_LOST:.0%} of the published rows go at once.", _rows_kept, yields=True)

EXTRACT = (SOUND, CONTROL_TOTAL, ROWS_KEPT, NOT_EMPTIED, DUPLICATES)
