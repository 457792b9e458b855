"""Many small minimisations side by side: BFGS whose evaluations share SIMD lanes.

A task is one start for one series. A lane takes a series and runs its starts one after the other, then the next series.
A later start that is about to reach the optimum of an earlier one ends there. What happens to a series depends on its
own figures only, so results do not depend on order, neighbours or threads.
"""

import math

import numpy as np

from tradepipe.forecasting.batched.garch_likelihood import (
    BETA,
    COST,
    DOWN,
    INFORMATION_ROWS,
    LANES,
    MU,
    NATURAL,
    NU,
    OMEGA,
    RECORD,
    ROWS,
    SERIES,
    START,
    START_SLOPE,
    UP,
    evaluate,
    following,
    information,
)
from tradepipe.forecasting.batched.garch_parameters import gradient_of, jacobian, place
from tradepipe.indicators.compiling import compiled

CONVERGED, STALLED, EXHAUSTED, FAILED, JOINED = 0, 1, 2, 3, 4
"""How a task ended: predicted gain below the tolerance; no descent left; out of evaluations; no finite start; on its
way to where an earlier start of the series has been."""

_ARMIJO = 1e-4
_LONGEST = 0.5
_SHORTEST = 1e-5
_RIDGE = 1e-3
_JOIN_GAIN, _JOIN_ERRORS = 0.5, 0.1
"""A task joins an earlier one if its predicted gain is below the first and its next point within so many standard errors
of the other's optimum."""
_PREPARED_BARS = 500
"""The first inverse Hessian needs no more bars than this; it is scaled to all of them."""
_NU_INFORMATION = 1.46
"""E[(dl/dnu)^2] nu^4 of the law with variance 1 at nu = 8, by numerical integration; 1.40 at 12, 1.64 at 6."""


@compiled
def same_as_neighbours(series, counts):  # type: ignore[no-untyped-def]
    """How often a value equals the one before, twice, and the one before that, of each row."""
    for row in range(len(series)):
        total = 0
        for t in range(2, series.shape[1]):
            total += 2 * (series[row, t] == series[row, t - 1]) + (series[row, t] == series[row, t - 2])
        counts[row] = total


@compiled
def filtered(series, starts, natural, variances):  # type: ignore[no-untyped-def]
    """h of every series at (mu, omega, up, down, beta, nu), one entry more than bars, into `variances`."""
    for row in range(len(series)):
        mu, omega, up, down, beta = (
            natural[row, 0],
            natural[row, 1],
            natural[row, 2],
            natural[row, 3],
            natural[row, 4],
        )
        h = omega + (0.5 * (up + down) + beta) * starts[row]
        variances[row, 0] = h
        for t in range(series.shape[1]):
            h = following(h, series[row, t] - mu, omega, up, down, beta)
            variances[row, t + 1] = h


@compiled
def load(work, state, lane, series, start):  # type: ignore[no-untyped-def]
    """Give a lane its series and presample value."""
    for t in range(work.shape[0]):
        work[t, SERIES + lane] = series[t]
    state[START + lane] = start
    state[START_SLOPE + lane] = 0.0


@compiled
def invert(matrix, inverse):  # type: ignore[no-untyped-def]
    """Inverse of a positive definite matrix by Gauss-Jordan; `matrix` is destroyed."""
    size = len(matrix)
    inverse[:] = 0.0
    for i in range(size):
        inverse[i, i] = 1.0
    for i in range(size):
        pivot = 1.0 / matrix[i, i]
        for j in range(size):
            matrix[i, j] *= pivot
            inverse[i, j] *= pivot
        for row in range(size):
            if row != i:
                factor = matrix[row, i]
                for j in range(size):
                    matrix[row, j] -= factor * matrix[i, j]
                    inverse[row, j] -= factor * inverse[i, j]


