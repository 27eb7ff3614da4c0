"""Former versions of a record: what the last build knew, brought up to date by what is so now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sage300_assets.lake.shelf import Build
from sage300_assets.lake.views import comma, literal, quoted
from sage300_assets.models.compiled import CHANGED_ON, HISTORY_COLUMNS, STAMPED_ON, Model


def merged_sql(model: Model, before: Build | None, before_sql: str, now_sql: str, today: date, companies: Sequence[str]) -> str:
    """All versions after today. A version is in force from `valid_from` to the day before `valid_to`.

    What changed together with its stamp is so since the day that the stamp says. A stamp that was seen before tells nothing of a value that changed
    after it, such as one that was joined: that is so since today. So the stamp last seen is kept, also when it came without a new version.

    Records of companies that are not built now are left as they are: nobody looked whether they are gone.
    """
    values = [c.name for c in model.columns if c.name not in {name for name, _ in HISTORY_COLUMNS}]
    if before is None:
        began = f"{CHANGED_ON} AS valid_from, CAST(NULL AS DATE) AS valid_to, true AS is_current, {CHANGED_ON} AS {STAMPED_ON}"
        return f"SELECT {comma(values)}, {began} FROM ({now_sql})"
    kept = {name for name, _ in before.columns}
    keys = model.header.keys
    same_key = " AND ".join(f"p.{quoted(k)} = n.{quoted(k)}" for k in keys)
    # A column that the last build did not have is no change of the record.
    compared = [v for v in values if v in kept and v not in keys]
    same = " AND ".join(f"p.{quoted(v)} IS NOT DISTINCT FROM n.{quoted(v)}" for v in compared) or "true"
    since = (
        f"CASE WHEN n.{CHANGED_ON} > greatest(p.valid_from, p.{STAMPED_ON}) THEN n.{CHANGED_ON} "
        f"WHEN DATE '{today}' > p.valid_from THEN DATE '{today}' ELSE p.valid_from END"
    )
    # A build that did not keep stamps had seen those of its day at most.
    seen = "" if STAMPED_ON in kept else f", CASE WHEN is_current THEN DATE '{before.started_at:%Y-%m-%d}' END AS {STAMPED_ON}"
    looked_at = f"p.company IN ({', '.join(literal(c) for c in companies)})"
    return f"""
        WITH now AS ({now_sql}),
        former AS (SELECT *{seen} FROM ({before_sql})),
        present AS (SELECT * FROM former WHERE is_current),
        ended AS (SELECT {comma(keys)}, max(valid_to) AS valid_to FROM former WHERE NOT is_current GROUP BY ALL)
        SELECT {_of("p", values, kept)}, p.valid_from, p.valid_to, false AS is_current, p.{STAMPED_ON} FROM former AS p
        WHERE NOT p.is_current AND p.valid_from < p.valid_to
        UNION ALL
        SELECT {_of("p", values, kept)}, p.valid_from, {since}, false, p.{STAMPED_ON} FROM present AS p JOIN now AS n ON {same_key}
        WHERE NOT ({same}) AND p.valid_from < {since}
        UNION ALL
        SELECT {_of("n", values)}, CASE WHEN {same} THEN p.valid_from ELSE {since} END, NULL, true, n.{CHANGED_ON}
        FROM present AS p JOIN now AS n ON {same_key}
        UNION ALL
        SELECT {_of("p", values, kept)}, p.valid_from, CASE WHEN {looked_at} THEN DATE '{today}' END, NOT ({looked_at}), p.{STAMPED_ON}
        FROM present AS p
        WHERE NOT EXISTS (SELECT 1 FROM now AS n WHERE {same_key})
        UNION ALL
        SELECT {_of("n", values)}, greatest(n.{CHANGED_ON}, coalesce(e.valid_to, n.{CHANGED_ON})), NULL, true, n.{CHANGED_ON} FROM now AS n
        LEFT JOIN ended AS e ON {same_key.replace("p.", "e.")}
        WHERE NOT EXISTS (SELECT 1 FROM present AS p WHERE {same_key})"""


def _of(alias: str, names: Iterable[str], there: Iterable[str] | None = None) -> str:
    known = None if there is None else set(there)
    return ", ".join(f"{alias}.{quoted(n)}" if known is None or n in known else f"NULL AS {quoted(n)}" for n in names)
