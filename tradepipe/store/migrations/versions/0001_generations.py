"""Generations, the pointer to each partition's current one, and what they were computed from."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the catalogue's tables."""
    key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "generations",
        sa.Column("id", identity, autoincrement=True, nullable=False),
        sa.Column("dataset", key, nullable=False),
        sa.Column("partition", key, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("path", key, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("contract", sa.String, nullable=False),
        sa.Column("contract_version", sa.String, nullable=False),
        sa.Column("code_version", sa.String, nullable=False),
        sa.Column("inputs_digest", sa.String(64), nullable=False),
        sa.Column("known_at", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("run_id", sa.String),
        sa.Column("superseded_at", UtcDateTime),
        sa.Column("swept_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_generations"),
        sa.UniqueConstraint("dataset", "partition", "number", name="uq_generations_dataset_partition_number"),
    )
    op.create_index("ix_generations_path", "generations", ["path"])
    op.create_index("ix_generations_superseded_at", "generations", ["superseded_at"])
    op.create_table(
        "current_generations",
        sa.Column("dataset", key, nullable=False),
        sa.Column("partition", key, nullable=False),
        sa.Column("generation_id", identity, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "partition", name="pk_current_generations"),
        sa.UniqueConstraint("generation_id", name="uq_current_generations_generation_id"),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generations.id"], name="fk_current_generations_generation_id_generations"
        ),
    )
    op.create_table(
        "generation_inputs",
        sa.Column("generation_id", identity, autoincrement=False, nullable=False),
        sa.Column("dataset", key, nullable=False),
        sa.Column("partition", key, nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("input_generation_id", identity),
        sa.PrimaryKeyConstraint("generation_id", "dataset", "partition", name="pk_generation_inputs"),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generations.id"], name="fk_generation_inputs_generation_id_generations"
        ),
        sa.ForeignKeyConstraint(
            ["input_generation_id"], ["generations.id"], name="fk_generation_inputs_input_generation_id_generations"
        ),
    )


def downgrade() -> None:
    """Drop them, and with them all knowledge of which files are current."""
    op.drop_table("generation_inputs")
    op.drop_table("current_generations")
    op.drop_table("generations")
