"""Which content a dataset has now, in one query: what makes a stale hit impossible."""

import hashlib
import platform

import polars as pl
import sqlalchemy as sa

from tradepipe import __version__
from tradepipe.store.tables import current_generations, generations

# Publishing gives a partition a generation with an id above all others, retention takes one away: no
# two states of a dataset have the same number, newest and sum of ids. The newest one's content
# and birth tell apart datasets of the same name in catalogues that number alike: should they share a
# Valkey, or one be made anew in the other's place.
_CURRENT = (
    sa.select(
        sa.func.count().label("partitions"),
        sa.func.max(current_generations.c.generation_id).label("newest"),
        sa.func.sum(current_generations.c.generation_id).label("total"),
    )
    .where(current_generations.c.dataset == sa.bindparam("dataset"))
    .subquery()
)
_VERSION = sa.select(_CURRENT, generations.c.content, generations.c.created_at).join_from(
    _CURRENT, generations, generations.c.id == _CURRENT.c.newest, isouter=True
)


def data_version(engine: sa.Engine, dataset: str) -> str:
    """A text that changes whenever one of the dataset's current generations does."""
    with engine.connect() as connection:
        partitions, newest, total, content, born = connection.execute(_VERSION, {"dataset": dataset}).one()
    return f"{partitions}-{newest}-{total}-{(content or '')[:16]}-{f'{born:%Y%m%d%H%M%S%f}' if born else ''}"


def code_version() -> str:
    """A text that changes with the code that writes and reads windows."""
    return f"1-{__version__}-{pl.__version__}"


def store_identity(engine: sa.Engine) -> str:
    """Sixteen characters that tell catalogues apart, whoever logs in; a file is also told apart by its machine."""
    url = engine.url
    machine = platform.node() if engine.dialect.name == "sqlite" else url.host
    where = f"{machine} {url.port} {url.database} {sorted(url.query.items())}"
    return hashlib.sha256(where.encode()).hexdigest()[:16]
