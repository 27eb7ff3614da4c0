"""Results go back into the model: batch number and status of each transaction, so that planners see what has been booked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sage300_assets.base.settings import load
from sage300_assets.catalogue.model import Cadence
from sage300_assets.delivery.flow import Flow, Grain
from sage300_assets.delivery.guards import DUPLICATES, HELD
from sage300_assets.flows.anaplan.declaration import AnaplanImport, Column, Kind
from sage300_assets.flows.anaplan.parcel import Parcel
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.flow import WriteBack

if TYPE_CHECKING:
    import duckdb

    from sage300_assets.flows.anaplan.target import ImportTarget
    from sage300_assets.lake.lake import Lake

_NO_PREFIX = ""
SQL = """SELECT transaction_id, max(batch) AS batch, CASE WHEN max(batch) = '' THEN max(state) ELSE max(status) END AS status,
    array_to_string(list_sort(list_distinct(list(message) FILTER (message <> ''))), '; ') AS message, max(posting_sequence) AS posting_sequence
FROM results WHERE state IN ('done', 'failed', 'held', 'discarded') GROUP BY transaction_id"""


def acknowledgement_import(action: str, file: str) -> AnaplanImport:
    """One row for each transaction; cells of transactions that the model does not know any more are refused, and told."""
    return AnaplanImport(
        action.lower().replace(" ", "_"),
        "Batch number, status and message of each transaction, back in the model.",
        action,
        (
            Column("Transaction", "transaction_id", Kind.MEMBER, f"{action} keys"),
            Column("Batch", "batch", Kind.TEXT),
            Column("Status", "status", Kind.TEXT),
            Column("Posting Sequence", "posting_sequence", Kind.NUMBER),
            Column("Message", "message", Kind.TEXT),
        ),
        ("Transaction",),
        Cadence.DAILY,
        action,
        file,
        scale=0,
        query=SQL,
    )


def acknowledgements(wanted: Iterable[WriteBack]) -> tuple[Flow, ...]:
    """One flow for each acknowledgement; write-backs may share one."""
    together: dict[tuple[str, str], list[WriteBack]] = {}
    for one in wanted:
        if one.acknowledgement:
            together.setdefault((one.acknowledgement, one.acknowledgement_file), []).append(one)
    return tuple(_flow(acknowledgement_import(*named), tuple(ones)) for named, ones in together.items())


def _flow(declared: AnaplanImport, write_backs: tuple[WriteBack, ...]) -> Flow:
    parcel = Parcel(declared.name, (declared,))
    settings = load(PlanningSettings)
    name = f"anaplan_{declared.name}"

    @contextmanager
    def opened(lake: Lake, company: str) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb  # noqa: PLC0415 - declarations load without it
        import pyarrow as pa  # noqa: PLC0415

        from sage300_assets.flows.writeback.results import kept, table_of  # noqa: PLC0415

        with duckdb.connect() as db:
            found: pa.Table = table_of(line for one in write_backs for line in kept(lake, one.name, company))
            db.register("_results", found)
            db.execute("CREATE TABLE results AS SELECT * FROM _results")
            db.unregister("_results")
            yield db

    @contextmanager
    def connect(lake: Lake, company: str) -> Iterator[ImportTarget]:
        from sage300_assets.flows.anaplan.reach import anaplan  # noqa: PLC0415
        from sage300_assets.flows.anaplan.target import ImportTarget  # noqa: PLC0415

        with anaplan(company) as client:
            # Transaction ids come out of the model as they are; nothing stood before them there.
            yield ImportTarget(client, lake, parcel, name, company, settings, _NO_PREFIX, opened)

    return Flow(
        name=name,
        title=f"{declared.target} in Anaplan",
        description=declared.description,
        target=f"anaplan/modules/{declared.target}",
        reads=tuple(f"writeback/{one.name}" for one in write_backs),
        wanted=lambda db, company: parcel.wanted(db, company, _NO_PREFIX),
        expected=parcel.expected,
        connect=connect,
        open=opened,
        grain=Grain.WHOLE,
        operation="import",
        guards=(DUPLICATES, HELD),
        kinds=("anaplan", "csv"),
    )
