# ruff: noqa: FBT001 - compiled code is called by position
"""Coordinates in which every point satisfies the constraints of GJR(1,1).

    x = (m, w, p, u, v, n):  mu = m, omega = 1e-8 + w^2, persistence P = ((1 - p^2) / (1 + p^2))^2,
    up = 2 P (2u / q)^2, down = 2 P (2v / q)^2, beta = P ((2 - q) / q)^2, q = 1 + u^2 + v^2,
    1/nu = 1/500 + (1/2.05 - 1/500) n^2 / (1 + n^2)

The roots of the shares of the persistence are a point of the unit sphere by its stereographic projection. GARCH has
one share: alpha = P (2u / q)^2, q = 1 + u^2. In place of logistic and softmax: no exponentials, and an optimum on a
bound (persistence 1, alpha or beta 0, nu 500) is an ordinary minimum at a finite point, where theirs is at infinity
and costs scores of evaluations. As there, the gradient vanishes on a bound, so starts keep off it.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
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
from tradepipe.forecasting.model import FloatArray

LEAST_INVERSE_NU, MOST_INVERSE_NU = 1 / 500, 1 / 2.05
"""arch's bounds of nu, as inverses. At nu = 500 the kernel still agrees with the exact law to 1e-10."""
LEAST_OMEGA = 1e-8
"""arch's bound, of standardised series: no variance is ever zero."""
LEAST_SHARE = math.exp(-6)
"""A start nearer to a bound than this would not leave it."""


@compiled
def place(state: FloatArray, lane: int, x: FloatArray, gjr: bool, student: bool, fcp: bool) -> None:
    """Write the point that has the coordinates `x` into a lane."""
    root = (1.0 - x[2] * x[2]) / (1.0 + x[2] * x[2])
    persistence = root * root
    up = x[3] * x[3]
    down, q = up, 1.0 + up
    if gjr:
        v = x[4] * x[4]
        q += v
        up, down = 2.0 * up, 2.0 * v
    scale = persistence / (q * q)
    state[MU + lane] = x[0]
    state[OMEGA + lane] = LEAST_OMEGA + x[1] * x[1]
    state[UP + lane] = scale * 4.0 * up
    state[DOWN + lane] = scale * 4.0 * down
    state[BETA + lane] = scale * (2.0 - q) * (2.0 - q)
    if student:
        n = x[len(x) - 1] * x[len(x) - 1]
        state[NU + lane] = 1.0 / (LEAST_INVERSE_NU + (MOST_INVERSE_NU - LEAST_INVERSE_NU) * n / (1.0 + n))
    if fcp:  # the mean of the squared innovations; standardised series have mean 0 and variance 1
        state[START + lane] = 1.0 + x[0] * x[0]
        state[START_SLOPE + lane] = 2.0 * x[0]


@compiled
def places_of(points: FloatArray, gjr: bool, student: bool, natural: FloatArray) -> None:
    """(mu, omega, up, down, beta, nu) of every point into the rows of `natural`; nu is inf under the normal law."""
    state = np.full((START_SLOPE // LANES + 1) * LANES, math.inf)
    for row in range(len(points)):
        place(state, 0, points[row], gjr, student, False)
        for k in range(NATURAL):
            natural[row, k] = state[MU + LANES * k]


@compiled
def jacobian(x: FloatArray, gjr: bool, student: bool, j: FloatArray) -> None:
    """d(mu, omega, up, down, beta, nu) / dx into `j`, (NATURAL, len(x))."""
    j[:] = 0.0
    j[0, 0] = 1.0
    j[1, 1] = 2.0 * x[1]
    square, u, v = x[2] * x[2], x[3], x[4] if gjr else 0.0
    root = (1.0 - square) / (1.0 + square)
    persistence, by_p = root * root, -8.0 * x[2] * root / ((1.0 + square) * (1.0 + square))
    q = 1.0 + u * u + v * v
    scale, halves = 8.0 * persistence / (q * q * q), 2.0 if gjr else 1.0
    j[2, 2] = by_p * halves * 4.0 * u * u / (q * q)
    j[3, 2] = by_p * 8.0 * v * v / (q * q) if gjr else j[2, 2]
    j[4, 2] = by_p * (2.0 - q) * (2.0 - q) / (q * q)
    j[2, 3] = halves * scale * u * (q - 2.0 * u * u)
    j[3, 3] = -4.0 * scale * v * v * u if gjr else j[2, 3]
    j[4, 3] = -scale * u * (2.0 - q)
    if gjr:
        j[2, 4] = -4.0 * scale * u * u * v
        j[3, 4] = 2.0 * scale * v * (q - 2.0 * v * v)
        j[4, 4] = -scale * v * (2.0 - q)
    if student:
        last = len(x) - 1
        n = x[last] * x[last]
        share = MOST_INVERSE_NU - LEAST_INVERSE_NU
        nu = 1.0 / (LEAST_INVERSE_NU + share * n / (1.0 + n))
        j[5, last] = -nu * nu * share * 2.0 * x[last] / ((1.0 + n) * (1.0 + n))


@compiled
def gradient_of(state: FloatArray, lane: int, j: FloatArray, gradient: FloatArray) -> None:
    """The gradient by x, from that by the natural parameters."""
    for i in range(len(gradient)):
        total = 0.0
        for k in range(NATURAL):
            total += state[G_MU + LANES * k + lane] * j[k, i]
        gradient[i] = total


@compiled
def coordinates(natural: FloatArray, gjr: bool, student: bool, x: FloatArray) -> None:
    """The x of (mu, omega, up, down, beta, nu), moved off the bounds by LEAST_SHARE."""
    up, down, beta = 0.5 * natural[2], 0.5 * natural[3], natural[4]
    persistence = min(max(up + down + beta, LEAST_SHARE), 1.0 - 1e-3)
    least = LEAST_SHARE * persistence
    up, down, beta = max(up, least), max(down, least), max(beta, least)
    x[0] = natural[0]
    x[1] = math.sqrt(max(natural[1] - LEAST_OMEGA, 1e-6))
    root = math.sqrt(persistence)
    x[2] = math.sqrt((1.0 - root) / (1.0 + root))
    total = up + down + beta
    half = 1.0 / (1.0 + math.sqrt(beta / total))  # q / 2
    if gjr:
        x[3], x[4] = math.sqrt(up / total) * half, math.sqrt(down / total) * half
    else:
        x[3] = math.sqrt((up + down) / total) * half
    if student:
        share = (1.0 / natural[5] - LEAST_INVERSE_NU) / (MOST_INVERSE_NU - LEAST_INVERSE_NU)
        share = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)
        x[len(x) - 1] = math.sqrt(share / (1.0 - share))
