"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "api_calls",
        sa.Column("sequence", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("system", sa.String(length=40), server_default="", nullable=False),
        sa.Column("verb", sa.String(length=10), server_default="", nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=255), server_default="", nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("asset", sa.String(length=255), server_default="", nullable=False),
        sa.Column("partition", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("api_calls_at", "api_calls", ["at"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("plan", sa.String(length=255), server_default="", nullable=False),
        sa.Column("plan_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("decision", sa.String(length=16), server_default="", nullable=False),
        sa.Column("who", sa.String(length=255), server_default="", nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("approvals_plan", "approvals", ["plan", "id"], unique=False)
    op.create_table(
        "audit_chain",
        sa.Column("sequence", _BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "audit_events",
        sa.Column("sequence", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=60), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("who", sa.String(length=255), server_default="", nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("audit_events_action", "audit_events", ["action", "sequence"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ledger", sa.String(length=32), nullable=False),
        sa.Column("sequence", _BIG, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("plan", sa.String(length=255), server_default="", nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("flow", sa.String(length=120), server_default="", nullable=False),
        sa.Column("target", sa.String(length=120), server_default="", nullable=False),
        sa.Column("content_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=True),
        sa.Column("figures", sa.Text(), server_default="{}", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_flow", "deliveries", ["company", "flow", "target", "id"], unique=False)
    op.create_index("deliveries_plan", "deliveries", ["plan"], unique=False)
    op.create_table(
        "mapping_gaps",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("domain", sa.String(length=120), server_default="", nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("from_system", sa.String(length=40), server_default="", nullable=False),
        sa.Column("from_code", sa.String(length=255), server_default="", nullable=False),
        sa.Column("to_system", sa.String(length=40), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain", "company", "from_system", "from_code", "to_system", name="mapping_gaps_code"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("flow", sa.String(length=120), server_default="", nullable=False),
        sa.Column("target", sa.String(length=120), server_default="", nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("operation", sa.String(length=40), server_default="", nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.String(length=255), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("not_before", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.String(length=255), server_default="", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.String(32), nullable=True),
        sa.Column("ask_first", sa.Boolean(), nullable=False),
        sa.Column("problem_class", sa.String(length=40), server_default="", nullable=False),
        sa.Column("problem_code", sa.String(length=120), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_run", sa.String(length=255), server_default="", nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index("outbox_flow", "outbox", ["flow", "company", "state"], unique=False)
    op.create_index("outbox_plan", "outbox", ["plan"], unique=False)
    op.create_index("outbox_record", "outbox", ["company", "flow", "record"], unique=False)
    op.create_index("outbox_state", "outbox", ["state", "not_before"], unique=False)
    op.create_table(
        "page_reads",
        sa.Column("sequence", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("asset", sa.String(length=255), server_default="", nullable=False),
        sa.Column("read", sa.String(length=80), server_default="", nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("page_reads_sha256", "page_reads", ["sha256"], unique=False)
    op.create_table(
        "records_sent",
        sa.Column("sequence", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("flow", sa.String(length=120), server_default="", nullable=False),
        sa.Column("target", sa.String(length=120), server_default="", nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("operation", sa.String(length=40), server_default="", nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("payload_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("outcome", sa.String(length=16), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("run", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("records_sent_record", "records_sent", ["company", "record"], unique=False)
    op.create_table(
        "runs",
        sa.Column("run", sa.String(length=255), nullable=False),
        sa.Column("how", sa.String(length=40), server_default="", nullable=False),
        sa.Column("host", sa.String(length=255), server_default="", nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=True),
        sa.Column("reads", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_table(
        "xref",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(length=120), server_default="", nullable=False),
        sa.Column("company", sa.String(length=40), server_default="", nullable=False),
        sa.Column("system_a", sa.String(length=40), server_default="", nullable=False),
        sa.Column("id_a", sa.String(length=400), nullable=False),
        sa.Column("system_b", sa.String(length=40), server_default="", nullable=False),
        sa.Column("id_b", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("first_linked_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("linked_by", sa.String(length=255), server_default="", nullable=False),
        sa.Column("version_a", sa.String(length=255), server_default="", nullable=False),
        sa.Column("version_b", sa.String(length=255), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity", "system_a", "company", "id_a", "system_b", name="xref_a"),
        sa.UniqueConstraint("entity", "system_b", "id_b", "system_a", "company", name="xref_b"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("item", _BIG, nullable=False),
        sa.Column("problem_class", sa.String(length=40), server_default="", nullable=False),
        sa.Column("code", sa.String(length=120), server_default="", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("first_at", sa.String(32), nullable=False),
        sa.Column("last_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("resolved_at", sa.String(32), nullable=True),
        sa.Column("resolution", sa.String(length=16), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("who", sa.String(length=255), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["item"], ["outbox.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item"),
    )
    op.create_index("dead_letters_open", "dead_letters", ["resolved_at", "problem_class"], unique=False)
    op.create_table(
        "outbox_waits",
        sa.Column("item", _BIG, nullable=False),
        sa.Column("waits_for", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["outbox.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item", "waits_for"),
    )
    op.create_index("outbox_waits_for", "outbox_waits", ["waits_for"], unique=False)
