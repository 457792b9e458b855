"""What an indicator may read: the words for the columns that kernels get as arrays of float64."""

BAR_INPUTS = ("open", "high", "low", "close", "volume", "session")
"""Of the bar itself. `session` is the number of days from 1970-01-01 to the bar's trading session."""

OUTSIDE_INPUTS = {
    "benchmark": "close of the market's benchmark symbol, the last one known at the bar's close",
    "funding_rate": "rate of the last funding payment known at the bar's close, as a fraction of notional",
    "mark_price": "close of the last mark price bar known at the bar's close",
    "open_interest": "contracts open, in base units, as last known at the bar's close",
}
"""From elsewhere. A bar that lacks one is no part of the series of the indicators that read it."""

INPUTS = (*BAR_INPUTS, *OUTSIDE_INPUTS)
