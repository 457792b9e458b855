"""Compiled helpers that the indicators' kernels share, one module a technique. Importing them costs no numba.

An indicator's kernel lives in the indicator's own module and is called

    kernel(series, memory, *inputs, *parameters, *outputs)

The bars of all series lie in one array an input, oldest first within each series; inputs are read-only
and finite (the caller has checked). Row g of `series` (int64, [series, 5]) says of series g

    series[g, FIRST]  the first row that the kernel may read,
    series[g, FRESH]  the first row that it must compute,
    series[g, STOP]   the row after the last one,
    series[g, SEEN]   how many bars of the series came before row FRESH (those in FIRST to FRESH among them),
    series[g, SLOT]   the series' row of `memory`.

Rows FIRST to FRESH are the indicator's `context`: bars it has computed before and reads again. `memory`
(float64, [slots, size]) is what it carries from bar to bar: all zeros before the first bar, finite
numbers only, and on return as it is after row STOP - 1. A batch starts with FIRST = FRESH and SEEN = 0; a
live update has STOP = FRESH + 1. So both are the same code, and a series may be split anywhere.

The kernel writes rows FRESH to STOP of every output, NaN where there is no value; rows FIRST to FRESH of an
output may hold anything afterwards. No series is called without a row to compute.
"""

FIRST, FRESH, STOP, SEEN, SLOT = range(5)
"""Columns of `series`."""
