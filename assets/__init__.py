"""The assets of a market: one chain from landing files to positions. Bodies are thin; see `tradepipe`."""

import dagster as dg

from assets.bars import bars, raw_bars
from assets.decisions import forecast_scores, forecasts, signals
from assets.features import indicators
from assets.trading import fills, orders, positions
from tradepipe.markets import Market


def assets_of(market: Market) -> list[dg.AssetsDefinition]:
    """The chain of one market. A market whose execution is off has no trading assets."""
    research = [raw_bars, bars, indicators, forecasts, forecast_scores, signals]
    trading = [orders, fills, positions] if market.settings.execution.enabled else []
    return [build(market) for build in research + trading]


__all__ = ["assets_of"]
