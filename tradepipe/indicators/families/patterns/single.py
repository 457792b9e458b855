"""Patterns of one candle by its body alone: doji, marubozu, spinning top."""

import numpy as np
import polars as pl

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.candles import (
    OVER,
    UNDER,
    Floats,
    bodies,
    mean_before,
    mean_body,
    ranges,
    tie,
    very_short,
)
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _doji(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 10)
        out[fresh:start] = np.nan
        over = ranges(OVER, highs, lows, first, stop)
        for i in range(start, stop):
            mean = 0.1 * mean_before(over, i - first) + tie(highs[i], lows[i])
            out[i] = 1.0 if abs(closes[i] - opens[i]) <= mean else 0.0


@compiled
def _marubozu(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 10)
        out[fresh:start] = np.nan
        long = bodies(OVER, opens, highs, lows, closes, first, stop)
        for i in range(start, stop):
            upper, lower = max(opens[i], closes[i]), min(opens[i], closes[i])
            out[i] = 0.0
            if upper - lower > mean_before(long, i - first) + tie(highs[i], lows[i]):
                shortest = very_short(highs, lows, i)
                if highs[i] - upper < shortest and lower - lows[i] < shortest:
                    out[i] = 1.0 if closes[i] >= opens[i] else -1.0


@compiled
def _spinning_top(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 10)
        out[fresh:start] = np.nan
        for i in range(start, stop):
            part = tie(highs[i], lows[i])
            upper, lower = max(opens[i], closes[i]), min(opens[i], closes[i])
            body = upper - lower
            out[i] = 0.0
            if min(highs[i] - upper, lower - lows[i]) > body + part and body < (
                mean_body(opens, highs, lows, closes, i, UNDER) - part
            ):
                out[i] = 1.0 if closes[i] >= opens[i] else -1.0


DOJI = register(
    pattern(
        "doji",
        "Doji",
        "1 where open and close are nearly equal: the body is at most a tenth of the mean range of the ten "
        "candles before. It means indecision, neither direction.",
        warm_up=10,
        kernel=_doji,
        signal=lambda: pl.when(~above(candle.body, 0.1 * candle.mean_range)).then(1).otherwise(0),
    )
)

MARUBOZU = register(
    pattern(
        "marubozu",
        "Marubozu",
        "1 (white) or -1 (black) where the body is longer than the mean body of the ten candles before and both "
        "shadows are shorter than a tenth of their mean range.",
        warm_up=10,
        kernel=_marubozu,
        signal=lambda: (
            pl.when(
                above(candle.body, candle.mean_body)
                & above(0.1 * candle.mean_range, candle.upper_shadow)
                & above(0.1 * candle.mean_range, candle.lower_shadow)
            )
            .then(candle.colour)
            .otherwise(0)
        ),
    )
)

SPINNING_TOP = register(
    pattern(
        "spinning_top",
        "Spinning top",
        "1 (white) or -1 (black) where the body is shorter than the mean body of the ten candles before and than "
        "either shadow. The sign is the candle's colour; the pattern means indecision.",
        warm_up=10,
        kernel=_spinning_top,
        signal=lambda: (
            pl.when(
                above(candle.upper_shadow, candle.body)
                & above(candle.lower_shadow, candle.body)
                & above(candle.mean_body, candle.body)
            )
            .then(candle.colour)
            .otherwise(0)
        ),
    )
)