@compiled
def inverse_information(state, sums, lane, observations, x, gjr, student, j, natural, matrix, inverse):  # type: ignore[no-untyped-def]
    """Inverse of the expected information by x, ridged; `natural` is (NATURAL, NATURAL) to work in.

    For Student t the parts of the variance and the mean are scaled as the law's information is (Lange, Little and
    Taylor, JASA 84, 1989); nu is given its own part alone, which BFGS completes.
    """
    scale, mean_scale = 1.0, 1.0
    natural[:] = 0.0
    if student:
        nu = state[NU + lane]
        scale, mean_scale = nu / (nu + 3), nu * (nu + 1) / ((nu - 2) * (nu + 3))
        natural[5, 5] = observations * _NU_INFORMATION / nu**4
    natural[0, 0] = mean_scale * sums[14 * LANES + lane]
    row = 4
    for a in range(4):
        for b in range(a, 4):
            natural[1 + a, 1 + b] = scale * sums[row * LANES + lane]
            natural[1 + b, 1 + a] = natural[1 + a, 1 + b]
            row += 1
    jacobian(x, gjr, student, j)
    size = len(x)
    for a in range(size):
        for b in range(size):
            total = 0.0
            for k in range(NATURAL):
                if j[k, a] != 0.0:
                    for m in range(NATURAL):
                        total += j[k, a] * natural[k, m] * j[m, b]
            matrix[a, b] = total
    for a in range(size):
        matrix[a, a] = matrix[a, a] * (1.0 + _RIDGE) + 1.0
    invert(matrix, inverse)


@compiled
def prepare(series, starts, fcp, of, points, gjr, student, work, state, inverses):  # type: ignore[no-untyped-def]
    """Inverse information at the start of every task into `inverses`, sixteen tasks at once."""
    bits, sums = state.view(np.int64), np.empty(INFORMATION_ROWS * LANES)
    bars = min(series.shape[1], _PREPARED_BARS)
    work = work[:bars]
    size = points.shape[1]
    j, natural, matrix = np.zeros((NATURAL, size)), np.zeros((NATURAL, NATURAL)), np.zeros((size, size))
    for first in range(0, len(of), LANES):
        for lane in range(LANES):
            task = min(first + lane, len(of) - 1)
            load(work, state, lane, series[of[task]], starts[of[task]])
            place(state, lane, points[task], gjr, student, fcp)
        evaluate(work, state, bits, student)
        information(work, state, sums)
        for lane in range(min(LANES, len(of) - first)):
            task = first + lane
            inverse_information(
                state, sums, lane, bars, points[task], gjr, student, j, natural, matrix, inverses[task]
            )
            inverses[task] *= bars / series.shape[1]


