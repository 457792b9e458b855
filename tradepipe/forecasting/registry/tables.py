"""The registry's tables. Their history is in `migrations`; a test holds the two together."""

import sqlalchemy as sa

from tradepipe.forecasting.registry.metrics import COUNTS, SUMS
from tradepipe.store.database import UtcDateTime
from tradepipe.store.tables import Identity, Key

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# The fit cache: see `tradepipe.forecasting.refits`.
fits = sa.Table(
    "fits",
    metadata,
    # Hex digest of what the parameters follow from.
    sa.Column("key", Key, primary_key=True),
    sa.Column("blob", sa.LargeBinary, nullable=False),
    # The oldest by use are forgotten first.
    sa.Column("used_at", UtcDateTime, nullable=False),
    sa.Index(None, "used_at"),
)

# Ids of what versions were trained on: neighbours in a window get neighbouring ids, see `data`.
data_generations = sa.Table(
    "data_generations",
    metadata,
    sa.Column("id", Identity, primary_key=True, autoincrement=True),
    sa.Column("dataset", Key, nullable=False),
    sa.Column("partition", Key, nullable=False),
    sa.Column("generation", sa.BigInteger),
    sa.Column("content", sa.String(64), nullable=False),
    sa.Index(None, "dataset", "partition"),
)

trainings = sa.Table(
    "trainings",
    metadata,
    sa.Column("id", Identity, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
)

# A training's data as runs of ids: windows of neighbouring partitions share nearly all of it.
training_runs = sa.Table(
    "training_runs",
    metadata,
    sa.Column("training_id", Identity, sa.ForeignKey(trainings.c.id), primary_key=True, autoincrement=False),
    sa.Column("first_id", Identity, primary_key=True, autoincrement=False),
    sa.Column("last_id", Identity, nullable=False),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", Identity, primary_key=True, autoincrement=True),
    sa.Column("market", Key, nullable=False),
    sa.Column("version", Key, nullable=False),
    sa.Column("member", Key, nullable=False),
    sa.Column("partition", Key, nullable=False),
    sa.Column("mean_spec", sa.Text, nullable=False),
    sa.Column("variance_spec", sa.Text, nullable=False),
    # JSON: engine -> share of the fits; name -> least, median, most.
    sa.Column("engines", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    # Where all parameters are: a generation in the store's catalogue.
    sa.Column("fits_dataset", Key, nullable=False),
    sa.Column("fits_partition", Key, nullable=False),
    sa.Column("fits_generation", sa.BigInteger),
    sa.Column("fits_content", sa.String(64), nullable=False),
    sa.Column("first_session", sa.Date, nullable=False),
    sa.Column("last_session", sa.Date, nullable=False),
    sa.Column("code_version", sa.String, nullable=False),
    sa.Column("training_id", Identity, sa.ForeignKey(trainings.c.id), nullable=False),
    sa.Column("supersedes", Key),
    sa.Column("superseded_by", Key),
    sa.Column("status", sa.String(9), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String),
    sa.UniqueConstraint("market", "version"),
    sa.CheckConstraint("status IN ('candidate', 'active', 'retired')", name="status"),
    sa.Index(None, "market", "partition", "member"),
    sa.Index(None, "market", "status"),
)

# The places in a regime: that a slot has one holder is what bounds how many are active.
active_versions = sa.Table(
    "active_versions",
    metadata,
    sa.Column("market", Key, primary_key=True),
    sa.Column("regime", Key, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version_id", Identity, sa.ForeignKey(versions.c.id), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("evidence", Key),
    sa.UniqueConstraint("market", "regime", "version_id"),
    sa.CheckConstraint("slot >= 1", name="slot"),
    sa.Index(None, "version_id"),
)

# Versions that a person took out, of a regime or (regime "") of all: the rule never brings them back.
withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("version_id", Identity, sa.ForeignKey(versions.c.id), primary_key=True, autoincrement=False),
    sa.Column("regime", Key, primary_key=True),
)

history = sa.Table(
    "history",
    metadata,
    sa.Column("seq", Identity, primary_key=True, autoincrement=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("happening", sa.String(11), nullable=False),
    sa.Column("version_id", Identity, sa.ForeignKey(versions.c.id), nullable=False),
    sa.Column("regime", Key),
    sa.Column("before", sa.String(9)),
    sa.Column("after", sa.String(9), nullable=False),
    sa.Column("evidence", Key),
    sa.Column("run_id", sa.String),
    sa.Index(None, "version_id"),
)

# What evaluations say of a version: sums that add up, a row an evaluation partition, regime and horizon.
judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("version_id", Identity, sa.ForeignKey(versions.c.id), primary_key=True, autoincrement=False),
    sa.Column("partition", Key, primary_key=True),
    sa.Column("regime", Key, primary_key=True),
    sa.Column("horizon", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("market", Key, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
    *(sa.Column(name, sa.Double, nullable=False) for name in SUMS),
    sa.Index(None, "market", "partition"),
)
