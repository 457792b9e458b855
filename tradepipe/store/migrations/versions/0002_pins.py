"""Pins: generations whose files must stay, and who holds them."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of pins."""
    key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "pins",
        sa.Column("holder", key, nullable=False),
        sa.Column("generation_id", identity, autoincrement=False, nullable=False),
        sa.Column("path", key, nullable=False),
        sa.Column("pinned_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("holder", "generation_id", name="pk_pins"),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_pins_generation_id_generations"),
    )
    op.create_index("ix_pins_generation_id", "pins", ["generation_id"])
    op.create_index("ix_pins_path", "pins", ["path"])


def downgrade() -> None:
    """Drop the pins: from then on the sweep takes what they held."""
    op.drop_table("pins")
