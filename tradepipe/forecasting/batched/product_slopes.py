"""Gradient of the likelihood of a seasonal ARMA beside regressors, and about its matrix of second derivatives.

By the envelope theorem the regressors' coefficients are held, so that only one column is left: the values less what
the regressors explain. The filter's recursions, of the state and of the gains, are run backwards once for all
coefficients (reverse accumulation; Griewank and Walther 2008, "Evaluating Derivatives", chapter 3). Only the first
column of P is differentiated coefficient by coefficient, by a complex step (Squire and Trapp 1998, "Using complex
variables to estimate derivatives of real functions", SIAM Review 40), which loses no digits.

A name in `by_` is the derivative of the value by what follows.
"""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.gains import first_column, is_faded, start_gains, step_gains
from tradepipe.forecasting.batched.polynomials import PHI, SEASONAL_PHI, Floats, Integers, expand

_STEP = 2.0**-100
"""Of the complex step: its square is lost beside 1."""


@compiled
def is_free(shape: Integers, place: int) -> bool:
    """Whether the coefficient is one of the orders asked for, and with it the coordinate of that place."""
    if place < 3:
        return bool(place < shape[0])
    if place < 6:
        return bool(place - 3 < shape[1])
    return bool(place - 6 < shape[2]) if place < 8 else bool(place - 8 < shape[3])


@compiled
def product_slope(
    shape: Integers,
    row: Floats,
    n: int,
    squares: float,
    own: Floats,
    errors: Floats,
    roots: Floats,
    trail: Floats,
    pulls: Floats,
    slope: Floats,
) -> None:
    """Write the gradient by coefficients of `product_value`, which was called just before at the same place.

    Args:
        shape: (8,) see `polynomials.expand`.
        row: (>= 10,) coefficients.
        n: observations.
        squares: S there.
        own: (>= n,) the values less what the regressors explain.
        errors: (>= n,) their one-step errors.
        roots: (>= n,) square roots of F.
        trail: (>= n, 2, r) scratch: G and L of each bar.
        pulls: (2, >= n + r) scratch: derivatives by the errors after the start, then by s_1; by L_1.
        slope: (10,), written; zero where the orders have no coefficient.
    """
    r, precision = shape[6], n / squares
    ar, ma, by_ar, by_ma = np.zeros(r), np.zeros(r), np.zeros(r), np.zeros(r)
    first, gains, by_first = np.zeros(r + 1), np.zeros((2, r)), np.zeros(r + 1)
    lags, size = np.zeros(r, np.int64), 0
    expand(shape, np.ones(10), by_ar, by_ma)
    for i in range(r):
        if by_ar[i] != 0.0 or by_ma[i] != 0.0:
            lags[size] = i
            size += 1
        by_ar[i] = by_ma[i] = 0.0
    expand(shape, row, ar, ma)
    first_column(ar, ma, r, np.zeros((5, 2 * r + 2)), first)
    factor, begin = start_gains(ar, ma, r, first, gains), n
    for t in range(n):
        for i in range(r):
            trail[t, 0, i], trail[t, 1, i] = gains[0, i], gains[1, i]
        factor = step_gains(ar, ma, r, gains, factor)
        if t + 1 >= r and is_faded(gains):
            begin = t + 1
            break
    pulls[:] = 0.0
    _return_settled(ar, ma, lags[:size], begin, n, precision, own, errors, pulls[1], by_ar, by_ma)
    by_factor = _return_start(ar, lags[:size], begin, precision, own, errors, roots, trail, pulls, by_ar, gains)
    by_first[0] = by_factor
    for i in range(r):  # through `start_gains`
        both = gains[0, i] + gains[1, i]
        by_ar[i] += both * (1.0 + first[0])
        by_ma[i] += both
        by_first[0] += both * ar[i]
        by_first[i + 1] += both
    _by_coefficient(shape, row, by_ar, by_ma, by_first, slope)


@compiled
def _return_settled(
    ar: Floats,
    ma: Floats,
    lags: Integers,
    begin: int,
    n: int,
    precision: float,
    own: Floats,
    errors: Floats,
    pulls: Floats,
    by_ar: Floats,
    by_ma: Floats,
) -> None:
    """Back over the bars from `begin` on; leave in `pulls` what they add to the errors before."""
    for back in range(n):
        t = n - 1 - back
        if t < begin - len(ar):
            break
        pull = precision * errors[t] if t >= begin else 0.0
        for k in range(len(lags)):
            later = t + 1 + lags[k]
            if begin <= later < n:
                pull -= ma[lags[k]] * pulls[later]
        pulls[t] = pull
    for k in range(len(lags)):
        lag, left, right = lags[k] + 1, 0.0, 0.0
        for t in range(begin, n):
            left -= pulls[t] * own[t - lag]
            right -= pulls[t] * errors[t - lag]
        by_ar[lag - 1] += left
        by_ma[lag - 1] += right


