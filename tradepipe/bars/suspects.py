"""Which rows can have a finding at all: bounds that are cheap, and never leave out a row that has one.

Every bound follows from the finding's own rule in `tradepipe.bars.findings`: a median lies between the
smallest and the largest value of its window, and that window lies in the row's own block of rows and
the block before. Judging every row gives the same findings.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tradepipe.bars.context import Floats, Words
from tradepipe.bars.placing import Flags
from tradepipe.settings.models import CleaningSettings

Hashes = NDArray[np.uint64]


@np.errstate(over="ignore", invalid="ignore")
def price_suspects(told: Words, settings: CleaningSettings, least_scale: float, least_unit: float) -> Flags:
    """Rows that can be a spike or in a wrong unit of price: a scale is at least `least_scale`, a unit `least_unit`."""
    look = _off(told.high, told.low, told.close, settings.window, least_unit)
    if settings.spike_scale and look.size:
        # A little less, for the last digit of a logarithm.
        jump = math.exp(settings.spike_scale * least_scale * (1 - 1e-9))
        near = told.close[:-1]  # at or below zero, every high is above it: the row is looked at
        look[1:] |= (told.high[1:] >= near * jump) | (told.low[1:] * jump <= near)
    return look


@np.errstate(over="ignore", invalid="ignore")
def volume_suspects(told: Words, settings: CleaningSettings) -> Flags:
    """Rows whose volume can be in a wrong unit."""
    if not settings.volume_ratio:
        return np.zeros(told.volume.size, np.bool_)
    return _off(told.volume, told.volume, told.volume, settings.window, settings.volume_ratio)


def stale_suspects(told: Words, bars: int) -> Flags:
    """Rows that can be one of `bars` equal bars."""
    if bars <= 1:
        return np.full(told.close.size, bars == 1)
    look = np.zeros(told.close.size, np.bool_)
    look[1:] = (told.close[1:] == told.close[:-1]) & (told.volume[1:] == told.volume[:-1]) & (told.volume[1:] > 0)
    return look


def twin_suspects(told: Words, bars: int) -> Flags:
    """All rows of symbols that say the same as another symbol in a slot that any run of `bars` bars must cross."""
    named = np.zeros(int(told.symbol[-1]) + 1 if told.symbol.size else 0, np.bool_)
    some = np.flatnonzero((told.slot % bars == 0) & (told.volume > 0))
    said = mixed(told.slot[some].astype(np.uint64))
    for values in (told.close, told.volume):
        said = mixed(said ^ values[some].view(np.uint64))
    ascending = np.sort(said)
    same = ascending[1:][ascending[1:] == ascending[:-1]]
    if same.size:
        named[told.symbol[some[np.isin(said, same)]]] = True
    return np.asarray(named[told.symbol]) if same.size else np.zeros(told.slot.size, np.bool_)


def mixed(values: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): each bit of the input changes half of the output's."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _off(high: Floats, low: Floats, values: Floats, window: int, times: float) -> Flags:
    """Rows that can be `times` the median of the positive `values` in the window before them, or that part of it.

    First whole blocks are left out, by their own extremes, then rows of the other blocks.
    """
    found = np.zeros(values.size, np.bool_)
    if not values.size:
        return found
    starts = np.arange(0, values.size, window)
    positive = values if values.min() > 0 else np.where(values > 0, values, np.inf)
    smallest, largest = np.minimum.reduceat(positive, starts), np.maximum.reduceat(values, starts)
    smallest[1:], largest[1:] = np.minimum(smallest[1:], smallest[:-1]), np.maximum(largest[1:], largest[:-1])
    top, bottom = np.maximum.reduceat(high, starts), np.minimum.reduceat(low, starts)
    blocks = (top >= times * smallest) | (bottom * times <= largest)
    rows = np.flatnonzero(np.repeat(blocks, window)[: values.size])
    block = rows // window
    found[rows] = (high[rows] >= times * smallest[block]) | (low[rows] * times <= largest[block])
    return found
