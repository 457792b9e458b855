"""The filter carried bar by bar, and forecasts from it.

The state of a series is the filter started from zero, s, how it answers to the unknown first state, Phi = F^t, and what
the data say of that state: M = sum g g', b = sum g f, with g the first row of Phi. Each bar adds to them, so
any number of bars filtered at once or one at a time give the same digits, and the exact prediction and likelihood
follow at any time. A state (27,): s (3), Phi (9), M (9), b (3), sum of f^2, observations, last value.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.likelihood import posterior, start_covariance
from tradepipe.forecasting.batched.polynomials import Floats, Integers

STATE = 27
_SQUARES, _COUNT, _LAST = 24, 25, 26
_FADED = 1e-150


@compiled
def clear(states: Floats) -> None:
    """Set every state (series, STATE) to that before the first bar."""
    states[:] = 0.0
    for place in range(3):
        states[:, 3 + 4 * place] = 1.0
    states[:, _LAST] = math.nan


@compiled
def _advance(coefficients: Floats, mean: float, d: int, state: Floats, value: float) -> None:
    last = state[_LAST]
    state[_LAST] = value
    if d and last != last:  # noqa: PLR0124 - NaN: no bar yet
        return
    z = (value - last if d else value) - mean
    f = z - state[0]
    state[_SQUARES] += f * f
    state[_COUNT] += 1.0
    for i in range(3):
        g = state[3 + i]
        state[21 + i] += g * f
        for j in range(3):
            state[12 + 3 * i + j] += g * state[3 + j]
    head = state[0]
    for i in range(3):
        below = state[i + 1] if i < 2 else 0.0
        state[i] = (coefficients[i] + coefficients[3 + i]) * z - coefficients[3 + i] * head + below
    for j in range(3):
        head = state[3 + j]
        for i in range(3):
            below = state[6 + 3 * i + j] if i < 2 else 0.0
            moved = below - coefficients[3 + i] * head
            state[3 + 3 * i + j] = moved if abs(moved) > _FADED else 0.0


@compiled
def advance_all(values: Floats, bounds: Integers, d: int, numbers: Floats, states: Floats, taken: Integers) -> None:
    """Filter new bars into the states; a bar that is not finite is left out and not counted in `taken`.

    Args:
        values: new bars of all series, one series after another.
        bounds: (series + 1,) where each begins and ends.
        d: differences, 0 or 1.
        numbers: (series, 12) fits.
        states: (series, STATE), changed.
        taken: (series,) bars filtered, written.
    """
    for s in range(len(bounds) - 1):
        taken[s] = 0
        for t in range(bounds[s], bounds[s + 1]):
            if abs(values[t]) < math.inf:
                _advance(numbers[s], numbers[s, 6], d, states[s], values[t])
                taken[s] += 1


@compiled
def _smooth(row: Floats, r: int, state: Floats, small: Floats) -> tuple[float, float]:
    """First state given all bars into small[4, 0]; half the log-determinant and the exact sum of squares."""
    for i in range(3):
        for j in range(3):
            small[1, i, j] = state[12 + 3 * i + j]
    start_covariance(row, r, small)
    logdet, squares = posterior(r, small), state[_SQUARES]
    for i in range(r):
        small[4, 0, i] = 0.0
        for j in range(r):
            small[4, 0, i] += small[2, i, j] * state[21 + j]
        squares -= small[4, 0, i] * state[21 + i]
    return 0.5 * logdet, squares


@compiled
def likelihood_all(r: int, numbers: Floats, states: Floats, likelihoods: Floats) -> None:
    """Write the exact log-likelihood (series,) of all bars filtered, at the fits' own variance."""
    small = np.zeros((10, 3, 3))
    for s in range(len(states)):
        half, squares = _smooth(numbers[s], r, states[s], small)
        variance = numbers[s, 7]
        likelihoods[s] = -0.5 * (states[s, _COUNT] * math.log(2.0 * math.pi * variance) + squares / variance) - half


@compiled
def forecast_all(r: int, d: int, numbers: Floats, states: Floats, means: Floats, variances: Floats) -> None:
    """Write mean and variance (series, horizon) of the values ahead, of levels when d = 1.

    Args:
        r: max(p, q, 1).
        d: differences, 0 or 1.
        numbers: (series, 12) fits.
        states: (series, STATE).
        means: written.
        variances: written.
    """
    small, ahead, moved = np.zeros((10, 3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    mean, tied, spare, gain = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    for s in range(len(states)):
        row, state = numbers[s], states[s]
        _smooth(row, r, state, small)
        for i in range(r):
            gain[i], tied[i], mean[i] = row[i] + row[3 + i], 0.0, state[i]
            for j in range(r):
                mean[i] += state[3 + 3 * i + j] * small[4, 0, j]
                term = 0.0
                for k in range(r):
                    for m in range(r):
                        term += state[3 + 3 * i + k] * small[2, k, m] * state[3 + 3 * j + m]
                ahead[i, j] = term
        level, spread = state[_LAST], 0.0
        for h in range(means.shape[1]):
            step = 1.0 + ahead[0, 0]
            if d:
                level += row[6] + mean[0]
                spread += step + 2.0 * tied[0]
                means[s, h], variances[s, h] = level, spread * row[7]
            else:
                means[s, h], variances[s, h] = row[6] + mean[0], step * row[7]
            for i in range(r):
                spare[i] = tied[i] + ahead[i, 0]
            for i in range(r):
                tied[i] = row[i] * spare[0] + (spare[i + 1] if i + 1 < r else 0.0) + gain[i]
            for i in range(r):
                spare[i] = mean[i]
            _shift(row, spare, mean, r)
            _spread(row, gain, ahead, moved, r)


@compiled
def _shift(row: Floats, spare: Floats, mean: Floats, r: int) -> None:
    """Mean = A mean."""
    for i in range(r):
        mean[i] = row[i] * spare[0] + (spare[i + 1] if i + 1 < r else 0.0)


@compiled
def _spread(row: Floats, gain: Floats, ahead: Floats, moved: Floats, r: int) -> None:
    """Ahead = A ahead A' + K K'."""
    for j in range(r):
        for i in range(r):
            moved[i, j] = row[i] * ahead[0, j] + (ahead[i + 1, j] if i + 1 < r else 0.0)
    for i in range(r):
        for j in range(r):
            ahead[i, j] = row[j] * moved[i, 0] + (moved[i, j + 1] if j + 1 < r else 0.0) + gain[i] * gain[j]
