"""One validated configuration: base + overlay + markets + environment variables, with the origin of every value.

`load_settings()` is what most code needs; `load()` also tells where each value came from. The merge order is in
`tradepipe.settings.loading`, what the files may contain in `tradepipe.settings.models`.
"""

from tradepipe.settings.environment import NOT_SETTINGS
from tradepipe.settings.faults import Fault, SettingsError
from tradepipe.settings.loading import Loaded, load, load_settings, provenance_rows
from tradepipe.settings.models import (
    CostSettings,
    Environment,
    ExecutionSettings,
    FileSource,
    ForecastSettings,
    Interval,
    LedgerSettings,
    MarketSettings,
    RiskSettings,
    Settings,
    StoreSettings,
    StrategySettings,
)

__all__ = [
    "NOT_SETTINGS",
    "CostSettings",
    "Environment",
    "ExecutionSettings",
    "Fault",
    "FileSource",
    "ForecastSettings",
    "Interval",
    "LedgerSettings",
    "Loaded",
    "MarketSettings",
    "RiskSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "StrategySettings",
    "load",
    "load_settings",
    "provenance_rows",
]
