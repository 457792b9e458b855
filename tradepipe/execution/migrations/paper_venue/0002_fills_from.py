# ruff: noqa: N999 - migrations are numbered
"""The time from which an order may fill; orders of before could fill from their decision on."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column with the time of the decision for the orders that are there."""
    # Nullable: SQLite could require it only by copying the table, which the reports refer to.
    op.add_column("paper_orders", sa.Column("fills_from", UtcDateTime, nullable=True))
    op.execute("UPDATE paper_orders SET fills_from = decided_at")


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("paper_orders", "fills_from")
