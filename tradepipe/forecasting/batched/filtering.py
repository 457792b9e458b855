"""The exact filter carried bar by bar, one-step errors, and forecasts from where it stands.

Every bar moves the state by the same operations, so that any number of bars filtered at once or one at a time give
the same digits. A state is, one after another: bars taken, sum of v^2 / F, half the sum of log F, F, levels kept so
far; the state s (r) and the gains G and L (r each), see `gains`; the newest levels (d + D s, newest first), from which
differences are made and undone; the newest regressors.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.gains import first_column, is_faded, start_gains, step_gains
from tradepipe.forecasting.batched.polynomials import MEAN, NUMBERS, VARIANCE, Floats, Integers, expand, set_differences

COUNT, SQUARES, HALF_LOGDET, FACTOR, FILLED, HEAD = 0, 1, 2, 3, 4, 5


@compiled
def start_all(shape: Integers, numbers: Floats, states: Floats) -> None:
    """Set every state to that before the first bar.

    Args:
        shape: (8,) see `polynomials`.
        numbers: (series, NUMBERS + regressors) fits.
        states: (series, size), written.
    """
    r = shape[6]
    ar, ma, first, scratch = np.zeros(r), np.zeros(r), np.zeros(r + 1), np.zeros((5, 2 * r + 2))
    for s in range(len(states)):
        state = states[s]
        state[:] = 0.0
        expand(shape, numbers[s], ar, ma)
        first_column(ar, ma, r, scratch, first)
        gains = state[HEAD + r : HEAD + 3 * r].reshape((2, r))
        state[FACTOR] = start_gains(ar, ma, r, first, gains)


@compiled
def advance_all(
    shape: Integers,
    numbers: Floats,
    values: Floats,
    bounds: Integers,
    exog: Floats,
    states: Floats,
    errors: Floats,
) -> None:
    """Filter new bars into the states; a bar that is not finite is left out.

    Args:
        shape: (8,) see `polynomials`.
        numbers: (series, NUMBERS + regressors) fits.
        values: new bars of all series, one series after another.
        bounds: (series + 1,) where each begins and ends.
        exog: (bars, regressors) beside the values.
        states: (series, size), changed.
        errors: (bars,), written: value less its expectation a bar before; NaN of a bar left out or needed to
            difference the others.
    """
    r, depth, columns = shape[6], shape[7], exog.shape[1]
    ar, ma, differences = np.zeros(r), np.zeros(r), np.zeros(depth)
    set_differences(shape, differences)
    for s in range(len(bounds) - 1):
        state, row = states[s], numbers[s]
        expand(shape, row, ar, ma)
        own, gains = state[HEAD : HEAD + r], state[HEAD + r : HEAD + 3 * r].reshape((2, r))
        levels, newest = state[HEAD + 3 * r : HEAD + 3 * r + depth], state[HEAD + 3 * r + depth :]
        for t in range(bounds[s], bounds[s + 1]):
            errors[t] = math.nan
            level = values[t]
            for k in range(columns):
                level -= row[NUMBERS + k] * exog[t, k]
            if not abs(level) < math.inf:
                continue
            for k in range(columns):
                newest[k] = exog[t, k]
            z = level - row[MEAN]
            for i in range(depth):
                z -= differences[i] * levels[i]
            for i in range(depth - 1, 0, -1):
                levels[i] = levels[i - 1]
            if depth > 0:
                levels[0] = level
            if state[FILLED] < depth:
                state[FILLED] += 1.0
                continue
            factor, head = state[FACTOR], own[0]
            error = errors[t] = z - head
            state[COUNT] += 1.0
            state[SQUARES] += error * error / factor
            pull = error / factor
            for i in range(r):
                own[i] = ar[i] * head + (own[i + 1] if i + 1 < r else 0.0) + gains[0, i] * pull
            if not is_faded(gains):
                state[HALF_LOGDET] += 0.5 * math.log(factor)
                state[FACTOR] = step_gains(ar, ma, r, gains, factor)


@compiled
def likelihood_all(numbers: Floats, states: Floats, likelihoods: Floats) -> None:
    """Write the exact log-likelihood (series,) of all bars filtered, at the fits' own variance."""
    for s in range(len(states)):
        variance, state = numbers[s, VARIANCE], states[s]
        scaled = state[COUNT] * math.log(2.0 * math.pi * variance) + state[SQUARES] / variance
        likelihoods[s] = -0.5 * scaled - state[HALF_LOGDET]


@compiled
def forecast_all(
    shape: Integers, numbers: Floats, states: Floats, exog: Floats, means: Floats, responses: Floats
) -> None:
    """Write expected values and what a unit error adds to the bars from its own on, both (series, horizon).

    Args:
        shape: (8,) see `polynomials`.
        numbers: (series, NUMBERS + regressors) fits.
        states: (series, size).
        exog: (series, horizon, regressors) of the bars ahead.
        means: written.
        responses: written.
    """
    r, depth, horizon = shape[6], shape[7], means.shape[1]
    ar, ma, differences = np.zeros(r), np.zeros(r), np.zeros(depth)
    own, levels = np.zeros(r), np.zeros(depth)
    set_differences(shape, differences)
    for s in range(len(states)):
        state, row = states[s], numbers[s]
        expand(shape, row, ar, ma)
        for i in range(r):
            own[i] = state[HEAD + i]
        for i in range(depth):
            levels[i] = state[HEAD + 3 * r + i]
        for h in range(horizon):
            level = row[MEAN] + _next(ar, own)
            means[s, h] = _undo(differences, levels, level)
            for k in range(exog.shape[2]):
                means[s, h] += row[NUMBERS + k] * exog[s, h, k]
        for i in range(r):
            own[i] = 0.0
        levels[:] = 0.0
        for h in range(horizon):
            pulse = 1.0 if h == 0 else _next(ar, own)
            if h == 0:
                for i in range(r):
                    own[i] = ar[i] + ma[i]
            responses[s, h] = _undo(differences, levels, pulse)


@compiled
def _next(ar: Floats, own: Floats) -> float:
    """First entry of the state, which is then moved a bar on."""
    head: float = own[0]
    for i in range(len(own)):
        own[i] = ar[i] * head + (own[i + 1] if i + 1 < len(own) else 0.0)
    return head


@compiled
def _undo(differences: Floats, levels: Floats, value: float) -> float:
    """The level whose difference is `value`, which is then the newest of `levels`."""
    level = value
    for i in range(len(levels)):
        level += differences[i] * levels[i]
    for i in range(len(levels) - 1, 0, -1):
        levels[i] = levels[i - 1]
    if len(levels) > 0:
        levels[0] = level
    return level
