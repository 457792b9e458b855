"""The indicators layer of a market: what its features read, what would change it, and its rows."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from tradepipe import contracts
from tradepipe.contracts import Contract
from tradepipe.indicators import (
    Beside,
    Feature,
    IndicatorError,
    Windowed,
    compute_indicators,
    features_of,
    lookback_of,
)
from tradepipe.indicators.batch.outside import HELD_SESSIONS, LAYER_OF
from tradepipe.markets import Market

DERIVED: dict[str, Contract] = {
    "funding": contracts.FUNDING,
    "mark_prices": contracts.MARK_PRICES,
    "open_interest": contracts.OPEN_INTEREST,
}
"""Layers beside the chain that one of its layers can read; see `tradepipe.chain.derivatives`."""

FORECAST_FROM = "log_return"
"""The column of indicators that forecasts read."""


def indicator_reads(market: Market) -> Mapping[str, int]:
    """Layers that `market`'s indicators read, with the sessions they look back.

    Bars; longer bars and derivatives when, and only when, some configured indicator asks for them.
    """
    features = features_of(market)
    plain, longer = ([one for one in features if (one.interval is None) is base] for base in (True, False))
    # A longer bar is compared with base bars of the benchmark.
    reads = {"bars": _sessions(market, [*plain, *(one for one in longer if "benchmark" in one.inputs)])}
    if longer:
        reads["intervals"] = _sessions(market, longer)
    for name in _inputs_of(features):
        if name in LAYER_OF:
            reads[LAYER_OF[name]] = _sessions(market, [one for one in features if name in one.inputs]) + HELD_SESSIONS
    return reads


def _sessions(market: Market, features: Sequence[Feature]) -> int:
    """Sessions that hold the lookback of each of `features` in bars of its interval."""
    intervals = sorted({one.interval for one in features if one.interval})
    # One bar more: at a partition's first bar the last closed one belongs to an earlier session.
    backs = [market.lookback_sessions(lookback_of(features, one) + 1, one) for one in intervals]
    return max([market.lookback_sessions(lookback_of(features)), *backs])


def indicator_settings(market: Market) -> tuple[object, ...]:
    """What of `market`'s settings changes its indicators."""
    features, told = features_of(market), market.settings
    compared = [told.benchmark] if "benchmark" in _inputs_of(features) else []
    members = spells_of(market) if any(one.across for one in features) else {}
    # In one way of writing, so that a space or a default that is said changes nothing.
    return ([one.text for one in features], *compared, *([members] if members else []))


def refuse_without_returns(market: Market) -> None:
    """Raise IndicatorError when `market`'s indicators do not write what forecasts are made from."""
    written = {output.name for one in features_of(market) for output in one.described}
    if FORECAST_FROM not in written:
        raise IndicatorError(
            f"conf/markets/{market.name}.yaml: no indicator writes {FORECAST_FROM}, which forecasts are made from. "
            "Remedy: add returns to `indicators`"
        )


def mixes_symbols(market: Market, symbol: str) -> bool:
    """Whether a bar of `symbol` changes indicators of other symbols too."""
    features = features_of(market)
    compared = market.settings.benchmark == symbol and "benchmark" in _inputs_of(features)
    return compared or any(one.across for one in features)


def _inputs_of(features: Sequence[Feature]) -> list[str]:
    return list(dict.fromkeys(name for one in features for name in one.inputs))


def spells_of(market: Market) -> dict[str, list[tuple[str, str]]]:
    """When each symbol was a member, of those that are not always."""
    return {
        one.symbol: [(str(spell.start), str(spell.end)) for spell in one.member]
        for one in market.universe.instruments
        if one.member
    }


def with_membership(market: Market, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with is_member, whether the symbol belonged to the universe on the session, where that ever changes."""
    return rows.with_columns(market.universe.is_member(rows)) if market.universe.is_dated else rows


def indicators_of(
    market: Market,
    bars: pl.DataFrame,
    rows: Callable[[str], pl.DataFrame],
    windows: Callable[[str], pl.DataFrame],
) -> pl.DataFrame:
    """The rows of the indicators layer, and their `partition`; see `compute_indicators`.

    Args:
        market: whose indicators.
        bars: of all partitions that the wanted ones look back on.
        rows: gives the same of another layer that indicators read.
        windows: gives the anchored window of each wanted partition in a layer that indicators read.
    """
    reads = indicator_reads(market)
    layers = {name: Windowed(rows(name), windows(name)) for name in LAYER_OF.values() if name in reads}
    longer = Windowed(rows("intervals"), windows("intervals")) if "intervals" in reads else None
    beside = Beside(longer, layers, market.settings.benchmark, market.universe)
    return compute_indicators(bars, windows("bars"), features_of(market), beside, threads=market.settings.threads)
