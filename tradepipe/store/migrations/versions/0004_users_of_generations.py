"""An index from a generation to what was computed from it: the blast radius and retention ask that way round."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_generation_inputs_input_generation_id", "generation_inputs", ["input_generation_id"])


def downgrade() -> None:
    """Drop it: the same answers, slower."""
    op.drop_index("ix_generation_inputs_input_generation_id", "generation_inputs")
