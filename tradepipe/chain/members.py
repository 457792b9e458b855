"""The member forecasts of a market: what they read, what would change them, and their rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.chain.features import FORECAST_FROM, refuse_without_returns, spells_of, with_membership
from tradepipe.contracts import FITS, Contract
from tradepipe.contracts.forecasts import member_forecasts_contract
from tradepipe.indicators import features_of
from tradepipe.markets import Market
from tradepipe.observability.progress import Progress, report
from tradepipe.observability.spending import Spending
from tradepipe.settings.forecasts import ForecastSettings

if TYPE_CHECKING:
    from tradepipe.chain.run import LayerRun, Reports
    from tradepipe.forecasting.members.run import MemberRun
    from tradepipe.forecasting.refits.cache import FitCache
    from tradepipe.forecasting.refits.schedule import RefitSchedule

Noted = Mapping[str, str | int]
"""What a run tells of itself beside its partitions."""

MADE_BY = ("model", "engine", "fallback", "trigger")

_OTHERS = {"ensemble", "regimes", "promotion", "retraining", "audit"}
"""Settings of forecasts that members do not look at."""


def member_contract(market: Market) -> Contract:
    """Columns of the members that the market has."""
    return member_forecasts_contract(market.settings.forecasts.members)


def member_reads(market: Market) -> Mapping[str, int]:
    """Indicators give returns and regressors, bars give closes; back to the newest refit and its training window."""
    from tradepipe.forecasting.refits.schedule import SESSIONS_BACK  # noqa: PLC0415 - numpy

    refuse_without_returns(market)
    told = market.settings.forecasts
    # One bar more: a regressor is a bar old.
    back = market.lookback_sessions(told.train_bars + 1) + SESSIONS_BACK[told.refit]
    return {"indicators": back, "bars": back}


def member_settings(market: Market) -> tuple[object, ...]:
    """What of the market's settings changes its member forecasts."""
    told = market.settings.forecasts
    written = {output.name: one.text for one in features_of(market) for output in one.described}
    regressors = [written.get(name) for name in told.exog]
    return (
        told.model_dump(mode="json", exclude=_OTHERS),
        sectors_for(told, market),
        *([regressors] if regressors else []),
        *([spells] if (spells := spells_of(market)) else []),
    )


def panel_of(market: Market, indicators: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """What members are fitted to: `panel_columns` of indicators, the bars' closes, and who was a member when."""
    columns = panel_columns(market.settings.forecasts)
    closes = bars.select("symbol", "open_time", "close")
    return with_membership(market, indicators.select(columns).join(closes, on=["symbol", "open_time"]))


def panel_columns(settings: ForecastSettings) -> list[str]:
    """Columns of indicators that members read."""
    return ["symbol", "session", "open_time", "known_at", FORECAST_FROM, *settings.exog]


def sectors_for(settings: ForecastSettings, market: Market) -> dict[str, str] | None:
    """Symbol to sector, where members look for what is common within sectors."""
    if settings.samossa.across == "universe":
        return None
    return {one.symbol: one.sector or "" for one in market.universe.instruments}


def members_of_market(  # noqa: PLR0913 - each is a different thing
    market: Market,
    indicators: pl.DataFrame,
    bars: pl.DataFrame,
    windows: pl.DataFrame,
    *,
    grid: pl.DataFrame,
    cache: "FitCache | None" = None,
    on_progress: Progress = report,
    spending: Spending | None = None,
) -> "MemberRun":
    """The rows of the layer and of the fits beside it, with their `partition`; see `member_forecasts`.

    Args:
        market: whose members.
        indicators: at least `panel_columns`, of all partitions that `windows` reach.
        bars: symbol, open_time and close of the same.
        windows: the anchored window of each wanted partition.
        grid: the calendar's bars from the first wanted session to the horizon beyond the last.
        cache: where fits are kept.
        on_progress: told after each partition.
        spending: told the CPU seconds of each member.
    """
    from tradepipe.forecasting.members.run import member_forecasts  # noqa: PLC0415 - kernels

    told = market.settings.forecasts
    return member_forecasts(
        panel_of(market, indicators, bars),
        windows,
        told,
        schedule=schedule_of(market),
        grid=grid,
        cache=cache,
        sectors=sectors_for(told, market),
        threads=market.settings.threads,
        on_progress=on_progress,
        spending=spending,
    )


def schedule_of(market: Market) -> "RefitSchedule":
    """When the market's models are refitted; sessions are numbered from the market's first."""
    from tradepipe.forecasting.refits.schedule import RefitSchedule  # noqa: PLC0415

    sessions = market.calendar.sessions(market.settings.start, market.calendar.known[1])
    return RefitSchedule(market.settings.forecasts.refit, tuple(sessions), several=market.settings.interval != "1d")


def compute_members(part: "LayerRun", cache: "FitCache | None", spending: Spending) -> "MemberRun":
    """Read what `part` needs, and compute its rows; `spending` is told what each member cost."""
    values = part.read("indicators", columns=panel_columns(part.market.settings.forecasts))
    closes = part.read("bars", columns=["symbol", "open_time", "close"])
    windows, grid = part.windows("indicators"), part.grid(part.market.settings.forecasts.horizon)
    return members_of_market(
        part.market, values, closes, windows, grid=grid, cache=cache, on_progress=part.on_progress, spending=spending
    )


def publish_members(run: "LayerRun", cache: "FitCache | None") -> "tuple[Reports, Noted, pl.DataFrame]":
    """Compute and publish the layer in batches, with the fits beside it.

    Returns:
        What was published; notes: how many fits each engine made, the CPU time of each member, and how many fits it
        made a CPU second; and how many fits there were (`fits`) by model, engine, fallback and trigger, to be shown.
    """
    spending, made_by = Spending(), [pl.DataFrame(schema=dict.fromkeys(MADE_BY, pl.String) | {"fits": pl.UInt32})]

    def publish(part: "LayerRun") -> "Reports":
        made = compute_members(part, cache, spending)
        made_by.append(made.fits.group_by(MADE_BY).agg(fits=pl.len()))
        return part.publish(made.forecasts, beside={"fits": (FITS, made.fits)})

    reports = run.in_batches(run.market.settings.forecasts.horizon, publish)
    counts = pl.concat(made_by).group_by(MADE_BY).agg(pl.col("fits").sum()).sort(MADE_BY)
    fits = dict(counts.group_by("engine").agg(pl.col("fits").sum()).sort("engine").rows())
    costs = {
        f"time: {member}": f"{share:.1%} ({spending.seconds[member]:.3g} CPU-s)"
        for member, share in spending.shares.items()
    }
    speed = {
        f"fits a CPU-s: {member}": f"{rate:,.0f} ({spending.fits[member]:,} made, the others were kept)"
        for member, rate in spending.fits_a_second.items()
    }
    return reports, {**{f"fits: {engine}": count for engine, count in fits.items()}, **costs, **speed}, counts
