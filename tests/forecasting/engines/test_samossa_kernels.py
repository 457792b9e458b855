import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradepipe.forecasting.engines.samossa import eigen, recursion, validation
from tradepipe.forecasting.engines.samossa.factors import factors_of, filtered, recursion_of
from tradepipe.forecasting.engines.samossa.ranks import losses_of
from tradepipe.forecasting.engines.samossa.windows import aligned, moments, page, page_rows, standardised, window_of


def largest(matrix, count):
    work, n = matrix.copy(), len(matrix)
    diagonal, beside, reflections = np.empty(n), np.empty(n), np.empty(n)
    eigen.tridiagonal(work, diagonal, beside, reflections)
    values, vectors = np.empty(count), np.empty((count, n))
    eigen.eigenvalues(diagonal, beside, np.arange(count), values)
    eigen.eigenvectors(diagonal, beside, values, vectors)
    eigen.reflect_back(work, reflections, vectors)
    return values, vectors.T, (diagonal, beside)


def holds(matrix, count):
    values, columns, _ = largest(matrix, count)
    scale = max(1.0, np.abs(matrix).max()) * len(matrix)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1][:count], atol=1e-14 * scale)
    np.testing.assert_allclose(columns.T @ columns, np.eye(count), atol=1e-13)
    np.testing.assert_allclose(matrix @ columns, columns * values, atol=1e-13 * scale)


@pytest.mark.parametrize(("size", "columns"), [(1, 3), (2, 5), (3, 2), (40, 100), (90, 30), (131, 400)])
def test_eigenvectors_of_gram_matrices(size, columns):
    rows = np.random.default_rng(size).standard_normal((columns, size))
    matrix = np.empty((size, size))
    for begin, end in ((size // 3, size), (0, size // 3)):
        eigen.gram(rows, matrix, begin, end)
    eigen.mirror(matrix)
    np.testing.assert_allclose(matrix, rows.T @ rows, rtol=0, atol=1e-12 * columns)
    np.testing.assert_array_equal(matrix, matrix.T)
    holds(matrix, min(size, columns, 30))


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(6),
        np.zeros((4, 4)),
        np.ones((7, 7)),
        np.diag([3.0, 3.0, 2.0, 2.0, 1.0]),
        np.kron(np.eye(3), [[2.0, 1.0], [1.0, 2.0]]),
        1e150 * np.diag(np.arange(1.0, 9.0)),
    ],
    ids=["identity", "zero", "rank one", "pairs", "blocks", "huge"],
)
def test_eigenvectors_of_degenerate_matrices(matrix):
    holds(matrix, 4)


@settings(deadline=None, max_examples=40)
@given(arrays(np.float64, (9, 6), elements=st.floats(-1e3, 1e3, width=32)), st.floats(0, 1e6))
def test_counts_of_eigenvalues(rows, x):
    matrix = rows.T @ rows
    values, _, (diagonal, beside) = largest(matrix, 6)
    clear = np.abs(values - x).min() > 1e-9 * (1 + values[0])
    assert not clear or eigen.count_above(diagonal, beside, x) == (values > x).sum()


def companion_radius(row):
    return np.abs(np.roots(np.concatenate([[1.0], -row[::-1]]))).max(initial=0.0)


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.integers(1, 9), elements=st.floats(-2, 2)), st.sampled_from([1.0, 1.001]))
def test_explosion_is_what_the_companion_matrix_says(row, limit):
    radius, verdict = companion_radius(row), np.empty(1, dtype=np.bool_)
    recursion.contracting(row[None], limit, verdict)
    assert abs(radius - limit) < 1e-4 or verdict[0] == (radius < limit)


def test_explosion_of_long_recursions():
    generator = np.random.default_rng(4)
    rows = generator.standard_normal((16, 120)) * generator.uniform(0.01, 0.09, (16, 1))
    verdicts = np.empty(16, dtype=np.bool_)
    recursion.contracting(rows, 1.0, verdicts)
    radii = np.array([companion_radius(row) for row in rows])
    assert np.abs(radii - 1).min() > 1e-9
    assert 3 < (radii < 1).sum() < 13
    np.testing.assert_array_equal(verdicts, radii < 1)


@given(st.integers(1, 60), st.integers(1, 300))
def test_rows_begin_where_lines_of_the_cache_do(rows, size):
    room = aligned(rows, size)
    assert room.shape[0] == rows
    assert 0 <= room.shape[1] - size < 16
    assert room.flags.c_contiguous
    assert {room[row].ctypes.data % 64 for row in range(rows)} == {0}


@pytest.mark.parametrize("count", [1, 7, 8, 9, 20])
def test_eigenvalues_side_by_side_are_those_alone(count):
    rows = np.random.default_rng(3).standard_normal((30, 21))
    _, _, (diagonal, beside) = largest(rows.T @ rows, 1)
    together, alone = np.empty(count), np.empty(1)
    eigen.eigenvalues(diagonal, beside, np.arange(count), together)
    for place in range(count):
        eigen.eigenvalues(diagonal, beside, np.array([place]), alone)
        assert together[place] == alone[0]


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("ranks", [(1,), (1, 2, 4), (1, 2, 3, 4, 6)])
def test_losses_of_all_ranks_are_those_of_each_model(ranks, order):
    """Against `recursion_of` and `filtered`, which fit and forecast one rank at a time."""
    standard, origin = np.random.default_rng(order).standard_normal((5, 230)), 200
    standard[0] += np.sin(np.arange(230) / 4)
    factors = factors_of(standard[:, :origin], ranks)
    expected = {}
    for rank in ranks:
        model = recursion_of(factors, rank, order, 5)
        begin = origin - len(model.beta) - order
        _, errors = filtered(standard[:, begin:], model.beta, model.alpha)
        expected[rank] = (errors[:, order:] ** 2).sum()
    found = losses_of(standard, origin, factors, order, 1)
    assert found == pytest.approx(expected, rel=1e-12)
    assert losses_of(standard, origin, factors, order, 3) == found


