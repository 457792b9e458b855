"""Patterns of two candles: engulfing, harami, piercing line, dark cloud cover."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels.candles import CHUNK, OVER, Floats, bodies, judged, mean_body, mean_from, tie
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _engulfing(series: Series, _memory: Memory, opens: Floats, closes: Floats, out: Floats) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 2, out)
        open_, close, found = opens[start:stop], closes[start:stop], out[start:stop]
        open_before, close_before = opens[start - 1 : stop], closes[start - 1 : stop]
        for k in range(len(found)):
            over = max(open_[k], close[k]) - max(open_before[k], close_before[k])
            under = min(open_before[k], close_before[k]) - min(open_[k], close[k])
            turned = (close[k] >= open_[k]) != (close_before[k] >= open_before[k])
            sign = 1.0 if close[k] >= open_[k] else -1.0
            found[k] = sign if turned & (over >= 0.0) & (under >= 0.0) & (over + under > 0.0) else 0.0


@compiled
def _harami(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    lengths = np.empty(CHUNK + 11)
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
        for begin in range(start, stop, CHUNK):
            end = min(begin + CHUNK, stop)
            chunk = slice(begin - 11, end)
            bodies(OVER, opens[chunk], highs[chunk], lows[chunk], closes[chunk], lengths)
            chunk = slice(begin - 1, end)
            open_, close, high, low = opens[chunk], closes[chunk], highs[chunk], lows[chunk]
            found = out[begin:end]
            for k in range(len(found)):
                upper, lower = max(open_[k + 1], close[k + 1]), min(open_[k + 1], close[k + 1])
                upper_before, lower_before = max(open_[k], close[k]), min(open_[k], close[k])
                inside = (upper <= upper_before) & (lower >= lower_before)
                long = upper_before - lower_before > mean_from(lengths, k) + tie(high[k], low[k])
                short = upper - lower <= mean_from(lengths, k + 1) + tie(high[k + 1], low[k + 1])
                sign = -1.0 if close[k] >= open_[k] else 1.0
                found[k] = sign if inside & long & short else 0.0


@compiled
def _piercing_line(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
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
        start, stop = judged(series, g, 11, out)
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
