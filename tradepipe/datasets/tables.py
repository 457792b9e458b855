"""The table of published datasets. Its history is in `migrations/datasets`; a test holds the two together."""

import sqlalchemy as sa

from tradepipe.store.database import UtcDateTime
from tradepipe.store.tables import Key

metadata = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s"})

published_datasets = sa.Table(
    "published_datasets",
    metadata,
    sa.Column("dataset", Key, primary_key=True),
    sa.Column("version", Key, primary_key=True),
    # Where the manifest file is, below the folder of manifests.
    sa.Column("file", Key, nullable=False),
    sa.Column("checksum", sa.String(64), nullable=False),
    # The registration is the commit point, so it holds the whole text: the file can be made again.
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String),
    sa.Column("retired_at", UtcDateTime),
)
