# ruff: noqa: FBT001 - compiled code is called by position
"""Many small minimisations side by side: BFGS whose evaluations share SIMD lanes.

A task is one start for one series. A lane takes a series and runs its starts one after the other, then the next series.
A later start that is about to reach the optimum of an earlier one ends there. What happens to a series depends on its
own figures only, so results do not depend on order, neighbours or threads.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.garch_information import load
from tradepipe.forecasting.batched.garch_likelihood import BETA, COST, LANES, MU, NATURAL, NU, ROWS, UP, evaluate
from tradepipe.forecasting.batched.garch_parameters import gradient_of, jacobian, place
from tradepipe.forecasting.model import FloatArray, IntArray

CONVERGED, STALLED, EXHAUSTED, FAILED, JOINED = 0, 1, 2, 3, 4
"""How a task ended: predicted gain below the tolerance; no descent left; out of evaluations; no finite start; on its
way to where an earlier start of the series has been."""

_ARMIJO = 1e-4
_LONGEST = 0.5
_SHORTEST = 1e-5
_JOIN_GAIN, _JOIN_ERRORS = 0.5, 0.1
"""A task joins an earlier one if its predicted gain is below the first and its next point within so many standard
errors of the other's optimum."""


@compiled
def dot(a: FloatArray, b: FloatArray) -> float:
    """Inner product, summed in order."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled
def all_finite(a: FloatArray) -> bool:
    """Whether all entries are."""
    return math.isfinite(dot(a, a))


@compiled
def update_inverse(inverse: FloatArray, s: FloatArray, y: FloatArray, hy: FloatArray) -> None:
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
def aim(inverse: FloatArray, gradient: FloatArray, direction: FloatArray) -> float:
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
def joins(point: FloatArray, direction: FloatArray, inverse: FloatArray, optimum: FloatArray) -> bool:
    """Whether the next point is the optimum known, but for signs, which squares lose."""
    for i in range(len(point)):
        following_one, known = point[i] + direction[i], optimum[i]
        if i > 0:
            following_one, known = abs(following_one), abs(known)
        if not (following_one - known) ** 2 <= _JOIN_ERRORS * _JOIN_ERRORS * inverse[i, i]:
            return False
    return True


@compiled
def search(
    series: FloatArray,
    starts: FloatArray,
    fcp: bool,
    of: IntArray,
    points: FloatArray,
    inverses: FloatArray,
    gjr: bool,
    student: bool,
    tolerance: float,
    limit: int,
    work: FloatArray,
    costs: FloatArray,
    counts: IntArray,
) -> None:
    """Minimise every task, in place.

    Args:
        series: (series, observations), mean 0 and variance 1.
        starts: (series,), the presample values; not read if `fcp`.
        fcp: whether the presample value is the mean squared innovation instead.
        of: (tasks,), the series of each task; tasks of one series stand together.
        points: (tasks, size), starts, then the best points.
        inverses: (tasks, size, size), inverse Hessians there, then at the end.
        gjr: whether up and down differ.
        student: whether the law is Student t.
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
                        near = joins(points[task], direction[lane], inverses[task], points[other])
                        if near and counts[other, 1] == CONVERGED and cost > costs[other] - tolerance:
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
