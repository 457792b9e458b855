import numpy as np

from tradepipe.forecasting.horizons import cumulate, running_sum


def test_cumulative_mean_and_variance_against_simulated_paths():
    phi, theta, level = 0.4, 0.3, 0.05
    omega, alpha, beta = 0.1, 0.15, 0.7
    last_value, last_error, last_variance, horizon, paths = 1.2, -1.5, 0.8, 6, 400_000
    generator = np.random.default_rng(5)
    value, error = np.full(paths, last_value), np.full(paths, last_error)
    variance, total = np.full(paths, last_variance), np.zeros(paths)
    sums = []
    for _ in range(horizon):
        variance = omega + alpha * error**2 + beta * variance
        shock = np.sqrt(variance) * generator.standard_normal(paths)
        value = level + phi * value + shock + theta * error
        error = shock
        total += value
        sums.append(total.copy())
    mean, expected, squares = np.empty((1, horizon)), last_value, np.empty((1, horizon))
    following = omega + alpha * last_error**2 + beta * last_variance
    for h in range(horizon):
        expected = level + phi * expected + (theta * last_error if h == 0 else 0.0)
        mean[0, h], squares[0, h] = expected, following
        following = omega + (alpha + beta) * following
    response = np.array([[1.0, *((phi + theta) * phi**j for j in range(horizon - 1))]])
    total_mean, total_variance = cumulate(mean, response, squares)
    for h in range(horizon):
        deviation = sums[h] - sums[h].mean()
        assert abs(sums[h].mean() - total_mean[0, h]) < 5 * sums[h].std() / np.sqrt(paths)
        assert abs(sums[h].var() - total_variance[0, h]) < 5 * (deviation**2).std() / np.sqrt(paths)


def test_white_noise_adds_up():
    mean, variance = cumulate(np.full((1, 4), 0.5), np.eye(1, 4), np.array([[1.0, 2.0, 3.0, 4.0]]))
    assert mean.tolist() == [[0.5, 1.0, 1.5, 2.0]]
    assert variance.tolist() == [[1.0, 3.0, 6.0, 10.0]]


def test_a_series_does_not_depend_on_the_others_beside_it():
    generator = np.random.default_rng(1)
    parts = generator.normal(size=(3, 37, 8))
    together = cumulate(*parts)
    for row in range(37):
        for whole, alone in zip(together, cumulate(*parts[:, row : row + 1]), strict=True):
            assert whole[row].tobytes() == alone[0].tobytes()


def test_sums_leave_what_they_add_up_alone():
    steps = np.array([[1.0, 2.0]])
    assert running_sum(steps).tolist() == [[1.0, 3.0]]
    assert steps.tolist() == [[1.0, 2.0]]
