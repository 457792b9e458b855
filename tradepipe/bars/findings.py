"""Findings: what is odd about a bar, judged against what was known of its symbol before it.

| finding | told by |
|---|---|
| `spike` | high or low lies `spike_scale` robust deviations or more from the bar before and from the median of the closes in the window. The deviation is 1.4826 times the median absolute deviation of the window's log returns (Hampel 1974), and at least 0.5 % |
| `wrong_unit` | one of the four prices is 100, 1,000 or 10,000 times the median of the closes in the window or that part of it, within a half; or 10 times, within a fifth, while another of the four is where it was, within a half |
| `volume_unit` | the volume is `volume_ratio` times the median of the window's volumes above zero, or that part of it |
| `stale` | the bar, with volume, equals each of the `stale_bars` - 1 bars before it in all five numbers |
| `twin` | the last `twin_bars` bars, all with volume, equal another symbol's in all five numbers |

The window holds the `window` expected bars before the bar, as they were known when the bar was known; a
row that a finding refused is part of it, so that a lasting change of level is accepted after half a
window. Medians need five bars. Prices at or below zero are neither judged nor part of a window. A row
that repeats the word before it is not judged again.
"""  # noqa: E501 - a table's rows stay on their lines

import math
from collections.abc import Iterator

import numpy as np

from tradepipe.bars.context import NOTHING, NUMBERS, Floats, Words, before
from tradepipe.bars.placing import Flags, Integers
from tradepipe.bars.suspects import mixed, price_suspects, stale_suspects, twin_suspects, volume_suspects
from tradepipe.settings.models import CleaningSettings

FINDINGS = ("stale", "twin", "volume_unit", "spike", "wrong_unit")
"""From least to most serious, as in QUALITY_CODES."""

FEWEST = 5
LEAST_SCALE = 0.005
NORMAL = 1.4826  # makes the median absolute deviation of a normal variable its standard deviation
AT_ONCE = 20_000

# A tenth of all prices at once is a split, 10:1, until the contrary is known: six of 6,000 real symbols had one
# in three months. Factors, as log10.
TENFOLD = math.log10(1.2)
WITHIN_A_HALF = math.log10(1.5)
MOST_TENS = 4
LEAST_UNIT = 10 / 1.2 * (1 - 1e-9)  # a little less, for the last digit of a logarithm


def find(told: Words, settings: CleaningSettings) -> dict[str, Flags]:
    """Each finding of FINDINGS, True at the rows of `told` that it is true of.

    Costs little where nothing jumps: only rows that can have a finding are judged.
    """
    found = {name: np.zeros(told.close.size, np.bool_) for name in FINDINGS}
    for at in _parted(price_suspects(told, settings, LEAST_SCALE, LEAST_UNIT), told):
        found["wrong_unit"][at], found["spike"][at] = _of_price(told, at, settings)
    if settings.volume_ratio:
        for at in _parted(volume_suspects(told, settings), told):
            found["volume_unit"][at] = _of_volume(told, at, settings)
    if settings.stale_bars:
        for at in _parted(stale_suspects(told, settings.stale_bars), told):
            found["stale"][at] = _stale(told, at, settings.stale_bars)
    if settings.twin_bars:
        _twins(told, np.flatnonzero(twin_suspects(told, settings.twin_bars)), settings.twin_bars, found["twin"])
    return found


def _parted(suspects: Flags, told: Words) -> Iterator[Integers]:
    """The suspects, and all rows whose symbol has not each bar once and in order; some at a time, for memory."""
    at = np.flatnonzero(suspects | ~told.plain)
    for start in range(0, at.size, AT_ONCE):
        yield at[start : start + AT_ONCE]


@np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore")
def _of_price(told: Words, at: Integers, settings: CleaningSettings) -> tuple[Flags, Flags]:
    rows = before(told, at, settings.window)
    closes = _nearest_first(np.where(rows == NOTHING, np.nan, told.close[rows]))
    usual = _median(closes)
    prices = np.stack([told.open[at], told.high[at], told.low[at], told.close[at]])
    judged = np.min(prices, axis=0) > 0
    wrong_unit = judged & _wrong_unit(np.abs(np.log10(prices / usual)))
    if not settings.spike_scale:
        return wrong_unit, np.zeros(at.size, np.bool_)
    return wrong_unit, judged & _spike(told, at, closes, usual, settings.spike_scale)


