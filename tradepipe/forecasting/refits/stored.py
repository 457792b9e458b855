"""The fit cache in the database of models."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tradepipe.forecasting.registry.opening import open_models
from tradepipe.forecasting.registry.tables import fits
from tradepipe.settings import PoolSettings
from tradepipe.store.database import writing

_AT_ONCE = 500
"""Keys a statement: SQLite takes no more than 32,766 values in one, and three make a row."""

_FRESH = dt.timedelta(days=1)
"""A use is noted once a day, so that reading a chain again writes nothing."""


@dataclass(frozen=True)
class StoredFits:
    """Fits in the table `fits`, for any number of processes at once. What two write under one key is the same.

    Attributes:
        engine: of the database, migrated.
        keep: age since its last use at which a kept fit goes; None: never.
    """

    engine: sa.Engine
    keep: dt.timedelta | None = None

    @classmethod
    def open(cls, url: str, keep: dt.timedelta | None = None, pool: PoolSettings | None = None) -> "StoredFits":
        """In the database of models at `url`, which is migrated first."""
        return cls(open_models(url, pool), keep)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is kept of `keys`."""
        found: dict[str, bytes] = {}
        now, stale = dt.datetime.now(dt.UTC), []
        with self.engine.connect() as connection:
            for some in _parts(keys):
                for key, blob, used_at in connection.execute(
                    sa.select(fits.c.key, fits.c.blob, fits.c.used_at).where(fits.c.key.in_(some))
                ):
                    found[key] = bytes(blob)
                    if used_at < now - _FRESH:
                        stale.append(key)
        if stale:
            with writing(self.engine, "fits") as connection:
                for some in _parts(stale):
                    connection.execute(sa.update(fits).where(fits.c.key.in_(some)).values(used_at=now))
        return found

    def put_many(self, kept: Mapping[str, bytes]) -> None:
        """Keep all of them, in the place of what was kept under the same keys: that is the same, or damaged."""
        now = dt.datetime.now(dt.UTC)
        rows = [{"key": key, "blob": blob, "used_at": now} for key, blob in sorted(kept.items())]
        with writing(self.engine, "fits") as connection:
            for some in _parts(rows):
                insert = _insert(self.engine)
                new = {"blob": insert.excluded.blob, "used_at": insert.excluded.used_at}
                connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=new), some)

    def prune(self) -> int:
        """Forget what was not used for longer than `keep`; how many went."""
        if self.keep is None:
            return 0
        old = fits.c.used_at < dt.datetime.now(dt.UTC) - self.keep
        with writing(self.engine, "fits") as connection:
            return connection.execute(sa.delete(fits).where(old)).rowcount


def _insert(engine: sa.Engine) -> Any:
    """SQLAlchemy has `ON CONFLICT` in the dialects only."""
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_there  # noqa: PLC0415

        return insert_there(fits)
    from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415

    return insert(fits)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
