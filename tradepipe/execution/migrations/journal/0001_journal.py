# ruff: noqa: N999 - migrations are numbered
"""The order journal: append-only, held so by the database itself.

SQLite's triggers refuse a row that does not continue the chain, and any update or delete.
PostgreSQL's do the same and refuse TRUNCATE too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSED = "the journal is append-only"
_UNCHAINED = "a journal row must continue the chain"

_SQLITE = (
    f"""
    CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
    """,
    f"""
    CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
    """,
    # Also stops INSERT OR REPLACE, which deletes without asking the delete trigger.
    f"""
    CREATE TRIGGER journal_chain BEFORE INSERT ON journal
    WHEN NEW.seq <> 1 + (SELECT coalesce(max(seq), 0) FROM journal)
      OR NEW.prev_hash <> coalesce((SELECT row_hash FROM journal ORDER BY seq DESC LIMIT 1), printf('%064d', 0))
    BEGIN SELECT RAISE(ABORT, '{_UNCHAINED}'); END
    """,  # noqa: S608 - constants of this module
    f"""
    CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal
    WHEN EXISTS (SELECT 1 FROM journal WHERE key = NEW.key)
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
    """,  # noqa: S608 - constants of this module
)
_POSTGRESQL = (
    f"""
    CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    f"""
    CREATE FUNCTION journal_continue() RETURNS trigger LANGUAGE plpgsql AS
    $$
    DECLARE head record;
    BEGIN
        SELECT seq, row_hash INTO head FROM journal ORDER BY seq DESC LIMIT 1;
        IF NEW.seq <> 1 + coalesce(head.seq, 0) OR NEW.prev_hash <> coalesce(head.row_hash, repeat('0', 64)) THEN
            RAISE EXCEPTION '{_UNCHAINED}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END
    $$
    """,  # noqa: S608 - constants of this module
    """
    CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION journal_refuse()
    """,
    """
    CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()
    """,
    """
    CREATE TRIGGER journal_chain BEFORE INSERT ON journal
    FOR EACH ROW EXECUTE FUNCTION journal_continue()
    """,
)


def upgrade() -> None:
    """Create the table and its guards."""
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("market", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("client_order_id", sa.String),
        sa.Column("session", sa.Date, nullable=False),
        sa.Column("run_id", sa.String),
        sa.Column("recorded_at", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.UniqueConstraint("key", name="uq_journal_key"),
    )
    op.create_index("ix_journal_market_account_seq", "journal", ["market", "account", "seq"])
    op.create_index("ix_journal_client_order_id", "journal", ["client_order_id"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Remove the journal with all it holds."""
    op.drop_table("journal")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP FUNCTION journal_refuse()"))
        op.execute(sa.text("DROP FUNCTION journal_continue()"))
