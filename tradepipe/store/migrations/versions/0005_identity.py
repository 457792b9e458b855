"""A name for the catalogue, so that a store's folder can tell whose it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; the first to open the store fills it."""
    op.create_table(
        "catalogue_identity",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("identity", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_identity"),
    )


def downgrade() -> None:
    """Drop it; the folder's mark is then nobody's, and has to be removed by hand."""
    op.drop_table("catalogue_identity")
