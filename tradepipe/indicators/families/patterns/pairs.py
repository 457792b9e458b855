"""Patterns of two candles: engulfing, harami, piercing line, dark cloud cover."""

import numpy as np
import polars as pl

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.candles import OVER, Floats, mean_body, tie
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _engulfing(series: Series, _memory: Memory, opens: Floats, closes: Floats, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 2)
        out[fresh:start] = np.nan
        for i in range(start, stop):
            open_, close, start_of, end_of = opens[i], closes[i], opens[i - 1], closes[i - 1]
            white, changed = close >= open_, (close >= open_) != (end_of >= start_of)
            over, under = max(open_, close) - max(start_of, end_of), min(start_of, end_of) - min(open_, close)
            around = over >= 0.0 and under >= 0.0 and over + under > 0.0
            out[i] = (1.0 if white else -1.0) if changed and around else 0.0


@compiled
def _harami(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 11)
        out[fresh:start] = np.nan
        for i in range(start, stop):
            upper, lower = max(opens[i], closes[i]), min(opens[i], closes[i])
            upper_before, lower_before = max(opens[i - 1], closes[i - 1]), min(opens[i - 1], closes[i - 1])
            out[i] = 0.0
            if (
                upper <= upper_before
                and lower >= lower_before
                and upper_before - lower_before
                > mean_body(opens, highs, lows, closes, i - 1, OVER) + tie(highs[i - 1], lows[i - 1])
                and upper - lower <= mean_body(opens, highs, lows, closes, i, OVER) + tie(highs[i], lows[i])
            ):
                out[i] = -1.0 if closes[i - 1] >= opens[i - 1] else 1.0


@compiled
def _piercing_line(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 11)
        out[fresh:start] = np.nan
        for i in range(start, stop):
            out[i] = 0.0
            body_before = opens[i - 1] - closes[i - 1]
            if opens[i] < lows[i - 1] and body_before > 0.0 and closes[i] < opens[i - 1]:
                part, part_before = tie(highs[i], lows[i]), tie(highs[i - 1], lows[i - 1])
                if (
                    closes[i] > closes[i - 1] + body_before * 0.5 + part + part_before
                    and body_before > mean_body(opens, highs, lows, closes, i - 1, OVER) + part_before
                    and closes[i] - opens[i] > mean_body(opens, highs, lows, closes, i, OVER) + part
                ):
                    out[i] = 1.0


@compiled
def _dark_cloud_cover(
    series: Series,
    _memory: Memory,
    opens: Floats,
    highs: Floats,
    lows: Floats,
    closes: Floats,
    penetration: float,
    out: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = max(fresh, first + 11)
        out[fresh:start] = np.nan
        for i in range(start, stop):
            out[i] = 0.0
            body_before = closes[i - 1] - opens[i - 1]
            if opens[i] > highs[i - 1] and body_before > 0.0 and opens[i - 1] < closes[i] < opens[i]:
                part, part_before = tie(highs[i], lows[i]), tie(highs[i - 1], lows[i - 1])
                if (
                    closes[i] < closes[i - 1] - body_before * penetration - part - part_before
                    and body_before > mean_body(opens, highs, lows, closes, i - 1, OVER) + part_before
                ):
                    out[i] = -1.0


_ENGULFS = (candle.top >= candle.top.shift(1)) & (candle.bottom <= candle.bottom.shift(1))
_LONG_BEFORE = above(candle.body, candle.mean_body).shift(1)

ENGULFING = register(
    pattern(
        "engulfing",
        "Engulfing",
        "1 where a white body covers the black body before it, -1 where a black one covers a white one; the "
        "bodies may share one end. Judged from the third candle on, as in TA-Lib.",
        warm_up=2,
        kernel=_engulfing,
        inputs=("open", "close"),
        signal=lambda: (
            pl.when(
                (candle.colour != candle.colour.shift(1))
                & _ENGULFS
                & ((candle.top != candle.top.shift(1)) | (candle.bottom != candle.bottom.shift(1)))
            )
            .then(candle.colour)
            .otherwise(0)
        ),
    )
)

HARAMI = register(
    pattern(
        "harami",
        "Harami",
        "1 or -1 where a short body (at most the mean body of the ten candles before) lies within a long one "
        "(longer than that mean); the bodies may share ends. 1 after a long black candle, -1 after a long white "
        "one.",
        warm_up=11,
        kernel=_harami,
        signal=lambda: (
            pl.when(
                _LONG_BEFORE
                & ~above(candle.body, candle.mean_body)
                & (candle.top <= candle.top.shift(1))
                & (candle.bottom >= candle.bottom.shift(1))
            )
            .then(-candle.colour.shift(1))
            .otherwise(0)
        ),
    )
)

PIERCING_LINE = register(
    pattern(
        "piercing_line",
        "Piercing line",
        "1 where after a long black candle a long white one opens below its low and closes above the middle of "
        "its body, but within it. Long: the body is longer than the mean body of the ten candles before.",
        warm_up=11,
        kernel=_piercing_line,
        signal=lambda: (
            pl.when(
                _LONG_BEFORE
                & candle.black.shift(1)
                & candle.white
                & above(candle.body, candle.mean_body)
                & (candle.open_ < candle.low.shift(1))
                & (candle.close < candle.open_.shift(1))
                & above(candle.close, (candle.close + 0.5 * candle.body).shift(1))
            )
            .then(1)
            .otherwise(0)
        ),
    )
)

DARK_CLOUD_COVER = register(
    pattern(
        "dark_cloud_cover",
        "Dark cloud cover",
        "-1 where after a long white candle a black one opens above its high and closes within its body, deeper "
        "than `penetration` of it. Long: the body is longer than the mean body of the ten candles before.",
        warm_up=11,
        kernel=_dark_cloud_cover,
        penetration=0.5,
        signal=lambda penetration: (
            pl.when(
                _LONG_BEFORE
                & candle.white.shift(1)
                & candle.black
                & (candle.open_ > candle.high.shift(1))
                & (candle.close > candle.open_.shift(1))
                & above((candle.close - penetration * candle.body).shift(1), candle.close)
            )
            .then(-1)
            .otherwise(0)
        ),
    )
)
