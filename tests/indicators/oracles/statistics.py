"""Statistics of windows as TA-Lib has them."""

import numpy as np
import talib


def in_pieces(function, *columns, period):
    """`function` of columns in pieces, each from its own zero, as none of these statistics minds.

    TA-Lib's running sums would keep the rounding of every price since the series began, at a price of 100,000 more than
    the 1e-9 that is asked for here.
    """
    result, length = np.empty_like(columns[0]), 4 * period
    for start in range(0, len(result), length):
        known = max(start - period + 1, 0)
        piece = [column[known : start + length] - column[known] for column in columns]
        result[start : start + length] = function(*piece)[start - known :]
    return result


def later(rows, values):
    """`values`, which begin `rows` rows into the series."""
    return np.concatenate([np.full(rows, np.nan), values])


def log_returns(prices):
    return np.log1p(np.diff(prices) / prices[:-1])


def std(values, period):
    """Sample standard deviation; TA-Lib's is the population's."""
    sums = in_pieces(lambda piece: talib.STDDEV(piece, period), values, period=period)
    return sums * np.sqrt(period / (period - 1))


def flat(values, period):
    return talib.MAX(values, period) == talib.MIN(values, period)


def correlation(one, other, period):
    """0 where a window is flat."""
    # TA-Lib takes a product of variances below 1e-14 for 0, as returns have: in hundredths of a percent they have not.
    return in_pieces(lambda x, y: talib.CORREL(x, y, period), 1e4 * one, 1e4 * other, period=period)


def _zscore(bars, period):
    close = bars["close"]
    mean = in_pieces(lambda piece: talib.SMA(piece, period) - piece, close, period=period)
    with np.errstate(invalid="ignore"):
        return (-mean / std(close, period),)


def _linear_regression(bars, period):
    close, times = bars["close"], np.arange(len(bars["close"]), dtype=float)
    r = in_pieces(lambda x, y: talib.CORREL(x, y, period), close, times, period=period)
    slope = in_pieces(lambda piece: talib.LINEARREG_SLOPE(piece, period), close, period=period)
    return slope, np.where(flat(close, period), np.nan, r**2)


def _correlation(bars, period):
    own, market = log_returns(bars["close"]), log_returns(bars["benchmark"])
    undefined = flat(own, period) | flat(market, period)
    return (later(1, np.where(undefined, np.nan, correlation(own, market, period))),)


def _beta(bars, period):
    own, market = log_returns(bars["close"]), log_returns(bars["benchmark"])
    with np.errstate(invalid="ignore"):
        slope = correlation(own, market, period) * std(1e4 * own, period) / std(1e4 * market, period)
    return (later(1, np.where(flat(market, period), np.nan, slope)),)


TALIB = {
    "rolling_mean": lambda bars, period: (talib.SMA(bars["close"], period),),
    "rolling_std": lambda bars, period: (std(bars["close"], period),),
    "rolling_min": lambda bars, period: (talib.MIN(bars["close"], period),),
    "rolling_max": lambda bars, period: (talib.MAX(bars["close"], period),),
    "zscore": _zscore,
    "linear_regression": _linear_regression,
    "correlation": _correlation,
    "beta": _beta,
}
