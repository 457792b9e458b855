"""The paper venue's book. Its history is in `migrations/paper_venue`; a test holds the two together.

Amounts are decimal text: SQLite has no exact decimal type.
"""

import sqlalchemy as sa

from tradepipe.store.database import UtcDateTime

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
Identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

orders = sa.Table(
    "paper_orders",
    metadata,
    sa.Column("number", Identity, primary_key=True, autoincrement=True),
    sa.Column("client_order_id", sa.String, nullable=False, unique=True),
    sa.Column("market", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("symbol", sa.String, nullable=False),
    sa.Column("side", sa.String, nullable=False),
    sa.Column("quantity", sa.String, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    # Always set; see revision 0002 why the database does not require it.
    sa.Column("fills_from", UtcDateTime),
    sa.Index(None, "market", "account", "state"),
)

reports = sa.Table(
    "paper_reports",
    metadata,
    sa.Column("sequence", Identity, primary_key=True, autoincrement=True),
    # One report ends a paper order, so an order can never be filled twice.
    sa.Column("client_order_id", sa.String, sa.ForeignKey(orders.c.client_order_id), nullable=False, unique=True),
    sa.Column("market", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("fill_id", sa.String, unique=True),
    sa.Column("price", sa.String),
    sa.Column("fee", sa.String),
    sa.Column("slippage", sa.String),
    sa.Index(None, "market", "account", "sequence"),
)
