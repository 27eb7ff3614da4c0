"""Whether the rows of a plan are still those that were looked at, judged and agreed to.

A plan is named after its rows, and an approval is of that name and of the hash of its content; both are worked out again from the file before
anything of it leaves. Whoever may write to the lake can change the file, and not what was agreed to.
"""

from __future__ import annotations

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import Plan, fingerprints, has_payloads, name_of, open_rows
from sage300_assets.lake.lake import Lake


def refuse_if_altered(flow: Flow, plan: Plan, lake: Lake) -> None:
    """Compare every row with what the plan is called and says of itself."""
    with open_rows(lake, plan) as db:
        hashed, content = fingerprints(db)
        if not _is_called(plan, hashed):  # it may be of a former release
            hashed, content = fingerprints(db, every_reason=True)
        counts = dict(db.execute("SELECT action, count(*) FROM plan GROUP BY 1").fetchall())
        odd = "SELECT record FROM plan WHERE action <> 'delete' AND sha256(payload) IS DISTINCT FROM payload_hash LIMIT 1"
        row = db.execute(odd).fetchone() if has_payloads(flow) else None
    is_named = _is_called(plan, hashed) and content == plan.content_hash
    if row is None and is_named and counts == dict(plan.counts):
        return
    what = f"what would be sent of {row[0]}" if row is not None else "its rows"
    raise DataError(
        f"{flow.name}: plan {plan.plan} was changed after it was made: {what} is not what it was made of, so nothing of it leaves.",
        cure="Make the plan again, look at it, and find out who may write to the folder _plans of the lake.",
    )


def _is_called(plan: Plan, hashed: str) -> bool:
    return name_of(plan.flow, plan.company, plan.target, hashed) == plan.plan
