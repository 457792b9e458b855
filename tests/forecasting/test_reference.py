"""The reference engine against its peers' own forecasts, origin by origin."""

import numpy as np
import pytest
from arch import arch_model
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov
from statsmodels.tsa.arima_process import arma2ma
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tradepipe.forecasting.arma import fit_mean, stationary_start
from tradepipe.forecasting.garch import fit_volatility
from tradepipe.forecasting.horizons import Garch, StateSpace, cumulate, garch_variances, impulse_response, state_means
from tradepipe.forecasting.reference import arma_garch
from tradepipe.forecasting.specs import ModelSpec

FITTED, COUNT, HORIZON = 600, 640, 5
ORIGINS = [600, 607, 619, 633, 639]


def spec(arma=(1, 0, 1), garch=(1, 1)):
    return ModelSpec("arma_garch", FITTED, FITTED, arma_order=arma, garch_order=garch)


@pytest.fixture(scope="module")
def returns(make):
    return make.simulate(11, COUNT)


def peer(values, order, parameters):
    """SARIMAX on `values` with given parameters, never fitted."""
    model = SARIMAX(values, order=order, trend="c", concentrate_scale=True)
    return model.smooth([parameters[name] for name in model.param_names])


@pytest.mark.parametrize("order", [(1, 0, 1), (2, 0, 1), (0, 0, 2), (1, 0, 0), (1, 1, 1)])
def test_means_are_statsmodels_forecasts(returns, order):
    prediction = arma_garch(returns, FITTED, spec(order), HORIZON)
    fit = prediction.fit
    trained = peer(returns[:FITTED] * fit.scale, order, fit.parameters)
    for origin in ORIGINS:
        there = trained.append(returns[FITTED : origin + 1] * fit.scale)
        expected = np.cumsum(there.forecast(HORIZON)) / fit.scale
        np.testing.assert_allclose(prediction.mean[:, origin - FITTED], expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    ("arma", "garch"), [((1, 0, 1), (1, 1)), ((2, 0, 0), (2, 1)), ((1, 0, 1), (1, 2)), ((0, 0, 1), (1, 0))]
)
def test_variances_are_archs_forecasts_through_the_psi_weights(returns, arma, garch):
    prediction = arma_garch(returns, FITTED, spec(arma, garch), HORIZON)
    fit = prediction.fit
    innovations = peer(returns * fit.scale, arma, fit.parameters).resid
    ar = [1, *(-fit.parameters[f"ar.L{lag}"] for lag in range(1, arma[0] + 1))]
    ma = [1, *(fit.parameters[f"ma.L{lag}"] for lag in range(1, arma[2] + 1))]
    weights = np.cumsum(arma2ma(ar, ma, HORIZON)) ** 2
    for origin in ORIGINS:
        model = arch_model(
            innovations[: origin + 1], mean="Zero", vol="GARCH", p=garch[0], q=garch[1], dist="t", rescale=False
        )
        fixed = model.fix([fit.parameters[name] for name in fixed_names(garch)])
        steps = fixed.forecast(horizon=HORIZON).variance.to_numpy()[-1]
        expected = [weights[h::-1] @ steps[: h + 1] / fit.scale**2 for h in range(HORIZON)]
        np.testing.assert_allclose(prediction.variance[:, origin - FITTED], expected, rtol=1e-8)


def fixed_names(garch):
    alphas = [f"alpha[{lag}]" for lag in range(1, garch[0] + 1)]
    return ["omega", *alphas, *(f"beta[{lag}]" for lag in range(1, garch[1] + 1)), "nu"]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_likelihood_is_statsmodels_own_and_not_short_of_its_optimum(make, seed):
    values = 100 * make.simulate(seed, 500)
    fit = fit_mean(values, 500, (1, 0, 1))
    same = peer(values, (1, 0, 1), fit.parameters)
    default = SARIMAX(values, order=(1, 0, 1), trend="c", concentrate_scale=True).fit(disp=0)
    assert fit.log_likelihood == pytest.approx(same.llf, rel=1e-12)
    assert fit.log_likelihood > default.llf - 1e-3