@np.errstate(invalid="ignore", over="ignore", under="ignore")
def _of_volume(told: Words, at: Integers, settings: CleaningSettings) -> Flags:
    rows = before(told, at, settings.window)
    volumes = _nearest_first(np.where(rows == NOTHING, np.nan, told.volume[rows]))
    times = told.volume[at] / _median(volumes)
    odd = (times >= settings.volume_ratio) | (times <= 1 / settings.volume_ratio)
    return np.asarray(odd & (told.volume[at] > 0))


def _nearest_first(values: Floats) -> Floats:
    """The numbers above zero of each line moved together to its left, in their order; NaN to the right of them."""
    values = np.where(values > 0, values, np.nan)
    empty = np.isnan(values)
    if not np.any(empty[:, :-1] & ~empty[:, 1:]):  # the usual case: they lie so already
        return values
    places = np.argsort(empty, axis=1, kind="stable")
    return np.take_along_axis(values, places, axis=1)


def _median(values: Floats) -> Floats:
    """The median of each line without its NaN; NaN for lines of fewer than FEWEST numbers."""
    counts = np.sum(~np.isnan(values), axis=1)
    ascending = np.sort(values, axis=1)  # NaN last
    lines, last = np.arange(counts.size), values.shape[1] - 1
    low = ascending[lines, np.clip((counts - 1) // 2, 0, last)]
    high = ascending[lines, np.clip(counts // 2, 0, last)]
    return np.where(counts >= FEWEST, low + (high - low) / 2, np.nan)


def _wrong_unit(tens: Floats) -> Flags:
    """Of the distance of the four prices from the usual one, in powers of ten; one column a bar."""
    nearest = np.rint(tens)
    near = np.abs(tens - nearest) <= WITHIN_A_HALF
    hundreds = np.any(near & (nearest > 1) & (nearest <= MOST_TENS), axis=0)
    ten = np.any(np.abs(tens - 1) <= TENFOLD, axis=0) & np.any(near & (nearest == 0), axis=0)
    return np.asarray(hundreds | ten)


def _spike(told: Words, at: Integers, closes: Floats, usual: Floats, scale: float) -> Flags:
    levels, level = np.log(closes), np.log(usual)
    returns = levels[:, :-1] - levels[:, 1:]
    deviation = NORMAL * _median(np.abs(returns - _median(returns)[:, None]))
    far = scale * np.maximum(deviation, LEAST_SCALE)
    high, low = np.log(told.high[at]), np.log(told.low[at])
    jump = np.maximum(high - levels[:, 0], levels[:, 0] - low)
    off = np.maximum(high - level, level - low)
    return np.asarray((jump >= far) & (off >= far))


def _stale(told: Words, at: Integers, bars: int) -> Flags:
    if bars == 1:
        return np.asarray(told.volume[at] > 0)
    rows = before(told, at, bars - 1)
    equal = np.all([_told(told, name, rows) == getattr(told, name)[at][:, None] for name in NUMBERS], axis=0)
    return np.asarray(np.all(equal, axis=1) & (told.volume[at] > 0))


def _twins(told: Words, at: Integers, bars: int, found: Flags) -> None:
    """Mark rows whose last `bars` bars are those of another symbol that was known as early or earlier."""
    if not at.size:
        return
    said = np.zeros(told.close.size, np.uint64)
    for name in NUMBERS:
        said = mixed(said ^ (getattr(told, name) + 0.0).view(np.uint64))  # plus zero: -0 is 0
    said = np.where(told.volume > 0, said, np.uint64(0))
    rows = np.column_stack([at, before(told, at, bars - 1)]) if bars > 1 else at[:, None]
    whole = np.all((rows != NOTHING) & (said[rows] != 0), axis=1)  # as many rows as slots: none is missing
    at, rows = at[whole], rows[whole]
    series = told.slot[at].astype(np.uint64)
    for column in range(bars):
        series = mixed(series ^ said[rows[:, column]])
    places = np.lexsort((told.known[at], series))
    at, series = at[places], series[places]
    starts = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]])[: at.size])
    if not starts.size:
        return
    first = np.repeat(starts, np.diff(np.append(starts, at.size)))
    other = told.symbol[at] != told.symbol[at[first]]
    never = np.iinfo(np.int64).max
    others_known = np.minimum.reduceat(np.where(other, told.known[at], never), starts)
    found[at] = other | (np.repeat(others_known, np.diff(np.append(starts, at.size))) <= told.known[at])


def _told(told: Words, name: str, rows: Integers) -> Floats:
    return np.where(rows == NOTHING, np.nan, getattr(told, name)[rows])
