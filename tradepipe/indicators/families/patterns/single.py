"""Patterns of one candle by its body alone: doji, marubozu, spinning top."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels.candles import (
    CHUNK,
    OVER,
    UNDER,
    Floats,
    bodies,
    judged,
    mean_body,
    mean_from,
    ranges,
    tie,
)
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _doji(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    lengths = np.empty(CHUNK + 10)
    for g in range(len(series)):
        start, stop = judged(series, g, 10, out)
        for begin in range(start, stop, CHUNK):
            end = min(begin + CHUNK, stop)
            ranges(OVER, highs[begin - 10 : end], lows[begin - 10 : end], lengths)
            open_, close, high, low = opens[begin:end], closes[begin:end], highs[begin:end], lows[begin:end]
            found = out[begin:end]
            for k in range(len(found)):
                mean = 0.1 * mean_from(lengths, k) + tie(high[k], low[k])
                found[k] = 1.0 if abs(close[k] - open_[k]) <= mean else 0.0


@compiled
def _marubozu(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    long, wide = np.empty(CHUNK + 10), np.empty(CHUNK + 10)
    for g in range(len(series)):
        start, stop = judged(series, g, 10, out)
        for begin in range(start, stop, CHUNK):
            end = min(begin + CHUNK, stop)
            chunk = slice(begin - 10, end)
            bodies(OVER, opens[chunk], highs[chunk], lows[chunk], closes[chunk], long)
            ranges(UNDER, highs[chunk], lows[chunk], wide)
            open_, close, high, low = opens[begin:end], closes[begin:end], highs[begin:end], lows[begin:end]
            found = out[begin:end]
            for k in range(len(found)):
                part = tie(high[k], low[k])
                upper, lower = max(open_[k], close[k]), min(open_[k], close[k])
                shadow, very_short = max(high[k] - upper, lower - low[k]), 0.1 * mean_from(wide, k) - part
                sign = 1.0 if close[k] >= open_[k] else -1.0
                found[k] = sign if (shadow < very_short) & (upper - lower > mean_from(long, k) + part) else 0.0


@compiled
def _spinning_top(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 10, out)
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
