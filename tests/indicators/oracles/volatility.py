"""Volatility as TA-Lib's deviations have it."""

from tests.indicators.oracles.statistics import later, log_returns, std


def _realised(bars, period):
    # In hundredths of a percent: TA-Lib takes a variance below 1e-14 for 0.
    return (later(1, std(1e4 * log_returns(bars["close"]), period) / 1e4),)


TALIB = {
    "realised_volatility": _realised,
}
