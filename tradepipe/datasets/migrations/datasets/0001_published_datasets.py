# ruff: noqa: N999 - migrations are numbered
"""Published datasets: one row a version, beside the catalogue whose generations it names."""

import sqlalchemy as sa
from alembic import op

from tradepipe.store.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "published_datasets",
        sa.Column("dataset", key, nullable=False),
        sa.Column("version", key, nullable=False),
        sa.Column("file", key, nullable=False),
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("registered_at", UtcDateTime, nullable=False),
        sa.Column("run_id", sa.String),
        sa.Column("retired_at", UtcDateTime),
        sa.PrimaryKeyConstraint("dataset", "version", name="pk_published_datasets"),
    )


def downgrade() -> None:
    """Forget which datasets were published; their manifests and pins stay."""
    op.drop_table("published_datasets")
