"""The likelihood of GARCH(1,1) and GJR(1,1) and its gradient, for sixteen series side by side.

    h_t = omega + a_t e_{t-1}^2 + beta h_{t-1},  e_t = y_t - mu,  a_t = down if e_{t-1} < 0 else up

(Bollerslev, Journal of Econometrics 31, 1986; Glosten, Jagannathan and Runkle, Journal of Finance 48, 1993; the
Student t law scaled to variance 1: Bollerslev, Review of Economics and Statistics 69, 1987.) The gradient comes
from the adjoint of the recursion: one pass forward for h, one pass backward for
lambda_t = d(-l_t)/dh_t + beta lambda_{t+1}, from which every derivative is a sum. That is one recursion
backward in place of five forward.

A lane is one column of arrays whose last axis is LANES long; a loop over that axis is what becomes SIMD code.
No lane ever reads another, and no sum is reordered, so a series' figures do not depend on its neighbours.

`work` is (observations, 3 LANES): the series, h and d(-l)/dh. `state` is (ROWS LANES,), flat because only constant
distances between what is read and written let the compiler see that lanes are independent; the constants below are
where its rows start.
"""

import math

from tradepipe.indicators.compiling import compiled

LANES = 16
SERIES, VARIANCE, SEED = 0, LANES, 2 * LANES
# Rows of `state`: the point, what the passes carry, and what they answer (cost and gradient of minus the
# log-likelihood by mu, omega, up, down, beta, nu in a row).
MU, OMEGA, UP, DOWN, BETA, NU, START, START_SLOPE = (LANES * row for row in range(8))
NEXT, PRODUCT, PRODUCT_2, EXPONENT, EXPONENT_2, SQUARES, DIRECT = (LANES * row for row in range(8, 15))
COST, G_MU, G_OMEGA, G_UP, G_DOWN, G_BETA, G_NU = (LANES * row for row in range(15, 22))
ROWS = 22
NATURAL = 6

BLOCK = 8
"""Steps whose variances are multiplied before the exponent of the product is set aside."""
_MANTISSA, _ONE, _BIAS = 0x000FFFFFFFFFFFFF, 0x3FF0000000000000, 1023
_HALF_LOG_TWO_PI = 0.9189385332046727
_LOG_TWO = 0.6931471805599453


@compiled
def digamma(x):  # type: ignore[no-untyped-def]
    """Derivative of log gamma for x > 0: recurrence to 8, then the asymptotic series (Abramowitz-Stegun 6.3.18)."""
    value = 0.0
    while x < 8.0:
        value -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    tail = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * (691 / 32760 - f / 12))))))
    return value + math.log(x) - 0.5 / x - tail


@compiled
def set_exponents_aside(bits, product, exponent):  # type: ignore[no-untyped-def]
    """Bring positive products back to [1, 2), and add the powers of two taken out to an integer row.

    `bits` is the memory of `state`, read as integers. A logarithm a step would cost more than all the rest.
    """
    for lane in range(LANES):
        value = bits[product + lane]
        bits[exponent + lane] += (value >> 52) - _BIAS
        bits[product + lane] = (value & _MANTISSA) | _ONE


@compiled
def evaluate(work, state, bits, student):  # type: ignore[no-untyped-def]
    """Minus the log-likelihood and its gradient at the point in `state`, for all lanes.

    START is the presample value of both e^2 and h, START_SLOPE its derivative by mu. Where a variance is zero or
    overflows, COST is not finite.
    """
    observations = work.shape[0]
    for lane in range(LANES):
        persistence = 0.5 * (state[UP + lane] + state[DOWN + lane]) + state[BETA + lane]
        state[NEXT + lane] = state[OMEGA + lane] + persistence * state[START + lane]
        state[PRODUCT + lane] = 1.0
        state[PRODUCT_2 + lane] = 1.0
        state[SQUARES + lane] = 0.0
        state[DIRECT + lane] = 0.0
        bits[EXPONENT + lane] = 0
        bits[EXPONENT_2 + lane] = 0
        state[G_OMEGA + lane] = 0.0
        state[G_UP + lane] = 0.0
        state[G_DOWN + lane] = 0.0
        state[G_BETA + lane] = 0.0
        state[G_MU + lane] = 0.0
    if student:
        forward_student(work, state, bits)
    else:
        forward_normal(work, state, bits)
    backward(work, state)
    for lane in range(LANES):
        logs = math.log(state[PRODUCT + lane]) + _LOG_TWO * bits[EXPONENT + lane]
        if student:
            nu = state[NU + lane]
            pair = math.log(state[PRODUCT_2 + lane]) + _LOG_TWO * bits[EXPONENT_2 + lane] - logs
            constant = math.lgamma(0.5 * (nu + 1)) - math.lgamma(0.5 * nu) - 0.5 * math.log(math.pi * (nu - 2))
            slope = 0.5 * (digamma(0.5 * (nu + 1)) - digamma(0.5 * nu) - 1 / (nu - 2))
            state[COST + lane] = 0.5 * logs + 0.5 * (nu + 1) * pair - observations * constant
            state[G_NU + lane] = 0.5 * pair - 0.5 * (nu + 1) / (nu - 2) * state[SQUARES + lane] - observations * slope
        else:
            state[COST + lane] = observations * _HALF_LOG_TWO_PI + 0.5 * (logs + state[SQUARES + lane])
            state[G_NU + lane] = 0.0


