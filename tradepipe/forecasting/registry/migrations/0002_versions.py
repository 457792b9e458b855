"""Versions of models, what they were trained on, where they are active, their history and judgements."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTS = ("forecasts", "directions", "hits", "decisions", "positions", "wins")
SUMS = (
    "log_score",
    "qlike",
    "squared_error",
    "walk_squared_error",
    "strategy_return",
    "strategy_return_squared",
)


def upgrade() -> None:
    """Make the tables."""
    _data()
    _versions()
    _places()
    _told()


def _data() -> None:
    op.create_table(
        "data_generations",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("dataset", KEY, nullable=False),
        sa.Column("partition", KEY, nullable=False),
        sa.Column("generation", sa.BigInteger),
        sa.Column("content", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_generations"),
    )
    op.create_index("ix_data_generations_dataset_partition", "data_generations", ["dataset", "partition"])
    op.create_table(
        "trainings",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trainings"),
        sa.UniqueConstraint("digest", name="uq_trainings_digest"),
    )
    op.create_table(
        "training_runs",
        sa.Column("training_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("first_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("last_id", IDENTITY, nullable=False),
        sa.PrimaryKeyConstraint("training_id", "first_id", name="pk_training_runs"),
        sa.ForeignKeyConstraint(["training_id"], ["trainings.id"], name="fk_training_runs_training_id_trainings"),
    )


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("market", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("member", KEY, nullable=False),
        sa.Column("partition", KEY, nullable=False),
        sa.Column("mean_spec", sa.Text, nullable=False),
        sa.Column("variance_spec", sa.Text, nullable=False),
        sa.Column("engines", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("fits_dataset", KEY, nullable=False),
        sa.Column("fits_partition", KEY, nullable=False),
        sa.Column("fits_generation", sa.BigInteger),
        sa.Column("fits_content", sa.String(64), nullable=False),
        sa.Column("first_session", sa.Date, nullable=False),
        sa.Column("last_session", sa.Date, nullable=False),
        sa.Column("code_version", sa.String, nullable=False),
        sa.Column("training_id", IDENTITY, nullable=False),
        sa.Column("supersedes", KEY),
        sa.Column("superseded_by", KEY),
        sa.Column("status", sa.String(9), nullable=False),
        sa.Column("registered_at", UtcDateTime, nullable=False),
        sa.Column("run_id", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sa.UniqueConstraint("market", "version", name="uq_versions_market_version"),
        sa.ForeignKeyConstraint(["training_id"], ["trainings.id"], name="fk_versions_training_id_trainings"),
        sa.CheckConstraint("status IN ('candidate', 'active', 'retired')", name="ck_versions_status"),
    )
    op.create_index("ix_versions_market_partition_member", "versions", ["market", "partition", "member"])
    op.create_index("ix_versions_market_status", "versions", ["market", "status"])


def _places() -> None:
    op.create_table(
        "active_versions",
        sa.Column("market", KEY, nullable=False),
        sa.Column("regime", KEY, nullable=False),
        sa.Column("slot", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("version_id", IDENTITY, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("evidence", KEY),
        sa.PrimaryKeyConstraint("market", "regime", "slot", name="pk_active_versions"),
        sa.UniqueConstraint("market", "regime", "version_id", name="uq_active_versions_market_regime_version_id"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_active_versions_version_id_versions"),
        sa.CheckConstraint("slot >= 1", name="ck_active_versions_slot"),
    )
    op.create_index("ix_active_versions_version_id", "active_versions", ["version_id"])
    op.create_table(
        "withdrawals",
        sa.Column("version_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("regime", KEY, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "regime", name="pk_withdrawals"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_withdrawals_version_id_versions"),
    )


def _told() -> None:
    op.create_table(
        "history",
        sa.Column("seq", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("happening", sa.String(11), nullable=False),
        sa.Column("version_id", IDENTITY, nullable=False),
        sa.Column("regime", KEY),
        sa.Column("before", sa.String(9)),
        sa.Column("after", sa.String(9), nullable=False),
        sa.Column("evidence", KEY),
        sa.Column("run_id", sa.String),
        sa.PrimaryKeyConstraint("seq", name="pk_history"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_history_version_id_versions"),
    )
    op.create_index("ix_history_version_id", "history", ["version_id"])
    op.create_table(
        "judgements",
        sa.Column("version_id", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("partition", KEY, nullable=False),
        sa.Column("regime", KEY, nullable=False),
        sa.Column("horizon", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("market", KEY, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.Double, nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("version_id", "partition", "regime", "horizon", name="pk_judgements"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_judgements_version_id_versions"),
    )
    op.create_index("ix_judgements_market_partition", "judgements", ["market", "partition"])


def downgrade() -> None:
    """Forget the versions; what evaluations and partitions say is registered again."""
    for table in ("judgements", "history", "withdrawals", "active_versions", "versions"):
        op.drop_table(table)
    for table in ("training_runs", "trainings", "data_generations"):
        op.drop_table(table)
