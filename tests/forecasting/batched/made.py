"""Series, places and evaluations of the likelihood that tests share."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from tradepipe.forecasting.batched.likelihood import value_at
from tradepipe.forecasting.batched.polynomials import set_coefficients, set_jacobian
from tradepipe.forecasting.batched.slopes import slope_at

ORDERS = [(p, q) for p in range(4) for q in range(4) if p + q]


def walk(n, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal(n).cumsum() * 0.1 + generator.standard_normal(n)


def arma(n, phi, theta, seed=0):
    """ARMA(1, 1) with unit shocks, after a run-in of 500."""
    shocks = np.random.default_rng(seed).standard_normal(n + 500)
    values = np.zeros(n + 500)
    for t in range(1, n + 500):
        values[t] = phi * values[t - 1] + shocks[t] + theta * shocks[t - 1]
    return values[500:]


def covariance_of(n, phi, theta, variance):
    """Covariance of n values of an ARMA process, from the first 40,000 weights of its shocks."""
    weights = lfilter(np.r_[1.0, theta], np.r_[1.0, -np.asarray(phi)], np.r_[1.0, np.zeros(39_999)])
    autocovariances = np.array([weights[: len(weights) - lag] @ weights[lag:] for lag in range(n)])
    return variance * autocovariances[np.abs(np.subtract.outer(np.arange(n), np.arange(n)))]


def point_of(p, q, scale):
    point = np.zeros(6)
    generator = np.random.default_rng(10 * p + q)
    point[:p] = generator.uniform(-scale, scale, p)
    point[3 : 3 + q] = generator.uniform(-scale, scale, q)
    return point


def coefficients_at(point):
    coefficients = np.zeros(6)
    set_coefficients(point, coefficients)
    return coefficients


@dataclass
class Evaluation:
    value: float
    gradient: np.ndarray
    coefficients: np.ndarray
    mean: float
    variance: float
    log_likelihood: float


def evaluate(w, point, p, q, *, with_mean):
    n, coefficients = len(w), coefficients_at(point)
    work, small, found = np.zeros((6, n)), np.zeros((10, 3, 3)), np.zeros(6)
    slope, jacobian = np.zeros(6), np.zeros((6, 6))
    work[0] = w
    value = value_at(coefficients, max(p, q, 1), with_mean, n, work, small, found)
    slope_at(coefficients, p, q, n, work, small, found, slope)
    set_jacobian(point, jacobian)
    exact = -value - 0.5 * n * (np.log(2 * np.pi) + 1)
    return Evaluation(value, jacobian.T @ slope, coefficients, found[0], found[1] / n, exact)
