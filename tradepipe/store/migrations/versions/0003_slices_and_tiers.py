"""Slices of compacted files, the tier a file is in, files that were replaced, and evictions."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add where the rows of a generation are, beyond the path."""
    key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("generations", sa.Column("slice", sa.Integer))
    op.add_column("generations", sa.Column("tier", sa.String(4), nullable=False, server_default="hot"))
    op.create_table(
        "retired_files",
        sa.Column("path", key, nullable=False),
        sa.Column("tier", sa.String(4), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("retired_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("path", "tier", name="pk_retired_files"),
    )
    op.create_table(
        "evictions",
        sa.Column("generation_id", identity, autoincrement=False, nullable=False),
        sa.Column("dataset", key, nullable=False),
        sa.Column("partition", key, nullable=False),
        sa.Column("path", key, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("evicted_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("generation_id", name="pk_evictions"),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_evictions_generation_id_generations"),
    )
    op.create_index("ix_evictions_dataset", "evictions", ["dataset", "partition"])


def downgrade() -> None:
    """Forget slices, tiers and evictions.

    Raises:
        RuntimeError: while a current generation is part of a compacted file or in the cold tier: an
            older tradepipe would read other rows than its own, or none.
    """
    moved = op.get_bind().scalar(
        sa.text(
            "SELECT count(*) FROM generations g JOIN current_generations c ON c.generation_id = g.id "
            "WHERE g.slice IS NOT NULL OR g.tier <> 'hot'"
        )
    )
    if moved:
        raise RuntimeError(
            f"{moved} current partitions are in compacted files or in the cold tier, which an older tradepipe cannot "
            "read. Remedy: `tradepipe storage export` them, or publish them again, before going back."
        )
    op.drop_index("ix_evictions_dataset", "evictions")
    op.drop_table("evictions")
    op.drop_table("retired_files")
    op.drop_column("generations", "tier")
    op.drop_column("generations", "slice")
