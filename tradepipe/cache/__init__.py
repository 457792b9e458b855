"""Latest windows, kept in memory and, where configured, in Valkey: fresh by market hours, never stale."""

from tradepipe.cache.counters import Counters
from tradepipe.cache.freshness import Freshness, next_bar_known
from tradepipe.cache.shared import SharedWindows, open_shared
from tradepipe.cache.windows import WarmingError, WindowCache

__all__ = [
    "Counters",
    "Freshness",
    "SharedWindows",
    "WarmingError",
    "WindowCache",
    "next_bar_known",
    "open_shared",
]
