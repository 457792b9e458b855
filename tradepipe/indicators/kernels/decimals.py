"""Comparing sums of prices as the decimals they are.

Prices are decimals; floats only stand for them. 10.1 + 9.7 + 9.9 and 9.9 + 9.9 + 9.9 are the same sum, but not in
floats, so whether two bars tie would depend on rounding. The rule here: a price is the decimal of 15 significant
digits that it stands for, counted from the first digit of the largest price in the comparison. Times the power
of ten that makes those digits whole numbers, prices are at most 1e15; a product rounded to the nearest whole number
is then exact, and so are sums of three of them, all in float64 (Goldberg 1991, ACM Computing Surveys 23).
"""

import math

import numpy as np

from tradepipe.compiling import compiled

DIGITS = 15
# Of the largest price: beyond what floats lose in summing six of them (2**-49) and the rule in rounding them (3e-14).
DOUBT = 2.0**-44


@compiled
def scale_of(largest: float) -> float:
    """The power of ten that makes `largest`, an absolute value, a number of fifteen digits before the point."""
    if largest < 1e-280:  # no price; the power would overflow
        return 1.0
    digits = math.floor(math.log10(largest)) + 1
    if largest >= 10.0**digits:
        digits += 1
    elif largest < 10.0 ** (digits - 1):
        digits -= 1
    return 10.0 ** (DIGITS - digits)


@compiled
def decimal_sum(a: float, b: float, c: float, scale: float) -> float:
    """The sum of a, b and c in units of 1 / scale, exactly."""
    total: float = np.rint(a * scale) + np.rint(b * scale) + np.rint(c * scale)
    return total


@compiled
def compare_sums(a: float, b: float, c: float, x: float, y: float, z: float) -> float:
    """The sign of (a + b + c) - (x + y + z) as decimals; a number of that sign, 0 for a tie.

    Floats decide wherever their difference is beyond doubt, which is nearly always and costs nothing.
    """
    difference = (a + b + c) - (x + y + z)
    largest = max(abs(a), abs(b), abs(c), abs(x), abs(y), abs(z))
    if abs(difference) > DOUBT * largest:
        return difference
    scale = scale_of(largest)
    exact: float = decimal_sum(a, b, c, scale) - decimal_sum(x, y, z, scale)
    return exact
