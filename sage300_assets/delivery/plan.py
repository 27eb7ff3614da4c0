"""A plan: exactly what a delivery would do, as a table in the lake that people can look at before anything leaves.

    action     create, update, unchanged, delete, hold
    reason     why it is held, or what is special about it
    payload_hash, payload, control

A plan's name is the hash of its content, so the same plan made again is the same plan, with the same approval.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sage300_assets.base.errors import DataError
from sage300_assets.delivery.flow import Flow, Grain
from sage300_assets.delivery.guards import Verdict, View
from sage300_assets.lake.files import flush_to_disk, write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.views import literal, text

FOLDER = "_plans"
ALL = "all"
"""In place of a company, of what spans all of them."""
_CONTROL = "DECIMAL(38, 6)"


@dataclass(frozen=True)
class Standing:
    """What became of one record before."""

    record: str
    payload_hash: str
    state: str
    """As the outbox says: done, failed, waiting ..."""
    may_be_there: bool = False
    """It is not done, as far as is known; but it may have had its effect."""


@dataclass(frozen=True)
class CalledOff:
    """Content of a record that a person does not want sent."""

    record: str
    payload_hash: str
    why: str


@dataclass(frozen=True)
class Plan:
    """A plan and what it comes to."""

    plan: str
    flow: str
    company: str
    target: str
    content_hash: str
    """Hash of all that the target would have; unchanged content need not go again."""
    made_at: datetime
    run: str
    counts: Mapping[str, int]
    totals: Mapping[str, str]
    """Exact control totals per action."""
    total: str
    expected: str | None
    before: int
    verdicts: tuple[Verdict, ...]
    rows: int | None = None
    """Rows that its records stand for; None where each record is one."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What was seen at the target while it was made."""
    generation: int = 0
    """Raised where the target has lost what it was sent, and the same content goes again."""

    @property
    def scope(self) -> str:
        """The company, as the ledger names it."""
        return self.company or ALL

    @property
    def changes(self) -> int:
        """Records that would be sent."""
        return sum(self.counts.get(action, 0) for action in ("create", "update", "delete"))

    @property
    def wanted(self) -> int:
        """Records that the target would have."""
        return sum(self.counts.get(action, 0) for action in ("create", "update", "unchanged"))

    @property
    def wanted_rows(self) -> int:
        """Rows that the target would have."""
        return self.wanted if self.rows is None else self.rows

    @property
    def blocked_by(self) -> tuple[Verdict, ...]:
        """Guards that stop it."""
        return tuple(v for v in self.verdicts if v.blocking and not v.passed)

    @property
    def is_unusual(self) -> bool:
        """Whether guards hold it, and all of them yield to a person."""
        return bool(self.blocked_by) and all(v.yields for v in self.blocked_by)


def folder(lake: Lake, flow: str, company: str) -> Path:
    """Where the plans of a flow are kept."""
    return lake.root / FOLDER / flow / (company.lower() or ALL)


def rows_file(lake: Lake, plan: Plan) -> Path:
    """The rows of a plan."""
    return folder(lake, plan.flow, plan.company) / f"{plan.plan}.parquet"


@dataclass(frozen=True, kw_only=True)
class Past:
    """What was delivered before."""

    standing: tuple[Standing, ...] = ()
    """Of records that go one by one, what became of each; of a whole, the rows that the target rejected."""
    called_off: tuple[CalledOff, ...] = ()
    last: Plan | None = None
    """Of a whole, the plan that was delivered last and that the target still has."""
    lost: str = ""
    """Why the target does not have it any more."""
    generation: int = 0
    """With which generation it goes again then."""
    notes: Mapping[str, str] = field(default_factory=dict)


def make_plan(
    flow: Flow, company: str, lake: Lake, db: duckdb.DuckDBPyConnection, past: Past, *, now: datetime, expected: Decimal | None = None, run: str = ""
) -> Plan:
    """Hold what is wanted against what was delivered, judge it, and keep it. `db` has what the flow reads."""
    with closing(db.cursor()) as work:
        _before(work, lake, past)
        _compare(work, flow, flow.wanted(work, company), past.lost)
        view = _view(work, expected)
        hashed, content = fingerprints(work)
        plan = Plan(
            plan=name_of(flow.name, company, flow.target, hashed),
            flow=flow.name,
            company=company,
            target=flow.target,
            content_hash=content,
            made_at=now,
            run=run,
            counts=dict(work.execute("SELECT action, count(*) FROM plan GROUP BY 1 ORDER BY 1").fetchall()),
            totals={a: f"{t:f}" for a, t in work.execute(f"SELECT action, coalesce(sum(control), 0)::{_CONTROL} FROM plan GROUP BY 1").fetchall()},
            total=f"{view.total:f}",
            expected=None if expected is None else f"{expected:f}",
            before=view.before,
            verdicts=tuple(guard.verdict(view) for guard in flow.guards),
            rows=_count(work, _ROWS) if flow.parts else None,
            notes=dict(past.notes),
            generation=past.generation,
        )
        _keep(work, lake, plan)
    return plan


