"""The forecasts of a market: what they read of its members and bars, what would change them, and their rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.chain.features import spells_of, with_membership
from tradepipe.forecasting.ensemble import ensemble, ensemble_lookback
from tradepipe.markets import Market

if TYPE_CHECKING:
    from tradepipe.chain.run import LayerRun, Reports

BAR_COLUMNS = ["symbol", "session", "open_time", "close", "known_at"]


def forecast_reads(market: Market) -> Mapping[str, int]:
    """Members, and the bars that came of their forecasts, back to the oldest origin that counts."""
    back = market.lookback_sessions(ensemble_lookback(market.settings.forecasts))
    return {"member_forecasts": back, "bars": back}


def forecast_settings(market: Market) -> tuple[object, ...]:
    """What decides the forecasts of given member forecasts."""
    told = market.settings.forecasts
    return (list(told.members), told.horizon, told.ensemble, *([spells] if (spells := spells_of(market)) else []))


def forecasts_of(market: Market, members: pl.DataFrame, bars: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """FORECASTS of the partitions in `windows`, with their `partition`; see `ensemble`.

    Args:
        market: whose forecasts.
        members: member forecasts of all partitions that `windows` reach.
        bars: `BAR_COLUMNS` of the same.
        windows: the anchored window of each wanted partition, at least one.
    """
    first, last = windows.select(pl.min("anchor_session"), pl.max("last_session")).row(0)
    grid = market.calendar.grid(first, last, market.settings.interval)
    reached = pl.col("session") >= first
    told, came = market.settings, with_membership(market, bars.filter(reached))
    return ensemble(members.filter(reached), came, windows, told.forecasts, grid=grid, threads=told.threads)


def publish_forecasts(run: "LayerRun") -> "tuple[Reports, pl.DataFrame]":
    """Publish the forecasts of `run`'s partitions, batch by batch.

    Returns:
        What was published; and the forecasts of the strategy's model at its horizon, to be drawn.
    """
    told, shown = run.market.settings, []

    def publish(part: "LayerRun") -> "Reports":
        bars = part.read("bars", columns=BAR_COLUMNS)
        made = forecasts_of(part.market, part.read("member_forecasts"), bars, part.windows("member_forecasts"))
        drawn = pl.col("model") == told.strategy.model, pl.col("horizon") == told.strategy.horizon
        shown.append(made.filter(*drawn))
        return part.publish(made)

    # A batch looks back a year and more, whatever its size: short ones would read the same year again and again.
    reports = run.in_batches(2 * told.forecasts.horizon, publish)
    return reports, pl.concat(shown)