@compiled
def _return_start(
    ar: Floats,
    lags: Integers,
    begin: int,
    precision: float,
    own: Floats,
    errors: Floats,
    roots: Floats,
    trail: Floats,
    pulls: Floats,
    by_ar: Floats,
    by_gains: Floats,
) -> float:
    """Back over the bars before `begin`; write the derivatives by the first G and L, and return that by the first F.

    The derivatives by the state at t + 1 are those by its first entry then and later, `by_state[t + 1:]`, as the
    companion matrix only moves entries on. So are those by L, `by_last`, but for what each bar takes off. That gains
    which have faded are put at K changes no derivative: G and F move with L squared.
    """
    r = len(ar)
    by_state, by_last, by_own = pulls[0], pulls[1], by_gains[0]
    by_factor = 0.0
    by_own[:] = 0.0
    for t in range(begin):
        by_state[t] = by_last[t]  # what the settled bars add to the error
    by_last[:] = 0.0
    for back in range(begin):
        t = begin - 1 - back
        factor, error, last = roots[t] * roots[t], errors[t], trail[t, 1, 0]
        later, head, pull, ratio = t + 1, own[t] - errors[t], error / factor, last / factor
        added, by_state[t] = by_state[t], 0.0
        by_pull = crossed = beside = 0.0
        for i in range(r - 1):
            by_pull += trail[t, 0, i] * by_state[later + i]
            crossed += trail[t, 1, i + 1] * by_own[i]
            beside += trail[t, 0, i] * by_last[later + i]
        by_pull += trail[t, 0, r - 1] * by_state[later + r - 1]
        beside += trail[t, 0, r - 1] * by_last[later + r - 1]
        by_head = 0.0
        for k in range(len(lags)):
            i = lags[k]
            crossed += ar[i] * last * by_own[i]
            by_head += ar[i] * by_state[later + i]
            by_ar[i] += head * by_state[later + i]
        by_ratio = -crossed - beside - 2.0 * factor * ratio * by_factor
        for i in range(r):
            term, following = by_own[i], by_last[later + i]
            by_own[i] = term - ratio * following + pull * by_state[later + i]
            by_last[later + i] = following - ratio * term
        by_first = by_ratio / factor
        for k in range(len(lags)):
            i = lags[k]
            by_first += ar[i] * by_last[later + i]
            by_ar[i] += last * by_last[later + i]
        by_last[t] = by_first
        by_state[t] = by_head - (precision * error + by_pull) / factor - added
        by_factor = by_factor * (1.0 - ratio * ratio) - (by_ratio * ratio + by_pull * pull) / factor
        by_factor += 0.5 * (1.0 - precision * error * pull) / factor
    for i in range(r):
        by_gains[1, i] = by_last[i]
    return by_factor


@compiled
def _by_coefficient(
    shape: Integers, row: Floats, by_ar: Floats, by_ma: Floats, by_first: Floats, slope: Floats
) -> None:
    """Carry derivatives by products of polynomials, and by the first column of P, to the coefficients."""
    r = shape[6]
    moved, first = np.zeros(10, np.complex128), np.zeros(r + 1, np.complex128)
    ar, ma = np.zeros(r, np.complex128), np.zeros(r, np.complex128)
    scratch = np.zeros((5, 2 * r + 2), np.complex128)
    for place in range(10):
        slope[place] = 0.0
        if not is_free(shape, place):
            continue
        for i in range(10):
            moved[i] = row[i]
        moved[place] += _STEP * 1j
        expand(shape, moved, ar, ma)
        first_column(ar, ma, r, scratch, first)
        for i in range(r):
            term = by_ar[i] * ar[i].imag + by_ma[i] * ma[i].imag + by_first[i] * first[i].imag
            slope[place] += term / _STEP


@compiled
def set_sensitivities(shape: Integers, row: Floats, n: int, errors: Floats) -> None:
    """Write about how the errors move with each coefficient, but for the sign, into the rows of `errors` behind it.

    That is the errors through one over the coefficient's own polynomial, lagged (Box and Jenkins 1970, "Time Series
    Analysis", section 7.2.6), as if there were none before the first.

    Args:
        shape: (8,) see `polynomials.expand`.
        row: (>= 10,) coefficients.
        n: observations.
        errors: (1 + free coefficients, >= n): scaled errors; the others are written, in the order of the row.
    """
    at = 1
    for side in range(4):
        begin, lag = (PHI + 3 * side, 1) if side < 2 else (SEASONAL_PHI + 2 * (side - 2), shape[4])
        order, sign = shape[side], 1.0 if side % 2 == 0 else -1.0
        for k in range(order):
            behind = lag * (k + 1)
            if k == 0:
                for t in range(min(behind, n)):
                    errors[at, t] = 0.0
                for t in range(behind, n):
                    term = errors[0, t - behind]
                    for m in range(order):
                        if t >= lag * (m + 1):
                            term += sign * row[begin + m] * errors[at, t - lag * (m + 1)]
                    errors[at, t] = term
            else:
                shift = lag * k
                for t in range(min(shift, n)):
                    errors[at + k, t] = 0.0
                for t in range(shift, n):
                    errors[at + k, t] = errors[at, t - shift]
        at += order
