"""How the delivery engine reaches an Anaplan model: files up, one run, judged by its counts and its refused rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from sage300_assets.base.errors import DataError, PermanentError, RetriableError, Sage300AssetsError, UnknownOutcome
from sage300_assets.delivery.flow import NoEffect, OutcomeUnknown, Rejection, Sent
from sage300_assets.delivery.plan import load_plan, rows_file
from sage300_assets.flows.anaplan.csv_file import Prepared, Written, content_sql, prepare, record_of, record_sql
from sage300_assets.flows.anaplan.declaration import AnaplanImport
from sage300_assets.flows.anaplan.parcel import Parcel
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.anaplan.settlement import Settlement, key_of, settle
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.views import text
from sage300_assets.ledger.items import Item
from sage300_assets.systems.anaplan.client import AnaplanClient, Named
from sage300_assets.systems.anaplan.results import Result
from sage300_assets.systems.anaplan.tasks import FIRST_LOOK, Choice, Ended, Runnable, Task, follow, is_running, start
from sage300_assets.systems.anaplan.upload import send_file

_CURE = "Mend the row at its source, or the list in the model. A row that is as it was goes again when its dead letter is replayed."
_LONGEST_RUN = 1200.0
"""So long another run of the same import is waited for."""
_MEMORY = "128MB"
"""However many rows; what does not fit is spilled to disk."""


@dataclass(frozen=True)
class _File:
    """What is sent for one import."""

    declared: AnaplanImport
    written: Written
    gone: frozenset[str]
    """Records that are no longer there; their rows are zeros. That one is refused is well: the model does not have the cell either."""


@dataclass(frozen=True)
class ImportTarget:
    """Anaplan, for one parcel of one company."""

    client: AnaplanClient
    lake: Lake
    parcel: Parcel
    flow: str
    company: str
    settings: PlanningSettings
    prefix: str
    """Before every code, as it was planned."""
    open: Callable[[Lake, str], AbstractContextManager[duckdb.DuckDBPyConnection]]
    """As the flow opens what it reads."""

    settles = timedelta(0)
    """An import may be run again at any time."""

    def find(self, item: Item) -> Sent | None:  # noqa: ARG002 - nothing of it matters
        """Nothing has to be looked for: an import sets members and cells to what its file says, so that a second run ends as the first would have.

        But while one goes on, nobody may touch its file or begin another.
        """
        busy = self._going_on()
        if busy:
            raise RetriableError(f"{self.flow}: {busy} still goes on in Anaplan.", cure="It is waited for; look at it there if it takes very long.")
        return None

    def send(self, item: Item) -> Sent:
        """Write the files of the plan, send them, and run the import or the process once."""
        self.client.wake()
        with TemporaryDirectory(prefix="anaplan-") as folder, self.open(self.lake, self.company) as db:
            db.execute(f"SET memory_limit = '{_MEMORY}'; SET temp_directory = {text(Path(folder) / 'spill')}")
            written = self._written(db, item, Path(folder))
            self._wait_until_free()
            for one in written:
                send_file(self.client, one.written.path, self.client.find("files", self._called(one.declared.file)))
        return self._judged(written, self._run())

    def _runs(self) -> Iterator[tuple[Runnable, Named]]:
        """What is run, in this order."""
        for action in dict.fromkeys(one.clear_first for one in self.parcel.imports if one.clear_first):
            yield "actions", self.client.find("actions", self._called(action))
        if self.parcel.process:
            yield "processes", self.client.find("processes", self._called(self.parcel.process))
        else:
            yield "imports", self.client.find("imports", self._called(self.parcel.imports[0].action))

    def _going_on(self) -> str:
        """What of it goes on, started by whomever; empty where nothing does."""
        return next((what.name for kind, what in self._runs() if is_running(self.client, kind, what)), "")

    def _wait_until_free(self) -> None:
        """An import reads its file while it runs: a file that is sent meanwhile would corrupt it."""
        until = self.client.clock() + _LONGEST_RUN
        while busy := self._going_on():
            if self.client.clock() > until:
                raise NoEffect(f"{self.flow}: {busy} goes on in Anaplan and does not end.", cure="Look at it in Anaplan; nothing was sent.")
            self.client.wait(FIRST_LOOK)

    # Files.

    def _written(self, db: duckdb.DuckDBPyConnection, item: Item, folder: Path) -> list[_File]:
        plan = load_plan(self.lake, self.flow, self.company, str(json.loads(item.payload)["plan"]))
        if plan is None or not rows_file(self.lake, plan).exists():
            raise DataError(f"{self.flow}: its plan is gone, so nothing says what was agreed.", cure="Make the plan again.")
        db.execute(f"CREATE TEMP TABLE planned AS SELECT record, action, payload_hash FROM read_parquet({text(rows_file(self.lake, plan))})")
        written: list[_File] = []
        for declared in self.parcel.imports:
            beginning = self.parcel.record(declared, "").replace("'", "''")
            db.execute(
                f"CREATE OR REPLACE TEMP TABLE these AS SELECT substr(record, length('{beginning}') + 1) AS record, action, payload_hash "
                f"FROM planned WHERE starts_with(record, '{beginning}')"
            )
            db.execute("CREATE OR REPLACE TEMP TABLE left_out AS SELECT record FROM these WHERE action = 'hold'")
            prepared = prepare(db, declared, self.company, prefix=self.prefix, leave_out="left_out")
            self._refuse_if_other(prepared)
            gone = frozenset[str]()
            if declared.leaves_behind:
                db.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT record FROM these WHERE action = 'delete'")
                gone = frozenset(record for (record,) in db.execute("SELECT record FROM gone").fetchall())
                prepared = prepared.with_zeros("gone")
            written.append(_File(declared, prepared.write(folder / declared.file), gone))
            prepared.forget()
        return written

    def _refuse_if_other(self, prepared: Prepared) -> None:
        """What is sent is what was planned, row by row; the models may have been built anew since."""
        declared = prepared.declared
        rows = f"SELECT {record_sql(declared)} AS record, sha256({content_sql(declared)}) AS payload_hash FROM {prepared.table}"
        found = prepared.connection.execute(
            f"SELECT count(*) FROM ({rows}) AS f "
            "FULL JOIN (SELECT * FROM these WHERE action IN ('create', 'update', 'unchanged')) AS p USING (record) "
            "WHERE f.payload_hash IS DISTINCT FROM p.payload_hash"
        ).fetchone()
        assert found is not None
        if found[0]:
            raise DataError(
                f"{self.flow}: {found[0]:,} rows of {declared.name} are not as planned any more, because the models were built anew.",
                cure="Nothing was sent. The next plan has the new rows.",
            )

    # The run.

    def _called(self, name: str) -> str:
        return self.settings.called(name, self.company)

    def _run(self) -> Result:
        choices = list(dict.fromkeys(Choice(d, m) for one in self.parcel.imports for d, m in one.chosen.items()))
        *before, last = self._runs()
        for kind, action in before:
            if self._followed(start(self.client, kind, action)).result.verdict == "failed":
                raise DataError(
                    f"{self.flow}: the action {action.name!r} failed, so nothing was imported.", cure="Run it in Anaplan and see what it says."
                )
        ended = self._followed(start(self.client, *last, choices))
        if ended.cancelled:
            raise DataError(f"{self.flow}: somebody cancelled the run in Anaplan, which rolled it back.", cure="Replay it when the model is free.")
        if self.parcel.process and ended.result.verdict == "failed":
            reasons = "; ".join(ended.result.reasons()) or "it gives no reason"
            raise PermanentError(
                f"{self.flow}: the process {self.parcel.process!r} failed: {reasons}.", cure="Run it in Anaplan and see what it says."
            )
        return ended.result

    def _followed(self, task: Task) -> Ended:
        """Whatever goes wrong from here on, it has been started."""
        try:
            return follow(self.client, task)
        except UnknownOutcome:
            raise
        except Sage300AssetsError as trouble:
            said = f"{self.flow}: {task.object.name} was started, and how it ended is not known. {trouble.message}"
            raise OutcomeUnknown(said, cure=trouble.cure) from trouble

    def _judged(self, written: list[_File], result: Result) -> Sent:
        steps = {step.name: step for step in result.steps()}
        rejected: list[Rejection] = []
        said: list[str] = []
        for one in written:
            declared, file = one.declared, one.written
            name = self._called(declared.action)
            step = steps.get(name) if self.parcel.process else result
            if step is None:
                raise DataError(
                    f"{self.flow}: the process {self.parcel.process!r} did not run {name!r}.",
                    cure="Add the import to the process, or take it out here.",
                )
            settlement = settle(declared, file, step, one.gone)
            self._refuse_if_wrong(declared, settlement, step)
            rejected += self._rejections(declared, settlement)
            totals = ", ".join(f"{h} sent {t} = taken {settlement.taken[h]} + rejected {settlement.rejected[h]}" for h, t in settlement.sent.items())
            said.append(f"{name}: {settlement.verdict}, {file.rows} rows sent, {settlement.rows_rejected} rejected. {totals}".strip())
        rows = sum(one.written.rows for one in written)
        return Sent(result.object_id, "; ".join(said)[:2000], taken=rows - len(rejected), rejected=tuple(rejected))

    def _refuse_if_wrong(self, declared: AnaplanImport, settlement: Settlement, step: Result) -> None:
        """An import that did not run at all, or whose counts do not add up, is for a person."""
        reasons = "; ".join(step.reasons()) or "it gives no reason"
        if settlement.verdict == "failed":
            raise PermanentError(f"{self.flow}: the import {declared.action!r} failed: {reasons}.", cure="Correct the saved import in Anaplan.")
        if settlement.unexplained:
            raise DataError(f"{self.flow}: {settlement.unexplained}.", cure="Look at the import in Anaplan: rows may have been left out.")
        if step.failed and not step.rejected:
            raise DataError(
                f"{self.flow}: {step.failed} rows were refused, but Anaplan does not list them: {reasons}.", cure="Look at the import's log."
            )
        if settlement.refused and declared.rejected == "fail":
            raise DataError(f"{self.flow}: {settlement.rows_rejected} rows were refused: {reasons}.", cure="All rows of this import must be taken.")

    def _rejections(self, declared: AnaplanImport, settlement: Settlement) -> Iterator[Rejection]:
        """One for each row, with all of its reasons; Anaplan may list a row once for each."""
        reasons: dict[str, dict[str, None]] = {}
        for row in settlement.refused:
            record = self.parcel.record(declared, record_of(key_of(declared, row)))
            reasons.setdefault(record, {}).update(dict.fromkeys(row.reasons))
        for record, why in reasons.items():
            yield Rejection(record, "; ".join(why) or "Anaplan gives no reason", "rejected", _CURE)
