"""Numbers as the decimals they are, in whole units of their last place: floats that add up exactly."""

from decimal import Decimal
from math import gcd

import numpy as np


def in_units(*columns):
    """The columns in the smallest unit that all of their numbers are multiples of, as float arrays of whole numbers."""
    decimals = [[Decimal(repr(value)) for value in column.tolist()] for column in columns]
    places = max(-number.as_tuple().exponent for column in decimals for number in column)
    whole = [[int(number.scaleb(places)) for number in column] for column in decimals]
    unit = gcd(*(number for column in whole for number in column)) or 1
    assert max(abs(number) for column in whole for number in column) // unit < 2**53
    return [np.array([number // unit for number in column], np.float64) for column in whole]
