"""Opening the database of models: the registry's tables and the fit cache beside them."""

from importlib import resources

import sqlalchemy as sa

from tradepipe.settings import PoolSettings
from tradepipe.store.database import migrate, open_engine

VERSION_TABLE = "models_version"


def open_models(url: str, pool: PoolSettings | None = None) -> sa.Engine:
    """An engine for the database at `url` (`settings.models_url`), created or migrated where it needs it.

    Commits survive a power cut: what a person promoted is not lost.

    Raises:
        tradepipe.store.errors.DatabaseUrlError: for an address that is not supported.
        tradepipe.store.errors.MigrationError: for a database that a newer tradepipe has migrated.
    """
    engine = open_engine(url, durable=True, pool=pool)
    migrate(engine, resources.files("tradepipe.forecasting.registry") / "migrations", version_table=VERSION_TABLE)
    return engine
