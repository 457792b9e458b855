"""Candle patterns: 1 where a bullish one ends, -1 where a bearish one does."""
