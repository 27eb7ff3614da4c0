"""The tables of the ledger, as SQLAlchemy Core describes them. Migrations make them; this is what the code reads and writes them by.

Moments are texts of one width in UTC, so that they sort, and are hashed, the same in SQLite and PostgreSQL. Amounts never stand in a column of
their own: they travel inside canonical JSON as texts.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()


def moment_text(moment: datetime) -> str:
    """A moment as it is stored and hashed."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored as text in UTC."""

    impl = String(32)  # type: ignore[mutable-override] # as SQLAlchemy wants it
    cache_ok = True  # type: ignore[mutable-override]

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone says nothing")
        return moment_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else datetime.fromisoformat(value)


Big = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of this name."""


def _text(name: str, size: int = 255) -> Column[str]:
    return Column(name, String(size), nullable=False, server_default="")


# --- what happened: hashed, never changed ----------------------------------------------------------------------------------------------

audit_head = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", String(32), nullable=False),
    Column("sequence", Big, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
)
audit_chain = Table(
    "audit_chain",
    METADATA,
    Column("sequence", Big, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("content", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
api_calls = Table(
    "api_calls",
    METADATA,
    Column("sequence", Big, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    _text("system", 40),
    _text("verb", 10),
    Column("address", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("micros", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    _text("problem"),
    _text("run"),
    _text("company", 40),
    _text("asset"),
    _text("partition"),
    Index("api_calls_at", "at"),
)
page_reads = Table(
    "page_reads",
    METADATA,
    Column("sequence", Big, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    _text("company", 40),
    _text("asset"),
    _text("read", 80),
    Column("window", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("rows", BigInteger),
    Column("sha256", String(64), nullable=False),
    _text("run"),
    Index("page_reads_sha256", "sha256"),
)
records_sent = Table(
    "records_sent",
    METADATA,
    Column("sequence", Big, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    _text("company", 40),
    _text("flow", 120),
    _text("target", 120),
    Column("record", Text, nullable=False),
    _text("operation", 40),
    _text("idempotency_key", 64),
    _text("payload_hash", 64),
    _text("outcome", 16),
    Column("attempt", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    _text("run"),
    Index("records_sent_record", "company", "record"),
)
audit_events = Table(
    "audit_events",
    METADATA,
    Column("sequence", Big, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    _text("action", 60),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    _text("who"),
    _text("run"),
    Index("audit_events_action", "action", "sequence"),
)
AUDITED = {"call": api_calls, "page": page_reads, "sent": records_sent, "event": audit_events}
"""Kind of an entry -> the table that holds what it says."""

# --- what is the case: changes ---------------------------------------------------------------------------------------------------------

runs = Table(
    "runs",
    METADATA,
    Column("run", String(255), primary_key=True),
    _text("how", 40),
    _text("host"),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("reads", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("problem", Text, nullable=False, server_default=""),
)
cursors = Table(
    "cursors",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
    _text("run"),
)
outbox = Table(
    "outbox",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    _text("company", 40),
    _text("flow", 120),
    _text("target", 120),
    Column("record", Text, nullable=False),
    _text("operation", 40),
    Column("payload", Text, nullable=False),
    _text("payload_hash", 64),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("idempotency_key", String(64), nullable=False, unique=True),
    _text("plan"),
    _text("state", 16),
    Column("not_before", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _text("worker"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", Moment),
    Column("ask_first", Boolean, nullable=False),
    _text("problem_class", 40),
    _text("problem_code", 120),
    Column("problem", Text, nullable=False, server_default=""),
    Column("answer", Text, nullable=False, server_default=""),
    Column("external_id", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    _text("created_run"),
    Column("updated_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Index("outbox_state", "state", "not_before"),
    Index("outbox_flow", "flow", "company", "state"),
    Index("outbox_record", "company", "flow", "record"),
    Index("outbox_plan", "plan"),
)
outbox_waits = Table(
    "outbox_waits",
    METADATA,
    Column("item", Big, ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    Column("waits_for", String(255), primary_key=True),
    Index("outbox_waits_for", "waits_for"),
)
deliveries = Table(
    "deliveries",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    _text("plan"),
    _text("company", 40),
    _text("flow", 120),
    _text("target", 120),
    _text("content_hash", 64),
    _text("run"),
    _text("state", 16),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("figures", Text, nullable=False, server_default="{}"),
    Column("note", Text, nullable=False, server_default=""),
    Index("deliveries_flow", "company", "flow", "target", "id"),
    Index("deliveries_plan", "plan"),
)
xref = Table(
    "xref",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    _text("entity", 120),
    _text("company", 40),
    _text("system_a", 40),
    Column("id_a", String(400), nullable=False),
    _text("system_b", 40),
    Column("id_b", String(400), nullable=False),
    _text("state", 16),
    Column("first_linked_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    _text("linked_by"),
    _text("version_a"),
    _text("version_b"),
    UniqueConstraint("entity", "system_a", "company", "id_a", "system_b", name="xref_a"),
    UniqueConstraint("entity", "system_b", "id_b", "system_a", "company", name="xref_b"),
)
mapping_gaps = Table(
    "mapping_gaps",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    _text("domain", 120),
    _text("company", 40),
    _text("from_system", 40),
    _text("from_code"),
    _text("to_system", 40),
    _text("state", 16),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("sample", Text, nullable=False),
    UniqueConstraint("domain", "company", "from_system", "from_code", "to_system", name="mapping_gaps_code"),
)
dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("item", Big, ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False, unique=True),
    _text("problem_class", 40),
    _text("code", 120),
    Column("message", Text, nullable=False),
    Column("cure", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("resolved_at", Moment),
    _text("resolution", 16),
    Column("reason", Text, nullable=False, server_default=""),
    _text("who"),
    Index("dead_letters_open", "resolved_at", "problem_class"),
)
approvals = Table(
    "approvals",
    METADATA,
    Column("id", Big, primary_key=True, autoincrement=True),
    _text("plan"),
    _text("plan_hash", 64),
    _text("decision", 16),
    _text("who"),
    Column("at", Moment, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Index("approvals_plan", "plan", "id"),
)