def test_filter_without_refit_is_append_without_refit(returns):
    fit = fit_mean(100 * returns, FITTED, (1, 0, 1))
    appended = peer(100 * returns[:FITTED], (1, 0, 1), fit.parameters).append(100 * returns[FITTED:])
    np.testing.assert_allclose(fit.innovations, appended.resid, rtol=1e-9, atol=1e-12)


def test_fitted_garch_is_archs_fit_and_its_filter_archs_fix(returns):
    innovations = 100 * returns
    ours = fit_volatility(innovations, FITTED, (1, 1))
    theirs = arch_model(innovations[:FITTED], mean="Zero", p=1, q=1, dist="t", rescale=False).fit(disp="off")
    fixed = arch_model(innovations, mean="Zero", p=1, q=1, dist="t", rescale=False).fix(theirs.params)
    assert list(ours.parameters.values()) == pytest.approx(list(theirs.params), rel=1e-12)
    np.testing.assert_allclose(ours.variances, fixed.conditional_volatility**2, rtol=1e-10)


def test_filtered_variances_know_nothing_of_later_bars(returns):
    quiet = fit_volatility(100 * returns, FITTED, (1, 1)).variances
    wild = 100 * returns.copy()
    wild[FITTED + 20 :] = 1e6
    np.testing.assert_array_equal(fit_volatility(wild, FITTED, (1, 1)).variances[: FITTED + 21], quiet[: FITTED + 21])


def test_quantile_is_that_of_a_t_law_of_variance_one(returns):
    prediction = arma_garch(returns, FITTED, spec(), HORIZON)
    law = stats.t(prediction.fit.degrees_of_freedom)
    assert prediction.quantile == pytest.approx(law.ppf(0.975) / law.std(), rel=1e-9)


def test_stationary_start_solves_its_equations():
    transition = np.array([[0.5, 1.0], [0.3, 0.0]])
    selection = np.array([[1.0], [-0.4]])
    intercept = np.array([0.2, 0.0])
    mean, covariance = stationary_start(transition, intercept, selection @ selection.T)
    np.testing.assert_allclose(mean, np.linalg.solve(np.eye(2) - transition, intercept), rtol=1e-12)
    np.testing.assert_allclose(covariance, solve_discrete_lyapunov(transition, selection @ selection.T), rtol=1e-12)


def test_stationary_start_near_the_unit_root():
    mean, covariance = stationary_start(np.array([[0.9999]]), np.array([0.001]), np.array([[1.0]]))
    assert mean[0] == pytest.approx(10.0, rel=1e-9)
    assert covariance[0, 0] == pytest.approx(1 / (1 - 0.9999**2), rel=1e-9)


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
    space = StateSpace(
        transition=np.array([[phi, 1.0], [0.0, 0.0]]),
        intercept=np.array([level, 0.0]),
        design=np.array([1.0, 0.0]),
        selection=np.array([1.0, theta]),
    )
    state = np.array([[level + phi * last_value + theta * last_error], [0.0]])
    garch = Garch(omega, np.array([alpha]), np.array([beta]))
    steps = garch_variances(garch, np.array([[last_error**2]]), np.array([[last_variance]]), horizon)
    mean, variance = cumulate(state_means(space, state, horizon), steps, impulse_response(space, horizon))
    for h in range(horizon):
        deviation = sums[h] - sums[h].mean()
        assert abs(sums[h].mean() - mean[h, 0]) < 5 * sums[h].std() / np.sqrt(paths)
        assert abs(sums[h].var() - variance[h, 0]) < 5 * (deviation**2).std() / np.sqrt(paths)


def test_an_origin_does_not_depend_on_the_others_beside_it():
    generator = np.random.default_rng(1)
    space = StateSpace(
        generator.normal(size=(3, 3)), generator.normal(size=3), generator.normal(size=3), generator.normal(size=3)
    )
    states = generator.normal(size=(3, 37))
    together = state_means(space, states, 8)
    alone = np.concatenate([state_means(space, states[:, [i]], 8) for i in range(37)], axis=1)
    np.testing.assert_array_equal(together, alone)
