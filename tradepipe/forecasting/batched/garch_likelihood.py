# ruff: noqa: FBT001 - compiled code is called by position
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

from tradepipe.compiling import compiled
from tradepipe.forecasting.model import FloatArray, IntArray

LANES = 16
SERIES, VARIANCE, SEED = 0, LANES, 2 * LANES
RECORD = 3 * LANES
# Rows of `state`: the point, what the passes carry, and what they answer (cost and gradient of minus the
# log-likelihood by mu, omega, up, down, beta, nu in a row).
MU, OMEGA, UP, DOWN, BETA, NU, START, START_SLOPE = (LANES * row for row in range(8))
NEXT, PRODUCT, PRODUCT_2, EXPONENT, EXPONENT_2, SQUARES, DIRECT = (LANES * row for row in range(8, 15))
COST, G_MU, G_OMEGA, G_UP, G_DOWN, G_BETA, G_NU = (LANES * row for row in range(15, 22))
ROWS = 22
NATURAL = 6

TURN = 4
"""Steps taken at once, written out, so that sums stay in registers."""
ASIDE = 4
"""Turns after which the exponents of the products are set aside: 16 variances of standardised series are far from the
bounds of a double."""
_MANTISSA, _ONE, _BIAS = 0x000FFFFFFFFFFFFF, 0x3FF0000000000000, 1023
_HALF_LOG_TWO_PI = 0.9189385332046727
_LOG_TWO = 0.6931471805599453


@compiled
def digamma(x: float) -> float:
    """Derivative of log gamma for x > 0: recurrence to 8, then the asymptotic series (Abramowitz-Stegun 6.3.18)."""
    value = 0.0
    while x < 8.0:
        value -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    tail = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * (691 / 32760 - f / 12))))))
    return value + math.log(x) - 0.5 / x - tail


@compiled
def set_exponents_aside(bits: IntArray, product: int, exponent: int) -> None:
    """Bring positive products back to [1, 2), and add the powers of two taken out to an integer row.

    `bits` is the memory of `state`, read as integers. A logarithm a step would cost more than all the rest.
    """
    for lane in range(LANES):
        value = bits[product + lane]
        bits[exponent + lane] += (value >> 52) - _BIAS
        bits[product + lane] = (value & _MANTISSA) | _ONE


@compiled
def evaluate(work: FloatArray, state: FloatArray, bits: IntArray, student: bool) -> None:
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
def following(h: float, e: float, omega: float, up: float, down: float, beta: float) -> float:
    """The variance after h and e."""
    return omega + (down if e < 0 else up) * (e * e) + beta * h


@compiled
def normal_step(h: float, e: float) -> tuple[float, float, float]:
    """e^2 / h, e / h and d(-l)/dh."""
    r = 1.0 / h
    q = e * e * r
    return q, e * r, 0.5 * r * (1.0 - q)


@compiled
def student_step(h: float, e: float, nu: float, c: float) -> tuple[float, float, float, float]:
    """With c = 1 / (nu - 2), m = h + c e^2: m, c e^2 / m, -d(-l)/dmu at a fixed h, d(-l)/dh; one division for all."""
    part = c * e * e
    m = h + part
    u = 1.0 / (h * m)
    share = part * h * u
    return m, share, (nu + 1.0) * c * e * h * u, 0.5 * m * u * (1.0 - (nu + 1.0) * share)