def load_plan(lake: Lake, flow: str, company: str, name: str) -> Plan | None:
    """A plan that was kept."""
    with suppress(FileNotFoundError):
        return _parse((folder(lake, flow, company) / f"{name}.json").read_bytes())
    return None


def plans(lake: Lake) -> Iterator[Plan]:
    """All plans that are kept, newest first."""
    found = [_parse(path.read_bytes()) for path in lake.root.glob(f"{FOLDER}/*/*/*.json")]
    return iter(sorted(found, key=lambda plan: plan.made_at, reverse=True))


@contextmanager
def open_rows(lake: Lake, plan: Plan) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private DuckDB with the rows of a plan as `plan`."""
    path = rows_file(lake, plan)
    if not path.exists():
        raise DataError(f"{plan.flow}: the rows of plan {plan.plan} are gone.", cure="Make the plan again.")
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW plan AS SELECT * FROM read_parquet({text(path)})")
        yield db


# --- how it is made --------------------------------------------------------------------------------------------------------------------


def _before(db: duckdb.DuckDBPyConnection, lake: Lake, past: Past) -> None:
    rows = past.standing
    table = pa.table({
        "record": pa.array([r.record for r in rows], pa.string()),
        "payload_hash": pa.array([r.payload_hash for r in rows], pa.string()),
        "state": pa.array([r.state for r in rows], pa.string()),
        "may_be_there": pa.array([r.may_be_there for r in rows], pa.bool_()),
    })  # fmt: skip
    off = past.called_off
    db.register("_off", pa.table({
        "record": pa.array([r.record for r in off], pa.string()),
        "payload_hash": pa.array([r.payload_hash for r in off], pa.string()),
        "why": pa.array([r.why for r in off], pa.string()),
    }))  # fmt: skip
    db.execute("CREATE OR REPLACE TEMP TABLE called_off AS SELECT * FROM _off")
    db.unregister("_off")
    db.register("_standing", table)
    db.execute(f"CREATE OR REPLACE TEMP TABLE before AS SELECT *, CAST(0 AS {_CONTROL}) AS control, CAST(NULL AS VARCHAR) AS payload FROM _standing")
    db.unregister("_standing")
    if past.last is None:
        return
    path = rows_file(lake, past.last)
    if path.exists():  # else it was tidied away: then everything counts as new
        db.execute(f"""INSERT INTO before SELECT record, payload_hash, 'done', false, control, payload FROM read_parquet({text(path)}) AS p
            WHERE action IN ('create', 'update', 'unchanged') AND NOT EXISTS (SELECT 1 FROM before AS b WHERE b.record = p.record)""")
    # A rejected row that a person wants tried again counts as one that the target does not have.
    db.execute("DELETE FROM before WHERE state NOT IN ('done', 'failed')")


def _compare(db: duckdb.DuckDBPyConnection, flow: Flow, wanted: str, lost: str) -> None:
    again = "b.payload_hash = w.payload_hash"
    differs = "b.payload_hash <> w.payload_hash"
    once = "true" if flow.once else "false"
    # What went out once stays so, whatever has become of its accounts and periods since: nothing can be held that is gone already.
    gone_out = f"{once} AND {again} AND b.state <> 'failed' AND r.times IS NULL"
    # What was refused and is corrected may go; of what may be there nobody knows.
    goes_no_more = f"{differs} AND {once} AND (b.state <> 'failed' OR b.may_be_there)"
    # Of a whole, nothing but the hash of a row is needed any more: its rows are made again when it is sent, and held against that.
    payload = "payload" if has_payloads(flow) else "CAST(NULL AS VARCHAR)"
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE wanted AS
        SELECT record, sha256(payload) AS payload_hash, CAST(control AS {_CONTROL}) AS control, hold, {payload} AS payload FROM ({wanted})""")
    # Few records occur twice: counting them apart is a third of the work of a count beside every row.
    db.execute("CREATE OR REPLACE TEMP TABLE repeated AS SELECT record, count(*) AS times FROM wanted GROUP BY record HAVING count(*) > 1")
    order = "record, payload_hash" if _count(db, "SELECT count(*) FROM repeated") else "record"
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE plan AS
        SELECT coalesce(w.record, b.record) AS record,
            CASE WHEN w.record IS NULL THEN 'delete'
                 WHEN {gone_out} THEN 'unchanged'
                 WHEN c.why IS NOT NULL OR w.hold IS NOT NULL OR r.times > 1 OR ({again} AND b.state = 'failed') OR ({goes_no_more}) THEN 'hold'
                 WHEN {again} THEN 'unchanged'
                 WHEN {differs} THEN 'update'
                 ELSE 'create' END AS action,
            CASE WHEN w.record IS NULL THEN 'no longer wanted'
                 WHEN {gone_out} THEN CASE WHEN b.state = 'done' THEN '' ELSE 'on its way: ' || b.state END
                 WHEN c.why IS NOT NULL THEN c.why
                 WHEN w.hold IS NOT NULL THEN w.hold
                 WHEN r.times > 1 THEN 'duplicate: occurs ' || r.times || ' times'
                 WHEN {again} AND b.state = 'failed' THEN 'dead letter: refused with this content; replay it when the cause is cured'
                 WHEN {goes_no_more} AND b.state IN ('waiting', 'parked') AND NOT b.may_be_there
                 THEN 'goes once only, and an earlier version is on its way: ' || b.state || '; refuse its plan to take it back'
                 WHEN {goes_no_more} THEN 'sent before with other content, and it goes once only'
                 WHEN {again} AND b.state <> 'done' THEN 'on its way: ' || b.state
                 ELSE {literal(lost)} END AS reason,
            coalesce(w.payload_hash, b.payload_hash) AS payload_hash, w.payload, coalesce(w.control, b.control) AS control
        FROM wanted AS w
        {"FULL" if flow.grain is Grain.WHOLE else "LEFT"} JOIN before AS b USING (record)
        LEFT JOIN repeated AS r ON r.record = w.record
        LEFT JOIN called_off AS c ON c.record = w.record AND c.payload_hash = w.payload_hash
        ORDER BY {order}""")


def has_payloads(flow: Flow) -> bool:
    """Whether its plans have what is sent, and not only the hash of it."""
    return flow.grain is Grain.RECORDS or flow.parts


_AT_ONCE = 100_000
_STAY = pa.array(["create", "update", "unchanged"])
_ROWS = """SELECT coalesce(sum(CAST(json_extract_string(payload, '$.rows') AS BIGINT)), 0) FROM plan
    WHERE action IN ('create', 'update', 'unchanged')"""


def fingerprints(db: duckdb.DuckDBPyConnection, *, every_reason: bool = False) -> tuple[str, str]:
    """Of the plan, and of all that the target would have: the same for the same rows, whatever order they came in. The table is in order.

    Why a row stays behind does not matter: what was on its way is there by and by, and who agreed to the others has agreed to the same. With
    `every_reason`, as plans of former releases are called.
    """
    plan, content = _Digest("record", "payload_hash", "action", "reason"), _Digest("record", "payload_hash")
    reason = "reason" if every_reason else "CASE WHEN action IN ('create', 'update', 'delete') THEN reason ELSE '' END AS reason"
    for batch in db.sql(f"SELECT record, payload_hash, action, {reason} FROM plan").to_arrow_reader(_AT_ONCE):
        plan.take(batch)
        content.take(batch.filter(pc.is_in(batch["action"], _STAY)))
    return plan.hex(), content.hex()


def name_of(flow: str, company: str, target: str, hashed: str) -> str:
    """Agreeing to one is not agreeing to that of another company which looks the same."""
    return hashlib.sha256(f"{flow}|{company}|{target}|{hashed}".encode()).hexdigest()[:24]


class _Digest:
    """Hash of columns of text: of their lengths and their bytes, so that it does not matter how the rows are cut into batches."""

    def __init__(self, *columns: str) -> None:
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in columns}

    def take(self, batch: pa.RecordBatch) -> None:
        for name, (lengths, content) in self._columns.items():
            texts = pc.cast(batch[name], pa.large_string())
            if len(texts):
                lengths.update(pc.binary_length(texts).to_numpy())
                _, ends, letters = texts.buffers()
                bounds = np.frombuffer(ends, dtype=np.int64, count=len(texts) + 1, offset=texts.offset * 8)
                content.update(memoryview(letters or b"")[bounds[0] : bounds[-1]])

    def hex(self) -> str:
        return hashlib.sha256(b"".join(part.digest() for pair in self._columns.values() for part in pair)).hexdigest()


def _view(db: duckdb.DuckDBPyConnection, expected: Decimal | None) -> View:
    # What is held has a control amount too: it is wanted, and the total of the source counts it.
    return View(
        db=db,
        wanted=_count(db, "SELECT count(*) FROM plan WHERE action <> 'delete'"),
        before=_count(db, "SELECT count(*) FROM before"),
        changes=_count(db, "SELECT count(*) FROM plan WHERE action IN ('update', 'delete')"),
        total=Decimal(str(_one(db, f"SELECT coalesce(sum(control), 0)::{_CONTROL} FROM plan WHERE action <> 'delete'"))),
        total_before=Decimal(str(_one(db, f"SELECT coalesce(sum(control), 0)::{_CONTROL} FROM before"))),
        expected=expected,
    )


def _keep(db: duckdb.DuckDBPyConnection, lake: Lake, plan: Plan) -> None:
    place = rows_file(lake, plan)
    place.parent.mkdir(parents=True, exist_ok=True)
    hidden = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        db.execute(f"COPY plan TO {text(hidden)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        flush_to_disk(hidden)
        hidden.replace(place)
    finally:
        hidden.unlink(missing_ok=True)
    write_whole(place.with_suffix(".json"), json.dumps(asdict(plan), default=str, indent=1).encode())


def _parse(content: bytes) -> Plan:
    known = json.loads(content)
    known["made_at"] = datetime.fromisoformat(known["made_at"])
    known["verdicts"] = tuple(Verdict(**{**v, "offending": tuple(v["offending"])}) for v in known["verdicts"])
    return Plan(**known)


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> object:
    ((found,),) = db.execute(sql).fetchall()
    return found


def _count(db: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(str(_one(db, sql)))
