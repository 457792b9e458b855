"""The features of a market: what its settings ask for, checked against what the market has."""

import functools

from tradepipe.indicators.batch.outside import DATA_OF, LAYER_OF
from tradepipe.indicators.errors import IndicatorError
from tradepipe.indicators.feature import Feature
from tradepipe.indicators.parsing import parse_features
from tradepipe.markets import Market


def features_of(market: Market) -> tuple[Feature, ...]:
    """What `market`'s `indicators` ask for, in that order.

    Raises:
        IndicatorError: as `parse_features`; or one asks for an interval, a benchmark or data that the
            market does not have. The message names the market's file, the text and the remedy.
    """
    told = market.settings
    file = f"conf/markets/{market.name}.yaml"
    try:
        features = _parsed(told.indicators)
    except IndicatorError as error:
        raise type(error)(f"{file}: {error}") from None
    if told.benchmark is not None and told.benchmark not in market.universe.symbols:
        raise IndicatorError(
            f"{file}: benchmark {told.benchmark!r} is not in universe {market.universe.name}. Remedy: name one of its "
            "symbols; its bars are what the others are compared with."
        )
    for text, one in zip(told.indicators, features, strict=True):
        if wrong := _lacking(one, market):
            raise IndicatorError(f"{file}: indicator {text!r}: {wrong}")
    return features


def _lacking(feature: Feature, market: Market) -> str | None:
    """What the market does not have that `feature` needs, and the remedy; None for nothing."""
    told, interval = market.settings, feature.interval
    if interval == told.interval:
        return f"{interval} is the market's base interval. Remedy: leave @{interval} out"
    if interval is not None and interval not in told.intervals:
        there = f"it has {', '.join(told.intervals)}" if told.intervals else "it has no longer intervals"
        return f"the market has no interval {interval}; {there}. Remedy: add {interval} to its `intervals`"
    for name in feature.inputs:
        if name == "benchmark" and told.benchmark is None:
            return "it compares with a benchmark, and none is configured. Remedy: set `benchmark` to a symbol"
        if name in LAYER_OF and DATA_OF[name] not in told.fetch.data:
            return (
                f"it reads {name}, which the market does not fetch. Remedy: add {DATA_OF[name]} to its `fetch.data`, "
                "or leave the indicator out"
            )
    return None


@functools.lru_cache(maxsize=64)
def _parsed(texts: tuple[str, ...]) -> tuple[Feature, ...]:
    return parse_features(texts)
