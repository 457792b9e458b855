"""The gradient beside seasons and regressors against central differences."""

import numpy as np
import pytest

from tradepipe.forecasting.batched import ArmaOrder
from tradepipe.forecasting.batched.product_search import POINT, set_product, set_product_jacobian
from tradepipe.forecasting.batched.product_slopes import is_free, product_slope
from tradepipe.forecasting.batched.products import combine, product_value

N = 110
ORDERS = [
    ArmaOrder(1, 0, 1, regressors=1),
    ArmaOrder(3, 0, 2, regressors=2),
    ArmaOrder(0, 0, 0, seasonal=(1, 0, 0, 5)),
    ArmaOrder(0, 0, 1, seasonal=(0, 0, 1, 5), regressors=1),
    ArmaOrder(1, 0, 1, seasonal=(1, 0, 1, 5), regressors=2),
    ArmaOrder(2, 0, 3, seasonal=(2, 0, 2, 5)),
    ArmaOrder(1, 0, 1, mean=False, seasonal=(1, 0, 1, 21)),
    ArmaOrder(0, 0, 1, seasonal=(0, 0, 2, 21), regressors=2),
    ArmaOrder(1, 0, 1, seasonal=(1, 0, 0, 2), regressors=1),
]


def _columns(order, generator):
    """A walk with noise, and walks beside it, then the constant."""
    rows = [generator.standard_normal(N).cumsum() * 0.3 + generator.standard_normal(N)]
    rows += [generator.standard_normal(N).cumsum() for _ in range(order.regressors)]
    return np.array([*rows, np.ones(N)] if order.mean else rows)


def _evaluate(shape, point, columns):
    """The value, and what the gradient wants of it."""
    row, filtered, roots, weights = np.zeros(POINT), np.zeros_like(columns), np.zeros(N), np.zeros(len(columns))
    set_product(point, row)
    value, squares = product_value(shape, row, columns, N, filtered, roots, weights)
    return value, squares, row, filtered, roots, weights


def _gradient(shape, point, columns):
    _, squares, row, filtered, roots, weights = _evaluate(shape, point, columns)
    own, errors, slope, jacobian = np.zeros(N), np.zeros(N), np.zeros(POINT), np.zeros((POINT, POINT))
    combine(N, columns, weights, own)
    combine(N, filtered, weights, errors)
    trail, pulls = np.zeros((N, 2, shape[6])), np.zeros((2, N + shape[6]))
    product_slope(shape, row, N, squares, own, errors, roots, trail, pulls, slope)
    set_product_jacobian(point, jacobian)
    return jacobian.T @ slope


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_gradient_equals_central_differences(order, scale):
    generator, shape = np.random.default_rng([*order.shape, int(10 * scale)]), order.shape
    columns, free = _columns(order, generator), [place for place in range(POINT) if is_free(shape, place)]
    point = np.zeros(POINT)
    point[free] = generator.uniform(-scale, scale, len(free))
    gradient = _gradient(shape, point, columns)
    for place in free:
        values = []
        for step in (-6e-4, -3e-4, 3e-4, 6e-4):
            moved = point.copy()
            moved[place] += step
            values.append(_evaluate(shape, moved, columns)[0])
        expected = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 36e-4
        assert gradient[place] == pytest.approx(expected, rel=1e-6, abs=1e-6), place


def test_gradient_where_the_start_is_forgotten_at_once():
    """Coefficients that are zero: gains are put at their limits within r bars, and how they move is not lost there."""
    order = ArmaOrder(2, 0, 1, seasonal=(1, 0, 1, 5), regressors=1)
    columns, point = _columns(order, np.random.default_rng(1)), np.zeros(POINT)
    gradient = _gradient(order.shape, point, columns)
    for place in (0, 1, 3, 6, 8):
        moved = np.eye(POINT)[place] * 1e-4
        expected = (_evaluate(order.shape, moved, columns)[0] - _evaluate(order.shape, -moved, columns)[0]) / 2e-4
        assert gradient[place] == pytest.approx(expected, rel=1e-6), place
