"""When an item was last sent: whether it is there cannot be told for sure right after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what may have been sent, the last that is known of it is late enough."""
    op.add_column("outbox", sa.Column("sent_at", sa.String(32), nullable=True))
    op.execute("UPDATE outbox SET sent_at = updated_at WHERE ask_first")
