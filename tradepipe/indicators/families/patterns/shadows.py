"""Patterns of a small body with one long shadow: hammer, hanging man, inverted hammer, shooting star."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels.candles import OVER, UNDER, Floats, judged, mean_body, mean_range, tie, very_short
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _near(highs: Floats, lows: Floats, i: int) -> float:
    """What counts as near the extremes of row i - 1, seen from row i: equal lengths are."""
    both = tie(highs[i], lows[i]) + tie(highs[i - 1], lows[i - 1])
    near: float = 0.2 * mean_range(highs, lows, i - 1, 5, OVER) + both
    return near


@compiled
def _hammer(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
        for i in range(start, stop):
            upper, lower, part = max(opens[i], closes[i]), min(opens[i], closes[i]), tie(highs[i], lows[i])
            out[i] = 0.0
            if (
                lower - lows[i] > upper - lower + part
                and lower <= lows[i - 1] + _near(highs, lows, i)
                and highs[i] - upper < very_short(highs, lows, i)
                and upper - lower < mean_body(opens, highs, lows, closes, i, UNDER) - part
            ):
                out[i] = 1.0


@compiled
def _hanging_man(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
        for i in range(start, stop):
            upper, lower, part = max(opens[i], closes[i]), min(opens[i], closes[i]), tie(highs[i], lows[i])
            out[i] = 0.0
            if (
                lower - lows[i] > upper - lower + part
                and lower >= highs[i - 1] - _near(highs, lows, i)
                and highs[i] - upper < very_short(highs, lows, i)
                and upper - lower < mean_body(opens, highs, lows, closes, i, UNDER) - part
            ):
                out[i] = -1.0


@compiled
def _inverted_hammer(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
        for i in range(start, stop):
            upper, lower, part = max(opens[i], closes[i]), min(opens[i], closes[i]), tie(highs[i], lows[i])
            out[i] = 0.0
            if (
                upper < min(opens[i - 1], closes[i - 1])
                and highs[i] - upper > upper - lower + part
                and lower - lows[i] < very_short(highs, lows, i)
                and upper - lower < mean_body(opens, highs, lows, closes, i, UNDER) - part
            ):
                out[i] = 1.0


@compiled
def _shooting_star(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 11, out)
        for i in range(start, stop):
            upper, lower, part = max(opens[i], closes[i]), min(opens[i], closes[i]), tie(highs[i], lows[i])
            out[i] = 0.0
            if (
                lower > max(opens[i - 1], closes[i - 1])
                and highs[i] - upper > upper - lower + part
                and lower - lows[i] < very_short(highs, lows, i)
                and upper - lower < mean_body(opens, highs, lows, closes, i, UNDER) - part
            ):
                out[i] = -1.0


_STANDS = (
    above(candle.mean_body, candle.body)
    & above(candle.lower_shadow, candle.body)
    & above(0.1 * candle.mean_range, candle.upper_shadow)
)
_HANGS = (
    above(candle.mean_body, candle.body)
    & above(candle.upper_shadow, candle.body)
    & above(0.1 * candle.mean_range, candle.lower_shadow)
)

HAMMER = register(
    pattern(
        "hammer",
        "Hammer",
        "1 where a small body (shorter than the mean body of the ten candles before) has a lower shadow longer "
        "than itself, hardly an upper one (shorter than a tenth of the mean range) and lies below or near the low "
        "before (within a fifth of the mean range of the five candles before that). Whether prices fell before is "
        "for the user to see.",
        warm_up=11,
        kernel=_hammer,
        signal=lambda: (
            pl.when(_STANDS & ~above(candle.bottom, (candle.low + candle.near).shift(1))).then(1).otherwise(0)
        ),
    )
)

HANGING_MAN = register(
    pattern(
        "hanging_man",
        "Hanging man",
        "-1 where a candle of a hammer's shape has its body above or near the high before (within a fifth of the "
        "mean range of the five candles before that). Whether prices rose before is for the user to see.",
        warm_up=11,
        kernel=_hanging_man,
        signal=lambda: (
            pl.when(_STANDS & ~above((candle.high - candle.near).shift(1), candle.bottom)).then(-1).otherwise(0)
        ),
    )
)

INVERTED_HAMMER = register(
    pattern(
        "inverted_hammer",
        "Inverted hammer",
        "1 where a small body (shorter than the mean body of the ten candles before) lies wholly below the body "
        "before, with an upper shadow longer than itself and hardly a lower one (shorter than a tenth of the mean "
        "range).",
        warm_up=11,
        kernel=_inverted_hammer,
        signal=lambda: pl.when(_HANGS & (candle.top < candle.bottom.shift(1))).then(1).otherwise(0),
    )
)

SHOOTING_STAR = register(
    pattern(
        "shooting_star",
        "Shooting star",
        "-1 where a small body (shorter than the mean body of the ten candles before) lies wholly above the body "
        "before, with an upper shadow longer than itself and hardly a lower one (shorter than a tenth of the mean "
        "range).",
        warm_up=11,
        kernel=_shooting_star,
        signal=lambda: pl.when(_HANGS & (candle.bottom > candle.top.shift(1))).then(-1).otherwise(0),
    )
)
