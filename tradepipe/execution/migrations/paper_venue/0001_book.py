# ruff: noqa: N999 - migrations are numbered
"""The paper venue's book: orders, and the reports that end them."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "paper_orders",
        sa.Column("number", _IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("client_order_id", sa.String, nullable=False),
        sa.Column("market", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("symbol", sa.String, nullable=False),
        sa.Column("side", sa.String, nullable=False),
        sa.Column("quantity", sa.String, nullable=False),
        sa.Column("decided_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.UniqueConstraint("client_order_id", name="uq_paper_orders_client_order_id"),
    )
    op.create_index("ix_paper_orders_market_account_state", "paper_orders", ["market", "account", "state"])
    op.create_table(
        "paper_reports",
        sa.Column("sequence", _IDENTITY, primary_key=True, autoincrement=True),
        sa.Column("client_order_id", sa.String, sa.ForeignKey("paper_orders.client_order_id"), nullable=False),
        sa.Column("market", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("session", sa.Date, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("fill_id", sa.String),
        sa.Column("price", sa.String),
        sa.Column("fee", sa.String),
        sa.Column("slippage", sa.String),
        sa.UniqueConstraint("client_order_id", name="uq_paper_reports_client_order_id"),
        sa.UniqueConstraint("fill_id", name="uq_paper_reports_fill_id"),
    )
    op.create_index("ix_paper_reports_market_account_sequence", "paper_reports", ["market", "account", "sequence"])


def downgrade() -> None:
    """Remove the book with all it holds."""
    op.drop_table("paper_reports")
    op.drop_table("paper_orders")