@compiled
def forward_normal(work, state, bits):  # type: ignore[no-untyped-def]
    """h, the normal law's sums, and d(-l)/dh of every step."""
    for t in range(work.shape[0]):
        for lane in range(LANES):
            e = work[t, SERIES + lane] - state[MU + lane]
            h = state[NEXT + lane]
            square = e * e
            r = 1.0 / h
            q = square * r
            work[t, VARIANCE + lane] = h
            work[t, SEED + lane] = 0.5 * r * (1.0 - q)
            state[PRODUCT + lane] *= h
            state[SQUARES + lane] += q
            state[DIRECT + lane] += e * r
            up, down = state[UP + lane], state[DOWN + lane]
            a = down if e < 0 else up
            state[NEXT + lane] = state[OMEGA + lane] + a * square + state[BETA + lane] * h
        if t % BLOCK == BLOCK - 1:
            set_exponents_aside(bits, PRODUCT, EXPONENT)


@compiled
def forward_student(work, state, bits):  # type: ignore[no-untyped-def]
    """As forward_normal for Student t: 1 + e^2 / ((nu - 2) h) = m / h; both products are taken, one division."""
    for t in range(work.shape[0]):
        for lane in range(LANES):
            e = work[t, SERIES + lane] - state[MU + lane]
            h = state[NEXT + lane]
            nu = state[NU + lane]
            c = 1.0 / (nu - 2.0)
            square = e * e
            part = c * square
            m = h + part
            u = 1.0 / (h * m)
            r = u * m
            share = part * h * u
            work[t, VARIANCE + lane] = h
            work[t, SEED + lane] = 0.5 * r * (1.0 - (nu + 1.0) * share)
            state[PRODUCT + lane] *= h
            state[PRODUCT_2 + lane] *= m
            state[SQUARES + lane] += share
            state[DIRECT + lane] += (nu + 1.0) * c * e * h * u
            up, down = state[UP + lane], state[DOWN + lane]
            a = down if e < 0 else up
            state[NEXT + lane] = state[OMEGA + lane] + a * square + state[BETA + lane] * h
        if t % BLOCK == BLOCK - 1:
            set_exponents_aside(bits, PRODUCT, EXPONENT)
            set_exponents_aside(bits, PRODUCT_2, EXPONENT_2)


@compiled
def backward(work, state):  # type: ignore[no-untyped-def]
    """The gradient from the adjoint; NEXT holds lambda meanwhile."""
    observations = work.shape[0]
    for lane in range(LANES):
        state[NEXT + lane] = 0.0
    for t in range(observations - 1, 0, -1):
        for lane in range(LANES):
            adjoint = work[t, SEED + lane] + state[BETA + lane] * state[NEXT + lane]
            state[NEXT + lane] = adjoint
            e = work[t - 1, SERIES + lane] - state[MU + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            part = adjoint * e
            by_a = part * e
            state[G_OMEGA + lane] += adjoint
            state[G_BETA + lane] += adjoint * work[t - 1, VARIANCE + lane]
            state[G_DOWN + lane] += by_a if e < 0 else 0.0
            state[G_UP + lane] += 0.0 if e < 0 else by_a
            state[G_MU + lane] += part * (down if e < 0 else up)
    for lane in range(LANES):
        first = work[0, SEED + lane] + state[BETA + lane] * state[NEXT + lane]
        start = state[START + lane]
        persistence = 0.5 * (state[UP + lane] + state[DOWN + lane]) + state[BETA + lane]
        state[G_OMEGA + lane] += first
        state[G_BETA + lane] += first * start
        state[G_UP + lane] += 0.5 * first * start
        state[G_DOWN + lane] += 0.5 * first * start
        slope = first * persistence * state[START_SLOPE + lane]
        state[G_MU + lane] = slope - 2.0 * state[G_MU + lane] - state[DIRECT + lane]
