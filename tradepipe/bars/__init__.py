"""Bars: cleaning what sources said, and cutting it into the windows that later layers compute from."""

from tradepipe.bars.cleaning import Cleaned, clean_bars
from tradepipe.bars.resampling import resample
from tradepipe.bars.trades import TradeBars, bars_from_trades, ordered_trades
from tradepipe.bars.windows import anchored

__all__ = ["Cleaned", "TradeBars", "anchored", "bars_from_trades", "clean_bars", "ordered_trades", "resample"]
