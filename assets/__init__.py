"""The assets of a market: one chain from landing files to positions. Bodies are thin; see `tradepipe`."""

import dagster as dg

from assets.auditing import forecast_audit
from assets.bars import bars, raw_bars
from assets.derivatives import derivative_assets
from assets.evaluation import evaluations, forecast_scores, regimes
from assets.features import indicators
from assets.forecasts import forecasts
from assets.intervals import intervals
from assets.marts import mart_assets
from assets.members import member_forecasts
from assets.models import model_versions
from assets.signals import signals
from assets.trading import fills, orders, positions
from tradepipe.markets import Market


def assets_of(market: Market) -> list[dg.AssetsDefinition]:
    """The chain of one market. Without execution it has no trading assets, without longer intervals none of them."""
    longer = [intervals] if market.settings.intervals else []
    made = [member_forecasts, forecasts, forecast_scores, evaluations, model_versions, signals]
    research = [raw_bars, bars, *longer, indicators, regimes, *made]
    trading = [orders, fills, positions] if market.settings.execution.enabled else []
    return [build(market) for build in [*research, *trading, forecast_audit]] + derivative_assets(market)


__all__ = ["assets_of", "mart_assets"]
