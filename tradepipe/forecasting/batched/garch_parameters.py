"""Coordinates in which every point satisfies the constraints of GJR(1,1).

    x = (m, w, p, u, v, n):  mu = m, omega = w^2, persistence P = 1 / (1 + p^2),
    up = 2 P u^2 / D, down = 2 P v^2 / D, beta = P / D, D = 1 + u^2 + v^2,
    1/nu = 1/500 + (1/2.05 - 1/500) n^2 / (1 + n^2)

GARCH has one share: alpha = P u^2 / D, beta = P / D, D = 1 + u^2. Squares over their sum in place of logistic and
softmax: no exponentials, and an optimum on a bound (persistence 1, alpha 0, nu 500) is an ordinary minimum at a finite
point, where a logistic has it at infinity. As there, the gradient vanishes on a bound, so starts keep off it.
"""

import math

from tradepipe.forecasting.batched.garch_likelihood import (
    BETA,
    DOWN,
    G_MU,
    LANES,
    MU,
    NATURAL,
    NU,
    OMEGA,
    START,
    START_SLOPE,
    UP,
)
from tradepipe.indicators.compiling import compiled

LEAST_INVERSE_NU, MOST_INVERSE_NU = 1 / 500, 1 / 2.05
"""arch's bounds of nu, as inverses. At nu = 500 the kernel still agrees with the exact law to 1e-10."""
LEAST_SHARE = math.exp(-6)
"""A start nearer to a bound than this would not leave it."""


@compiled
def place(state, lane, x, gjr, student, fcp):  # type: ignore[no-untyped-def]
    """Write the point that has the coordinates `x` into a lane."""
    persistence = 1.0 / (1.0 + x[2] * x[2])
    up, down = x[3] * x[3], x[3] * x[3]
    total = 1.0 + up
    if gjr:
        down = x[4] * x[4]
        total += down
        up *= 2.0
        down *= 2.0
    state[MU + lane] = x[0]
    state[OMEGA + lane] = x[1] * x[1]
    state[UP + lane] = persistence * up / total
    state[DOWN + lane] = persistence * down / total
    state[BETA + lane] = persistence / total
    if student:
        n = x[len(x) - 1] * x[len(x) - 1]
        state[NU + lane] = 1.0 / (LEAST_INVERSE_NU + (MOST_INVERSE_NU - LEAST_INVERSE_NU) * n / (1.0 + n))
    if fcp:  # the mean of the squared innovations; standardised series have mean 0 and variance 1
        state[START + lane] = 1.0 + x[0] * x[0]
        state[START_SLOPE + lane] = 2.0 * x[0]


@compiled
def jacobian(x, gjr, student, j):  # type: ignore[no-untyped-def]
    """d(mu, omega, up, down, beta, nu) / dx into `j`, (NATURAL, len(x))."""
    j[:] = 0.0
    j[0, 0] = 1.0
    j[1, 1] = 2.0 * x[1]
    persistence, u = 1.0 / (1.0 + x[2] * x[2]), x[3]
    by_p = -2.0 * x[2] * persistence
    total = 1.0 + u * u
    if gjr:
        v = x[4]
        total += v * v
        scale = 4.0 * persistence / (total * total)
        j[2, 2] = by_p * 2.0 * persistence * u * u / total
        j[3, 2] = by_p * 2.0 * persistence * v * v / total
        j[2, 3] = scale * u * (1.0 + v * v)
        j[2, 4] = -scale * u * u * v
        j[3, 3] = -scale * v * v * u
        j[3, 4] = scale * v * (1.0 + u * u)
        j[4, 4] = -0.5 * scale * v
        j[4, 3] = -0.5 * scale * u
    else:
        slope = 2.0 * persistence * u / (total * total)
        j[2, 2] = by_p * persistence * u * u / total
        j[3, 2] = j[2, 2]
        j[2, 3] = slope
        j[3, 3] = slope
        j[4, 3] = -slope
    j[4, 2] = by_p * persistence / total
    if student:
        last = len(x) - 1
        n = x[last] * x[last]
        share = MOST_INVERSE_NU - LEAST_INVERSE_NU
        nu = 1.0 / (LEAST_INVERSE_NU + share * n / (1.0 + n))
        j[5, last] = -nu * nu * share * 2.0 * x[last] / ((1.0 + n) * (1.0 + n))


@compiled
def gradient_of(state, lane, j, gradient):  # type: ignore[no-untyped-def]
    """The gradient by x, from that by the natural parameters."""
    for i in range(len(gradient)):
        total = 0.0
        for k in range(NATURAL):
            total += state[G_MU + LANES * k + lane] * j[k, i]
        gradient[i] = total


@compiled
def coordinates(natural, gjr, student, x):  # type: ignore[no-untyped-def]
    """The x of (mu, omega, up, down, beta, nu), moved off the bounds by LEAST_SHARE."""
    up, down, beta = 0.5 * natural[2], 0.5 * natural[3], natural[4]
    persistence = min(max(up + down + beta, LEAST_SHARE), 1.0 - 1e-3)
    least = LEAST_SHARE * persistence
    up, down, beta = max(up, least), max(down, least), max(beta, least)
    x[0] = natural[0]
    x[1] = math.sqrt(max(natural[1], 1e-6))
    x[2] = math.sqrt(1.0 / persistence - 1.0)
    if gjr:
        x[3], x[4] = math.sqrt(up / beta), math.sqrt(down / beta)
    else:
        x[3] = math.sqrt((up + down) / beta)
    if student:
        share = (1.0 / natural[5] - LEAST_INVERSE_NU) / (MOST_INVERSE_NU - LEAST_INVERSE_NU)
        share = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)
        x[len(x) - 1] = math.sqrt(share / (1.0 - share))
