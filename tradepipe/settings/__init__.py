"""One validated configuration: base + overlay + markets + environment variables, with the origin of every value.

`load_settings()` is what most code needs; `load()` also tells where each value came from. The merge order is in
`tradepipe.settings.loading`, what the files may contain in `tradepipe.settings.models`.
"""

from tradepipe.settings.environment import NOT_SETTINGS
from tradepipe.settings.faults import Fault, SettingsError
from tradepipe.settings.forecasts import ForecastSettings
from tradepipe.settings.loading import Loaded, load, load_settings, provenance_rows
from tradepipe.settings.models import (
    CleaningSettings,
    CostSettings,
    Environment,
    ExecutionSettings,
    MarketSettings,
    RiskSettings,
    Settings,
    StrategySettings,
)
from tradepipe.settings.sections import Interval
from tradepipe.settings.sources import DeliverySettings, FetchSettings, FileSource
from tradepipe.settings.storage import (
    CacheSettings,
    ColdSettings,
    LedgerSettings,
    PoolSettings,
    RetentionSettings,
    StoreSettings,
    WarehouseSettings,
)

__all__ = [
    "NOT_SETTINGS",
    "CacheSettings",
    "CleaningSettings",
    "ColdSettings",
    "CostSettings",
    "DeliverySettings",
    "Environment",
    "ExecutionSettings",
    "Fault",
    "FetchSettings",
    "FileSource",
    "ForecastSettings",
    "Interval",
    "LedgerSettings",
    "Loaded",
    "MarketSettings",
    "PoolSettings",
    "RetentionSettings",
    "RiskSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "StrategySettings",
    "WarehouseSettings",
    "load",
    "load_settings",
    "provenance_rows",
]
