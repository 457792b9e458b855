"""The catalogue's tables. Their history is in `migrations/versions`; a test holds the two together."""

import sqlalchemy as sa

from tradepipe.store.database import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Keys sort by code point on both databases, as they do in Python.
Key = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", Identity, primary_key=True, autoincrement=True),
    sa.Column("dataset", Key, nullable=False),
    sa.Column("partition", Key, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("path", Key, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("contract", sa.String, nullable=False),
    sa.Column("contract_version", sa.String, nullable=False),
    sa.Column("code_version", sa.String, nullable=False),
    # Digest of the inputs' contents: tells "same inputs" without reading generation_inputs.
    sa.Column("inputs_digest", sa.String(64), nullable=False),
    sa.Column("known_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String),
    sa.Column("superseded_at", UtcDateTime),
    # When the sweep removed the file; the row stays, so that history and lineage stay.
    sa.Column("swept_at", UtcDateTime),
    # Number of its rows within a compacted file; null where the file holds this generation alone.
    sa.Column("slice", sa.Integer),
    sa.Column("tier", sa.String(4), nullable=False, server_default="hot"),
    sa.UniqueConstraint("dataset", "partition", "number"),
    sa.Index(None, "path"),
    sa.Index(None, "superseded_at"),
)

current_generations = sa.Table(
    "current_generations",
    metadata,
    sa.Column("dataset", Key, primary_key=True),
    sa.Column("partition", Key, primary_key=True),
    sa.Column("generation_id", Identity, sa.ForeignKey(generations.c.id), nullable=False, unique=True),
)

generation_inputs = sa.Table(
    "generation_inputs",
    metadata,
    sa.Column("generation_id", Identity, sa.ForeignKey(generations.c.id), primary_key=True, autoincrement=False),
    sa.Column("dataset", Key, primary_key=True),
    sa.Column("partition", Key, primary_key=True),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Column("input_generation_id", Identity, sa.ForeignKey(generations.c.id)),
    sa.Index(None, "input_generation_id"),
)

# Generations that somebody holds on to, such as a published dataset: see `tradepipe.store.pins`.
pins = sa.Table(
    "pins",
    metadata,
    sa.Column("holder", Key, primary_key=True),
    sa.Column("generation_id", Identity, sa.ForeignKey(generations.c.id), primary_key=True, autoincrement=False),
    # The file at the time of the pin: compaction may give the generation another one, this one stays.
    sa.Column("path", Key, nullable=False),
    sa.Column("pinned_at", UtcDateTime, nullable=False),
    sa.Index(None, "generation_id"),
    sa.Index(None, "path"),
)

# Files that nothing refers to any more, which readers with an older look at the catalogue may still want.
retired_files = sa.Table(
    "retired_files",
    metadata,
    sa.Column("path", Key, primary_key=True),
    sa.Column("tier", sa.String(4), primary_key=True),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("retired_at", UtcDateTime, nullable=False),
)

evictions = sa.Table(
    "evictions",
    metadata,
    sa.Column("generation_id", Identity, sa.ForeignKey(generations.c.id), primary_key=True, autoincrement=False),
    sa.Column("dataset", Key, nullable=False),
    sa.Column("partition", Key, nullable=False),
    sa.Column("path", Key, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("policy", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("evicted_at", UtcDateTime, nullable=False),
    sa.Index("ix_evictions_dataset", "dataset", "partition"),
)

# One row: see `tradepipe.store.belonging`.
catalogue_identity = sa.Table(
    "catalogue_identity",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("identity", sa.String(32), nullable=False),
)