def test_an_exploding_rest_is_left_off_in_validation():
    generator = np.random.default_rng(0)
    rows, alpha = generator.standard_normal((2, 40)), np.empty((1, 2, 1))
    rows[1] = 1.1 ** np.arange(40.0)
    vectors = np.linalg.qr(generator.standard_normal((40, 1)))[0].T.copy()
    vectors[0] -= vectors[0] @ rows[1] / (rows[1] @ rows[1]) * rows[1]  # takes nothing of the explosion
    validation.rest_of_ranks(rows, vectors / np.linalg.norm(vectors), np.array([1]), 1.001, alpha)
    assert alpha[0, 0, 0] != 0.0
    assert alpha[0, 1, 0] == 0.0


@pytest.mark.parametrize("bars", [7, 8, 100, 203])
def test_moments_of_the_first_bars(bars):
    block = np.random.default_rng(bars).standard_normal((6, 210)) * [[1e-9], [1.0], [1e9], [1.0], [1.0], [1.0]]
    block[3, : bars + 1], block[4, bars // 2] = 0.1, np.nan
    block[5] += 1e12
    center, scale = moments(block, bars)
    known = [0, 1, 2]
    apart = (center[known] - block[known, :bars].mean(axis=1)) / scale[known]
    np.testing.assert_allclose(apart, 0.0, atol=1e-14)
    np.testing.assert_allclose(scale[known], block[known, :bars].std(axis=1), rtol=1e-13)
    assert np.isinf(scale[[3, 4, 5]]).all()  # nothing, something missing, rounding
    np.testing.assert_array_equal(
        standardised(block, center, scale, bars)[known],
        (block[known, :bars] - center[known, None]) / scale[known, None],
    )


@pytest.mark.parametrize("order", [0, 1, 2, 3, 6])
def test_autoregression_is_least_squares(order):
    rest = np.random.default_rng(order).standard_normal((4, 90)).cumsum(axis=1)
    alpha = np.empty((4, order))
    recursion.autoregress(rest, alpha)
    for row, found in zip(rest, alpha, strict=True):
        past = np.column_stack([row[i : 90 - order + i] for i in range(order)]) if order else np.empty((90, 0))
        np.testing.assert_allclose(found, np.linalg.lstsq(past, row[order:], rcond=None)[0], rtol=1e-9, atol=1e-9)


def test_autoregression_of_nothing_is_nothing():
    alpha = np.full((2, 2), np.nan)
    recursion.autoregress(np.stack([np.zeros(30), np.ones(30)]), alpha)
    np.testing.assert_array_equal(alpha, np.zeros((2, 2)))  # the second row's lags are one and the same


def test_rest_is_what_projection_leaves():
    generator = np.random.default_rng(1)
    rows, basis = generator.standard_normal((7, 11)), np.linalg.qr(generator.standard_normal((11, 3)))[0].T
    rest = np.empty_like(rows)
    recursion.common_part(rows, np.ascontiguousarray(basis), rest)
    np.testing.assert_allclose(rest, rows - rows @ basis.T @ basis, atol=1e-14)


def test_page_matrix_drops_the_oldest_values():
    values = np.arange(2 * 103.0).reshape(2, 103)
    size = page_rows(2, 103)
    dropped = 103 % size
    assert dropped > 0
    columns = page(values)
    assert len(columns) == 2 * (103 // size)
    np.testing.assert_array_equal(columns[:, :size].reshape(2, -1), values[:, dropped:])
    np.testing.assert_array_equal(columns[:, size:], 0.0)
    assert columns.shape[1] > size


@given(st.integers(1, 5000), st.integers(100, 10_000))
def test_page_matrix_has_room(series, bars):
    size = page_rows(series, bars)
    columns = bars // size
    assert 2 <= size <= 1 + max(bars / 2, 2)
    assert columns >= 2
    assert bars % size <= columns  # few values are lost
    assert size <= 1 + (series * bars / 4) ** 0.5
    assert size <= series * columns  # the matrix is wide


@pytest.mark.parametrize(
    ("lengths", "bars"),
    [([1000], 1000), ([1000] * 20 + [10], 1000), ([600] * 20 + [1000], 600), ([1000] * 9 + [500] * 2, 1000)],
)
def test_window_is_what_most_series_have(lengths, bars):
    assert window_of(np.array(lengths)) == bars


def test_ranks_stop_where_the_matrix_does():
    wave = np.sin(np.arange(300) / 5)
    standard = np.stack([wave, np.cos(np.arange(300) / 5)])
    factors = factors_of(standard, (1, 2, 5, 0))
    assert factors.ranks == {1: 1, 2: 2, 5: 2, 0: 2}
    assert len(factors.vectors) == 2
    noise = np.random.default_rng(0).standard_normal((2, 300))
    assert factors_of(noise, (10_000,)).ranks == {10_000: page_rows(2, 300) - 1}
