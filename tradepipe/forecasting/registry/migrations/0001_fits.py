"""The cache of fits: parameters of a chain of refits under the hash of all that they follow from."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "fits",
        sa.Column("key", key, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_fits"),
    )
    op.create_index("ix_fits_used_at", "fits", ["used_at"])


def downgrade() -> None:
    """Forget the fits; they are computed again."""
    op.drop_table("fits")
