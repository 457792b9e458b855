"""The journal's table. Its history is in `migrations/journal`; a test holds the two together."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

journal = sa.Table(
    "journal",
    metadata,
    # Numbers come from the writer, without gaps; the database's own counters leave gaps.
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("prev_hash", sa.String(64), nullable=False),
    sa.Column("row_hash", sa.String(64), nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    # What the row is about, in words; unique, so that the database itself refuses a second one.
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("market", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("client_order_id", sa.String),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("run_id", sa.String),
    # Times and payload are text, because the hash is taken over exactly these characters.
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Index(None, "market", "account", "seq"),
    sa.Index(None, "client_order_id"),
)
