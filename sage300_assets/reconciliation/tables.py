"""Where reconciliations are kept in the lake: declared as entities are, so that they are published, viewed and tidied like everything else."""

from __future__ import annotations

from sage300_assets.catalogue.model import Dated, Entity, collection
from sage300_assets.catalogue.types import parse_fields

RECONCILIATION = Entity(
    "Reconciliation",
    module="",
    view="",
    key=("control", "asset", "comparison"),
    reading=Dated("day"),
    description="What the last reconciliation compared: one row per comparison, with both sides' totals and what is unexplained.",
    fields=parse_fields("""
        control asset comparison day:day title severity state note unit tolerance:money compared:int says:money adds:money differing:int
        explained:money unexplained_records:int unexplained_home:money unexplained_other
    """),
    collections=(
        collection(
            "Differences",
            table="reconciliation_differences",
            key="place",
            fields="""
                place:int record_key currency says:money adds:money difference:money explained:money unexplained:money open:flag reason since:day
            """,
            control="unexplained",
        ),
    ),
    control="unexplained_home",
)
"""The whole of the last reconciliation: it takes the place of the one before."""

HISTORY = Entity(
    "ReconciliationHistory",
    module="",
    view="",
    key=("day",),
    reading=Dated("day"),
    description="The result of each day's last reconciliation.",
    fields=parse_fields("day:day comparisons:int compared:int differing:int unexplained_records:int unexplained_home:money unexplained_other"),
    control="unexplained_home",
)
"""One row for each day: how long a company has been reconciled, and what it looked like."""

OWN = (RECONCILIATION, HISTORY)
