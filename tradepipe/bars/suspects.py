"""Which rows can have a finding at all: bounds that are cheap, and never leave out a row that has one.

Every bound follows from the finding's own rule in `tradepipe.bars.findings`: a median lies between the
smallest and the largest value of its window, and that window lies in the row's own block of rows and
the block before. Judging every row gives the same findings.
"""

import math

import numpy as np

from tradepipe.bars.context import Floats, Words
from tradepipe.bars.placing import Flags
from tradepipe.settings.models import CleaningSettings


@np.errstate(over="ignore", invalid="ignore")
def worth_a_look(told: Words, settings: CleaningSettings, least_scale: float, least_unit: float) -> Flags:
    """Rows that can be a spike, in a wrong unit of price or volume, or stale."""
    look = np.zeros(told.close.size, np.bool_)
    if not look.size:
        return look
    above = told.close if told.close.min() > 0 else np.where(told.close > 0, told.close, np.nan)
    low, high = _bounds(above, settings.window)
    look |= (told.high >= least_unit * low) | (told.low * least_unit <= high)
    if settings.spike_scale:
        # `least_scale` bounds the deviation from below; a little less, for the last digit of a logarithm.
        jump = math.exp(settings.spike_scale * least_scale * (1 - 1e-9))
        near = above[:-1]
        look[1:] |= (told.high[1:] >= near * jump) | (told.low[1:] * jump <= near)
        if above is not told.close:  # next to a price at or below zero the bar before is further away
            look |= _near(np.isnan(above), settings.window)
    if settings.volume_ratio:
        low, high = _bounds(np.where(told.volume > 0, told.volume, np.nan), settings.window)
        look |= (told.volume >= settings.volume_ratio * low) | (told.volume * settings.volume_ratio <= high)
    if settings.stale_bars == 1:
        look[:] = True
    elif settings.stale_bars:
        same = (told.close[1:] == told.close[:-1]) & (told.volume[1:] == told.volume[:-1])
        look[1:] |= same & (told.volume[1:] > 0)
    return look


def twin_suspects(told: Words, bars: int) -> Flags:
    """All rows of symbols that say the same as another symbol in a slot that any run of `bars` bars must cross."""
    some = np.flatnonzero((told.slot % bars == 0) & (told.volume > 0))
    places = some[np.lexsort((told.volume[some], told.close[some], told.slot[some]))]
    same = np.ones(max(places.size - 1, 0), np.bool_)
    for values in (told.slot, told.close, told.volume):
        same &= values[places[1:]] == values[places[:-1]]
    both = np.flatnonzero(same)
    named = np.zeros(int(told.symbol[-1]) + 1 if told.symbol.size else 0, np.bool_)
    named[told.symbol[places[both]]] = True
    named[told.symbol[places[both + 1]]] = True
    return named[told.symbol]


def _bounds(values: Floats, window: int) -> tuple[Floats, Floats]:
    """For each row, a lower and an upper bound of the `window` values before it, NaN left out; NaN where all are."""
    blocks = -(-values.size // window)
    padded = np.full((blocks, window), np.nan)
    padded.reshape(-1)[: values.size] = values
    low, high = np.fmin.reduce(padded, axis=1), np.fmax.reduce(padded, axis=1)
    low[1:], high[1:] = np.fmin(low[1:], low[:-1]), np.fmax(high[1:], high[:-1])
    return np.repeat(low, window)[: values.size], np.repeat(high, window)[: values.size]


def _near(marked: Flags, window: int) -> Flags:
    """True at the marked rows and the `window` rows after each."""
    count = np.cumsum(marked)
    earlier = np.concatenate([np.zeros(window + 1, count.dtype), count])[: count.size]
    return np.asarray(count > earlier)