@compiled
def dot(a, b):  # type: ignore[no-untyped-def]
    """Inner product, summed in order."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled
def all_finite(a):  # type: ignore[no-untyped-def]
    """Whether all entries are."""
    return math.isfinite(dot(a, a))


@compiled
def update_inverse(inverse, s, y, hy):  # type: ignore[no-untyped-def]
    """BFGS (Nocedal and Wright, Numerical Optimization, 2006, eq. 6.17); nothing where curvature is not positive."""
    size = len(s)
    sy, yhy = 0.0, 0.0
    for i in range(size):
        total = 0.0
        for k in range(size):
            total += inverse[i, k] * y[k]
        hy[i] = total
        sy += s[i] * y[i]
    for i in range(size):
        yhy += y[i] * hy[i]
    if not sy > 1e-12:
        return
    for i in range(size):
        for k in range(size):
            inverse[i, k] += (1.0 + yhy / sy) * s[i] * s[k] / sy - (hy[i] * s[k] + s[i] * hy[k]) / sy


@compiled
def aim(inverse, gradient, direction):  # type: ignore[no-untyped-def]
    """-H g into `direction`, shortened to _LONGEST in any coordinate; its slope before that."""
    slope, longest = 0.0, 0.0
    for i in range(len(gradient)):
        total = 0.0
        for k in range(len(gradient)):
            total -= inverse[i, k] * gradient[k]
        direction[i] = total
        slope += total * gradient[i]
        longest = max(longest, abs(total))
    if longest > _LONGEST:
        for i in range(len(gradient)):
            direction[i] *= _LONGEST / longest
    return slope


@compiled
def joins(point, direction, inverse, optimum):  # type: ignore[no-untyped-def]
    """Whether the next point is the optimum known, but for signs, which squares lose."""
    for i in range(len(point)):
        following_one, known = point[i] + direction[i], optimum[i]
        if i > 0:
            following_one, known = abs(following_one), abs(known)
        if not (following_one - known) ** 2 <= _JOIN_ERRORS * _JOIN_ERRORS * inverse[i, i]:
            return False
    return True


@compiled
def search(series, starts, fcp, of, points, inverses, gjr, student, tolerance, limit, work, costs, counts):  # type: ignore[no-untyped-def]
    """Minimise every task, in place.

    Args:
        series: (series, observations), mean 0 and variance 1.
        starts: (series,), the presample values; not read if `fcp`.
        fcp: whether the presample value is the mean squared innovation instead.
        of: (tasks,), the series of each task; tasks of one series stand together.
        points: (tasks, size), starts, then the best points.
        inverses: (tasks, size, size), inverse Hessians there, then at the end.
        gjr, student: the model.
        tolerance: predicted gain in log-likelihood at which a task ends.
        limit: evaluations a task may use.
        work: (observations, RECORD).
        costs: (tasks,), minus the log-likelihoods found; inf where a start has none.
        counts: (tasks, 2), evaluations, and how it ended.
    """
    size = points.shape[1]
    state = np.ones(ROWS * LANES)
    bits = state.view(np.int64)
    trial, gradient, direction = np.zeros((LANES, size)), np.zeros((LANES, size)), np.zeros((LANES, size))
    new, s, y, hy = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    j = np.zeros((NATURAL, size))
    slope, step = np.zeros(LANES), np.zeros(LANES)
    running, first = np.full(LANES, -1), np.zeros(LANES, np.int64)
    state[UP : BETA + LANES] = 0.1
    state[MU : MU + LANES] = 0.0
    state[NU : NU + LANES] = 8.0
    work[:, :LANES] = 0.0
    queued, left = 0, len(of)
    while left > 0:
        for lane in range(LANES):
            task = running[lane]
            if task < 0 and queued < len(of):
                task = queued
                running[lane], first[lane], step[lane] = task, task, -1.0
                load(work, state, lane, series[of[task]], starts[of[task]])
                while queued < len(of) and of[queued] == of[task]:
                    queued += 1
            if task >= 0 and step[lane] < 0.0:
                for i in range(size):
                    trial[lane, i] = points[task, i]
                place(state, lane, trial[lane], gjr, student, fcp)
                costs[task] = math.inf
                counts[task, 0] = 0
                step[lane] = 0.0
        evaluate(work, state, bits, student)
        for lane in range(LANES):
            task = running[lane]
            if task < 0:
                continue
            counts[task, 0] += 1
            fresh, ended = counts[task, 0] == 1, -1
            cost = state[COST + lane]
            jacobian(trial[lane], gjr, student, j)
            gradient_of(state, lane, j, new)
            finite = math.isfinite(cost) and all_finite(new)
            if fresh and not finite:
                ended = FAILED
            elif fresh or (finite and cost <= costs[task] + _ARMIJO * step[lane] * slope[lane]):
                if not fresh:
                    for i in range(size):
                        s[i] = trial[lane, i] - points[task, i]
                        y[i] = new[i] - gradient[lane, i]
                    update_inverse(inverses[task], s, y, hy)
                costs[task] = cost
                for i in range(size):
                    points[task, i] = trial[lane, i]
                    gradient[lane, i] = new[i]
                gain = aim(inverses[task], new, direction[lane])
                slope[lane] = dot(direction[lane], new)
                step[lane] = 1.0
                if not gain < 0.0:
                    ended = STALLED
                elif -0.5 * gain < tolerance:
                    ended = CONVERGED
                elif -0.5 * gain < _JOIN_GAIN:
                    for other in range(first[lane], task):
                        if counts[other, 1] == CONVERGED and cost > costs[other] - tolerance:
                            if joins(points[task], direction[lane], inverses[task], points[other]):
                                ended = JOINED
            else:
                shorter = 0.1 * step[lane]
                if finite:
                    bend = cost - costs[task] - step[lane] * slope[lane]
                    best = -0.5 * slope[lane] * step[lane] * step[lane] / bend
                    shorter = min(max(best, shorter), 0.5 * step[lane])
                step[lane] = shorter
                if shorter < _SHORTEST:
                    ended = STALLED
            if ended < 0 and counts[task, 0] >= limit:
                ended = EXHAUSTED
            if ended >= 0:
                counts[task, 1] = ended
                another = task + 1 < len(of) and of[task + 1] == of[task]
                running[lane], step[lane] = task + 1 if another else -1, -1.0
                left -= 1
            else:
                for i in range(size):
                    trial[lane, i] = points[task, i] + step[lane] * direction[lane, i]
                place(state, lane, trial[lane], gjr, student, fcp)
