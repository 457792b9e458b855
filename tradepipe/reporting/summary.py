"""The numbers of one market's chain: rows, refusals, forecast accuracy, orders, fills, performance."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tradepipe.chain import LAYERS
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.forecasting import verdict
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.reporting.data import ReportData
from tradepipe.reporting.forecast_section import recent_weights
from tradepipe.reporting.performance import Performance, buy_and_hold, equity_by_session, performance

DIGEST_LENGTH = 12


@dataclass(frozen=True)
class FillTotals:
    """Fills counted and added up; money in price currency."""

    fills: int
    notional: float
    fees: float
    slippage: float


@dataclass(frozen=True)
class Summary:
    """One market in numbers.

    `layers`: layer, partitions, first, last, rows, generation (newest number), digest (of all contents).
    `quarantine`: layer, reason, rows. `orders`: state, reason (null where there is none), orders.
    `accuracy`: as `ReportData.accuracy`, of the ensemble and the model that is traded; `verdicts`: a sentence a
    symbol. `weights`: of the members in the ensemble over the last year, the heaviest first; `fallbacks`: share
    of forecasts that another engine than the first had to make; `regimes`: how many symbols are in each now.
    """

    market: str
    description: str
    currency: str
    first_session: dt.date | None
    last_session: dt.date | None
    sessions: int
    layers: pl.DataFrame
    quarantine: pl.DataFrame
    accuracy: pl.DataFrame
    verdicts: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]
    fallbacks: float | None
    regimes: Mapping[str, int]
    orders: pl.DataFrame
    fills: FillTotals
    performance: Performance | None
    buy_and_hold: Performance | None


def summarise(data: ReportData) -> Summary:
    """Compute every number that summary and report show."""
    sessions = data.bars["session"].unique().sort()
    judged = data.accuracy
    if judged.height:
        judged = judged.filter(pl.col("model").is_in([data.model, ENSEMBLE]), pl.col("model") != RANDOM_WALK)
    equity = equity_by_session(data.positions)
    held = buy_and_hold(data.bars, equity)
    return Summary(
        market=data.market,
        description=data.description,
        currency=data.currency,
        first_session=sessions[0] if len(sessions) else None,
        last_session=sessions[-1] if len(sessions) else None,
        sessions=len(sessions),
        layers=layer_table(data.generations),
        quarantine=quarantine_counts(data.quarantine),
        accuracy=judged,
        verdicts=tuple(verdict(judged).values()) if judged.height else (),
        weights=tuple(recent_weights(data.evaluations, data.horizon)),
        fallbacks=_fallbacks(data.evaluations),
        regimes=Counter(data.regimes.values()),
        orders=order_counts(data.orders),
        fills=fill_totals(data.fills),
        performance=performance(equity, sessions_per_year=data.sessions_per_year, initial_equity=data.initial_equity),
        buy_and_hold=performance(held, sessions_per_year=data.sessions_per_year),
    )


def _fallbacks(evaluations: pl.DataFrame) -> float | None:
    """Share of the members' forecasts that a fallback made; None of none."""
    own = evaluations.filter(pl.col("model") != ENSEMBLE).select(pl.col("fallbacks", "forecasts").cast(pl.Int64).sum())
    fallbacks, forecasts = own.row(0)
    return float(fallbacks / forecasts) if forecasts else None


def layer_table(generations: pl.DataFrame) -> pl.DataFrame:
    """Partitions, rows, newest generation and a digest a layer, in the chain's order.

    The digest is over partition names and content hashes: two reports with the same digest were
    made from the same rows.
    """
    contents = generations.sort("layer", "partition").group_by("layer", maintain_order=True)
    table = contents.agg(
        partitions=pl.len(),
        first=pl.col("partition").first(),
        last=pl.col("partition").last(),
        rows=pl.col("rows").sum(),
        generation=pl.col("generation").max(),
        digest=pl.concat_str("partition", "content", separator="=").str.join("\n"),
    )
    order = pl.DataFrame({"layer": list(LAYERS), "place": list(range(len(LAYERS)))})
    digests = [hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH] for text in table["digest"]]
    return (
        table.with_columns(pl.Series("digest", digests, pl.String))
        .join(order, on="layer", how="left")
        .sort("place", "layer", nulls_last=True)
        .drop("place")
    )


def quarantine_counts(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Refused rows by layer and reason, the most frequent first: columns layer, reason, rows."""
    counted = quarantine.group_by("layer", "reason").agg(rows=pl.len())
    return counted.sort("rows", "layer", "reason", descending=[True, False, False])


def order_counts(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders by state and reason, the most frequent first: columns state, reason, orders."""
    counted = orders.group_by("state", "reason").agg(orders=pl.len())
    return counted.sort("orders", "state", "reason", descending=[True, False, False])


def fill_totals(fills: pl.DataFrame) -> FillTotals:
    """Number, notional, fees and slippage of `fills` (FILLS contract)."""
    money = fills.select(pl.col("quantity", "price", "fee", "slippage").cast(pl.Float64)).select(
        notional=(pl.col("quantity") * pl.col("price")).sum(),
        fees=pl.col("fee").sum(),
        slippage=pl.col("slippage").sum(),
    )
    return FillTotals(fills.height, *money.row(0))
