"""Bars: cleaning what sources said, and cutting it into the windows that later layers compute from."""

from tradepipe.bars.adjustment import adjust, adjusted, adjustment_factors, in_force, own_history, session_at
from tradepipe.bars.cleaning import Cleaned, clean_bars, lookback_bars
from tradepipe.bars.resampling import resample
from tradepipe.bars.trades import TradeBars, bars_from_trades, ordered_trades
from tradepipe.bars.windows import anchored

__all__ = [
    "Cleaned",
    "TradeBars",
    "adjust",
    "adjusted",
    "adjustment_factors",
    "anchored",
    "bars_from_trades",
    "clean_bars",
    "in_force",
    "lookback_bars",
    "ordered_trades",
    "own_history",
    "resample",
    "session_at",
]
