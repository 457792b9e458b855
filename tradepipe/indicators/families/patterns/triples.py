"""Patterns of three candles: morning star, evening star, three white soldiers, three black crows."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.families.patterns import candle
from tradepipe.indicators.families.patterns.candle import above, pattern
from tradepipe.indicators.kernels.candles import OVER, UNDER, Floats, judged, mean_body, mean_range, tie, very_short
from tradepipe.indicators.model import Memory, Series
from tradepipe.indicators.registry import register


@compiled
def _is_long(opens: Floats, highs: Floats, lows: Floats, closes: Floats, i: int) -> bool:
    """Whether the body is longer than the mean body of the ten candles before."""
    long: bool = abs(closes[i] - opens[i]) > mean_body(opens, highs, lows, closes, i, OVER) + tie(highs[i], lows[i])
    return long


@compiled
def _is_star(opens: Floats, highs: Floats, lows: Floats, closes: Floats, i: int) -> bool:
    """Whether the bodies that end with row `i` are long, short and not short."""
    short = mean_body(opens, highs, lows, closes, i - 1, OVER) + tie(highs[i - 1], lows[i - 1])
    star: bool = abs(closes[i - 1] - opens[i - 1]) <= short
    return star and _is_long(opens, highs, lows, closes, i - 2) and _is_long(opens, highs, lows, closes, i)


@compiled
def _morning_star(
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
        start, stop = judged(series, g, 12, out)
        # Whatever needs no mean comes first, without a branch: few rows are left for the rest.
        open_, close, found = opens[start - 2 : stop], closes[start - 2 : stop], out[start:stop]
        for k in range(len(found)):
            colours = (close[k] < open_[k]) & (close[k + 2] >= open_[k + 2])
            found[k] = 1.0 if colours & (max(open_[k + 1], close[k + 1]) < close[k]) else 0.0
        for i in range(start, stop):
            if out[i] != 0.0:
                parts = tie(highs[i], lows[i]) + tie(highs[i - 2], lows[i - 2])
                deep = closes[i] > closes[i - 2] + (opens[i - 2] - closes[i - 2]) * penetration + parts
                if not (deep and _is_star(opens, highs, lows, closes, i)):
                    out[i] = 0.0


@compiled
def _evening_star(
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
        start, stop = judged(series, g, 12, out)
        # Whatever needs no mean comes first, without a branch: few rows are left for the rest.
        open_, close, found = opens[start - 2 : stop], closes[start - 2 : stop], out[start:stop]
        for k in range(len(found)):
            colours = (close[k] > open_[k]) & (close[k + 2] < open_[k + 2])
            found[k] = -1.0 if colours & (min(open_[k + 1], close[k + 1]) > close[k]) else 0.0
        for i in range(start, stop):
            if out[i] != 0.0:
                parts = tie(highs[i], lows[i]) + tie(highs[i - 2], lows[i - 2])
                deep = closes[i] < closes[i - 2] - (closes[i - 2] - opens[i - 2]) * penetration - parts
                if not (deep and _is_star(opens, highs, lows, closes, i)):
                    out[i] = 0.0


@compiled
def _follows(opens: Floats, highs: Floats, lows: Floats, closes: Floats, i: int) -> bool:
    """Whether white candle `i` opens within or near the white body before and is not far shorter."""
    both = tie(highs[i], lows[i]) + tie(highs[i - 1], lows[i - 1])
    near, far = 0.2 * mean_range(highs, lows, i - 1, 5, OVER), 0.6 * mean_range(highs, lows, i - 1, 5, UNDER)
    shrunk = (closes[i - 1] - opens[i - 1]) - (closes[i] - opens[i])
    follows: bool = opens[i] <= closes[i - 1] + near + both and shrunk < far - both
    return follows


@compiled
def _three_white_soldiers(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 12, out)
        open_, close, found = opens[start - 2 : stop], closes[start - 2 : stop], out[start:stop]
        for k in range(len(found)):
            white = (close[k] >= open_[k]) & (close[k + 1] >= open_[k + 1]) & (close[k + 2] >= open_[k + 2])
            higher = (close[k + 2] > close[k + 1]) & (close[k + 1] > close[k])
            found[k] = 1.0 if white & higher & (open_[k + 2] > open_[k + 1]) & (open_[k + 1] > open_[k]) else 0.0
        for i in range(start, stop):
            if out[i] != 0.0:
                marching = _is_long(opens, highs, lows, closes, i)
                for k in range(i - 2, i + 1):
                    marching = marching and highs[k] - closes[k] < very_short(highs, lows, k)
                marching = marching and _follows(opens, highs, lows, closes, i)
                if not (marching and _follows(opens, highs, lows, closes, i - 1)):
                    out[i] = 0.0


@compiled
def _three_black_crows(
    series: Series, _memory: Memory, opens: Floats, highs: Floats, lows: Floats, closes: Floats, out: Floats
) -> None:
    for g in range(len(series)):
        start, stop = judged(series, g, 13, out)
        open_, close, found = opens[start - 2 : stop], closes[start - 2 : stop], out[start:stop]
        before = slice(start - 3, stop)
        open_before, high_before, close_before = opens[before], highs[before], closes[before]
        for k in range(len(found)):
            black = (close[k] < open_[k]) & (close[k + 1] < open_[k + 1]) & (close[k + 2] < open_[k + 2])
            second = (open_[k + 1] < open_[k]) & (open_[k + 1] > close[k]) & (close[k + 1] < close[k])
            third = (open_[k + 2] < open_[k + 1]) & (open_[k + 2] > close[k + 1]) & (close[k + 2] < close[k + 1])
            after_white = (close_before[k] >= open_before[k]) & (high_before[k] > close[k])
            found[k] = -1.0 if black & second & third & after_white else 0.0
        for i in range(start, stop):
            if out[i] != 0.0:
                for k in range(i - 2, i + 1):
                    if closes[k] - lows[k] >= very_short(highs, lows, k):
                        out[i] = 0.0


_LONG = above(candle.body, candle.mean_body)
_STAR = _LONG.shift(2) & ~_LONG.shift(1) & _LONG
_OPENS_NEAR = (
    ~above(candle.open_, (candle.close + candle.near).shift(1))
    & above(candle.body, (candle.body - candle.far).shift(1))
    & (candle.open_ > candle.open_.shift(1))
)
_NO_UPPER_SHADOW, _NO_LOWER_SHADOW = (
    above(0.1 * candle.mean_range, candle.upper_shadow),
    above(0.1 * candle.mean_range, candle.lower_shadow),
)
_OPENS_WITHIN = (candle.open_ < candle.open_.shift(1)) & (candle.open_ > candle.close.shift(1))

MORNING_STAR = register(
    pattern(
        "morning_star",
        "Morning star",
        "1 where a long black candle, a short one whose body lies below its body and a white one that is not "
        "short and closes deeper than `penetration` of the first body follow each other. Long: the body is longer "
        "than the mean body of the ten candles before; short: it is not.",
        warm_up=12,
        kernel=_morning_star,
        penetration=0.3,
        signal=lambda penetration: (
            pl.when(
                _STAR
                & candle.black.shift(2)
                & candle.white
                & (candle.top < candle.bottom.shift(1)).shift(1)
                & above(candle.close, (candle.close + penetration * candle.body).shift(2))
            )
            .then(1)
            .otherwise(0)
        ),
    )
)

EVENING_STAR = register(
    pattern(
        "evening_star",
        "Evening star",
        "-1 where a long white candle, a short one whose body lies above its body and a black one that is not "
        "short and closes deeper than `penetration` of the first body follow each other. Long: the body is longer "
        "than the mean body of the ten candles before; short: it is not.",
        warm_up=12,
        kernel=_evening_star,
        penetration=0.3,
        signal=lambda penetration: (
            pl.when(
                _STAR
                & candle.white.shift(2)
                & candle.black
                & (candle.bottom > candle.top.shift(1)).shift(1)
                & above((candle.close - penetration * candle.body).shift(2), candle.close)
            )
            .then(-1)
            .otherwise(0)
        ),
    )
)

THREE_WHITE_SOLDIERS = register(
    pattern(
        "three_white_soldiers",
        "Three white soldiers",
        "1 where three white candles close higher each, with hardly an upper shadow (shorter than a tenth of the "
        "mean range), the second and the third opening above the open before and within or near its body (a fifth "
        "of the mean range of five candles), neither being far shorter (three fifths of it), the last with a body "
        "longer than the mean of ten.",
        warm_up=12,
        kernel=_three_white_soldiers,
        signal=lambda: (
            pl.when(
                candle.white
                & candle.white.shift(1)
                & candle.white.shift(2)
                & _NO_UPPER_SHADOW
                & _NO_UPPER_SHADOW.shift(1)
                & _NO_UPPER_SHADOW.shift(2)
                & (candle.close > candle.close.shift(1))
                & (candle.close.shift(1) > candle.close.shift(2))
                & _OPENS_NEAR
                & _OPENS_NEAR.shift(1)
                & _LONG
            )
            .then(1)
            .otherwise(0)
        ),
    )
)

THREE_BLACK_CROWS = register(
    pattern(
        "three_black_crows",
        "Three black crows",
        "-1 where after a white candle three black ones close lower each, with hardly a lower shadow (shorter "
        "than a tenth of the mean range), the second and the third opening within the body before, and the first "
        "closing below the white candle's high.",
        warm_up=13,
        kernel=_three_black_crows,
        signal=lambda: (
            pl.when(
                candle.white.shift(3)
                & candle.black
                & candle.black.shift(1)
                & candle.black.shift(2)
                & _NO_LOWER_SHADOW
                & _NO_LOWER_SHADOW.shift(1)
                & _NO_LOWER_SHADOW.shift(2)
                & _OPENS_WITHIN
                & _OPENS_WITHIN.shift(1)
                & (candle.close < candle.close.shift(1))
                & (candle.close.shift(1) < candle.close.shift(2))
                & (candle.high.shift(3) > candle.close.shift(2))
            )
            .then(-1)
            .otherwise(0)
        ),
    )
)