@compiled
def forward_normal(work: FloatArray, state: FloatArray, bits: IntArray) -> None:
    """h, the normal law's sums, and d(-l)/dh of every step; four steps a turn, so that sums stay in registers."""
    turns, left = divmod(work.shape[0], TURN)
    flat = work.reshape(work.size)
    for turn in range(turns):
        t = TURN * RECORD * turn
        for lane in range(LANES):
            mu, omega, beta = state[MU + lane], state[OMEGA + lane], state[BETA + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            e0 = flat[t + SERIES + lane] - mu
            e1 = flat[t + RECORD + SERIES + lane] - mu
            e2 = flat[t + 2 * RECORD + SERIES + lane] - mu
            e3 = flat[t + 3 * RECORD + SERIES + lane] - mu
            h0 = state[NEXT + lane]
            h1 = following(h0, e0, omega, up, down, beta)
            h2 = following(h1, e1, omega, up, down, beta)
            h3 = following(h2, e2, omega, up, down, beta)
            state[NEXT + lane] = following(h3, e3, omega, up, down, beta)
            q0, d0, s0 = normal_step(h0, e0)
            q1, d1, s1 = normal_step(h1, e1)
            q2, d2, s2 = normal_step(h2, e2)
            q3, d3, s3 = normal_step(h3, e3)
            flat[t + VARIANCE + lane] = h0
            flat[t + RECORD + VARIANCE + lane] = h1
            flat[t + 2 * RECORD + VARIANCE + lane] = h2
            flat[t + 3 * RECORD + VARIANCE + lane] = h3
            flat[t + SEED + lane] = s0
            flat[t + RECORD + SEED + lane] = s1
            flat[t + 2 * RECORD + SEED + lane] = s2
            flat[t + 3 * RECORD + SEED + lane] = s3
            state[PRODUCT + lane] *= (h0 * h1) * (h2 * h3)
            state[SQUARES + lane] += (q0 + q1) + (q2 + q3)
            state[DIRECT + lane] += (d0 + d1) + (d2 + d3)
        if turn % ASIDE == ASIDE - 1:
            set_exponents_aside(bits, PRODUCT, EXPONENT)
    for step in range(TURN * turns, TURN * turns + left):
        t = RECORD * step
        for lane in range(LANES):
            e, h = flat[t + SERIES + lane] - state[MU + lane], state[NEXT + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            q, direct, seed = normal_step(h, e)
            flat[t + VARIANCE + lane] = h
            flat[t + SEED + lane] = seed
            state[PRODUCT + lane] *= h
            state[SQUARES + lane] += q
            state[DIRECT + lane] += direct
            state[NEXT + lane] = following(h, e, state[OMEGA + lane], up, down, state[BETA + lane])
    set_exponents_aside(bits, PRODUCT, EXPONENT)


@compiled
def forward_student(work: FloatArray, state: FloatArray, bits: IntArray) -> None:
    """As forward_normal for Student t: 1 + e^2 / ((nu - 2) h) = m / h, and the products of h and m are taken."""
    turns, left = divmod(work.shape[0], TURN)
    flat = work.reshape(work.size)
    for turn in range(turns):
        t = TURN * RECORD * turn
        for lane in range(LANES):
            mu, omega, beta = state[MU + lane], state[OMEGA + lane], state[BETA + lane]
            up, down, nu = state[UP + lane], state[DOWN + lane], state[NU + lane]
            c = 1.0 / (nu - 2.0)
            e0 = flat[t + SERIES + lane] - mu
            e1 = flat[t + RECORD + SERIES + lane] - mu
            e2 = flat[t + 2 * RECORD + SERIES + lane] - mu
            e3 = flat[t + 3 * RECORD + SERIES + lane] - mu
            h0 = state[NEXT + lane]
            h1 = following(h0, e0, omega, up, down, beta)
            h2 = following(h1, e1, omega, up, down, beta)
            h3 = following(h2, e2, omega, up, down, beta)
            state[NEXT + lane] = following(h3, e3, omega, up, down, beta)
            m0, q0, d0, s0 = student_step(h0, e0, nu, c)
            m1, q1, d1, s1 = student_step(h1, e1, nu, c)
            m2, q2, d2, s2 = student_step(h2, e2, nu, c)
            m3, q3, d3, s3 = student_step(h3, e3, nu, c)
            flat[t + VARIANCE + lane] = h0
            flat[t + RECORD + VARIANCE + lane] = h1
            flat[t + 2 * RECORD + VARIANCE + lane] = h2
            flat[t + 3 * RECORD + VARIANCE + lane] = h3
            flat[t + SEED + lane] = s0
            flat[t + RECORD + SEED + lane] = s1
            flat[t + 2 * RECORD + SEED + lane] = s2
            flat[t + 3 * RECORD + SEED + lane] = s3
            state[PRODUCT + lane] *= (h0 * h1) * (h2 * h3)
            state[PRODUCT_2 + lane] *= (m0 * m1) * (m2 * m3)
            state[SQUARES + lane] += (q0 + q1) + (q2 + q3)
            state[DIRECT + lane] += (d0 + d1) + (d2 + d3)
        if turn % ASIDE == ASIDE - 1:
            set_exponents_aside(bits, PRODUCT, EXPONENT)
            set_exponents_aside(bits, PRODUCT_2, EXPONENT_2)
    for step in range(TURN * turns, TURN * turns + left):
        t = RECORD * step
        for lane in range(LANES):
            e, h, nu = flat[t + SERIES + lane] - state[MU + lane], state[NEXT + lane], state[NU + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            m, q, direct, seed = student_step(h, e, nu, 1.0 / (nu - 2.0))
            flat[t + VARIANCE + lane] = h
            flat[t + SEED + lane] = seed
            state[PRODUCT + lane] *= h
            state[PRODUCT_2 + lane] *= m
            state[SQUARES + lane] += q
            state[DIRECT + lane] += direct
            state[NEXT + lane] = following(h, e, state[OMEGA + lane], up, down, state[BETA + lane])
    set_exponents_aside(bits, PRODUCT, EXPONENT)
    set_exponents_aside(bits, PRODUCT_2, EXPONENT_2)


@compiled
def backward(work: FloatArray, state: FloatArray) -> None:
    """The gradient from the adjoint; NEXT holds lambda meanwhile."""
    turns, left = divmod(work.shape[0] - 1, TURN)
    for lane in range(LANES):
        state[NEXT + lane] = 0.0
    for turn in range(turns):
        t = work.shape[0] - 1 - TURN * turn
        for lane in range(LANES):
            beta, mu = state[BETA + lane], state[MU + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            a1 = work[t, SEED + lane] + beta * state[NEXT + lane]
            a2 = work[t - 1, SEED + lane] + beta * a1
            a3 = work[t - 2, SEED + lane] + beta * a2
            a4 = work[t - 3, SEED + lane] + beta * a3
            state[NEXT + lane] = a4
            e1 = work[t - 1, SERIES + lane] - mu
            e2 = work[t - 2, SERIES + lane] - mu
            e3 = work[t - 3, SERIES + lane] - mu
            e4 = work[t - 4, SERIES + lane] - mu
            p1, p2, p3, p4 = a1 * e1, a2 * e2, a3 * e3, a4 * e4
            b1, b2, b3, b4 = p1 * e1, p2 * e2, p3 * e3, p4 * e4
            n1, n2, n3, n4 = e1 < 0, e2 < 0, e3 < 0, e4 < 0
            h1, h2 = work[t - 1, VARIANCE + lane], work[t - 2, VARIANCE + lane]
            h3, h4 = work[t - 3, VARIANCE + lane], work[t - 4, VARIANCE + lane]
            state[G_OMEGA + lane] += (a1 + a2) + (a3 + a4)
            state[G_BETA + lane] += (a1 * h1 + a2 * h2) + (a3 * h3 + a4 * h4)
            negative = ((b1 if n1 else 0.0) + (b2 if n2 else 0.0)) + ((b3 if n3 else 0.0) + (b4 if n4 else 0.0))
            positive = ((0.0 if n1 else b1) + (0.0 if n2 else b2)) + ((0.0 if n3 else b3) + (0.0 if n4 else b4))
            state[G_DOWN + lane] += negative
            state[G_UP + lane] += positive
            mean = (p1 * (down if n1 else up) + p2 * (down if n2 else up)) + p3 * (down if n3 else up)
            state[G_MU + lane] += mean + p4 * (down if n4 else up)
    for t in range(left, 0, -1):
        for lane in range(LANES):
            adjoint = work[t, SEED + lane] + state[BETA + lane] * state[NEXT + lane]
            state[NEXT + lane] = adjoint
            e = work[t - 1, SERIES + lane] - state[MU + lane]
            up, down = state[UP + lane], state[DOWN + lane]
            part = adjoint * e
            state[G_OMEGA + lane] += adjoint
            state[G_BETA + lane] += adjoint * work[t - 1, VARIANCE + lane]
            state[G_DOWN + lane] += part * e if e < 0 else 0.0
            state[G_UP + lane] += 0.0 if e < 0 else part * e
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
