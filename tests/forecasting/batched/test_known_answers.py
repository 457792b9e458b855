"""Published fits: Stata's examples that statsmodels' documentation cites, and those of R's help for `arima`."""

import numpy as np
import pytest

from tradepipe.forecasting.batched import ArmaOrder, fit_arma

# Monthly accidental deaths in the USA, 1973 to 1978 (Brockwell and Davis 1991, "Time Series: Theory and Methods").
DEATHS = """
9007 8106 8928 9137 10017 10826 11317 10744 9713 9938 9161 8927 7750 6981 8038 8422 8714 9512 10120 9823 8743 9129 8710
8680 8162 7306 8124 7870 9387 9556 10093 9620 8285 8466 8160 8034 7717 7461 7767 7925 8623 8945 10078 9179 8037 8488
7874 8647 7792 6957 7726 8106 8890 9299 10625 9302 8314 8850 8265 8796 7836 6892 7791 8192 9115 9434 10484 9827 9110
9070 8633 9240
"""

# Luteinizing hormone in blood, every ten minutes (Diggle 1990, "Time Series: A Biostatistical Introduction").
HORMONE = """
2.4 2.4 2.4 2.2 2.1 1.5 2.3 2.3 2.5 2.0 1.9 1.7 2.2 1.8 3.2 3.2 2.7 2.2 2.2 1.9 1.9 1.8 2.7 3.0 2.3 2.0 2.0 2.9 2.9 2.7
2.7 2.3 2.6 2.4 1.8 1.7 1.5 1.4 2.1 3.3 3.5 3.5 3.1 2.6 2.1 3.4 3.0 2.9
"""


def _series(text):
    return np.array(text.split(), float)


@pytest.fixture(scope="module")
def stata():
    return pytest.importorskip("statsmodels.tsa.statespace.tests.results.results_sarimax")


def test_wholesale_prices_as_stata_fits_them(stata):
    """[TS] arima, example 1: ARIMA(1, 1, 1) of the wholesale price index, 1960 to 1990."""
    known = stata.wpi1_stationary
    fits = fit_arma([np.array(known["data"])], ArmaOrder(1, 1, 1))
    assert fits.log_likelihood[0] == pytest.approx(known["loglike"], abs=1e-5)
    assert fits.phi[0] == pytest.approx(known["params_ar"], abs=2e-4)
    assert fits.theta[0] == pytest.approx(known["params_ma"], abs=2e-4)
    assert fits.mean[0] == pytest.approx(known["params_mean"][0], abs=1e-3)
    assert fits.variance[0] == pytest.approx(known["params_variance"][0], rel=1e-4)


def test_airline_passengers_as_stata_fits_them(stata):
    """[TS] arima, example 3: (0, 1, 1)(0, 1, 1, 12) of the logarithm, Box and Jenkins' airline model."""
    known = stata.air2_stationary
    order = ArmaOrder(0, 1, 1, mean=False, seasonal=(0, 1, 1, 12))
    fits = fit_arma([np.log(np.array(known["data"], float))], order)
    assert fits.log_likelihood[0] == pytest.approx(known["loglike"], abs=5e-5)
    assert fits.theta[0] == pytest.approx(known["params_ma"], abs=2e-4)
    assert fits.seasonal_theta[0] == pytest.approx(known["params_seasonal_ma"], abs=2e-4)
    assert fits.variance[0] == pytest.approx(known["params_variance"][0], rel=1e-4)


def test_consumption_on_money_as_stata_fits_it(stata):
    """[TS] arima, example 4: Friedman and Meiselman's regression with ARMA(1, 1) errors, 1959 to 1981."""
    known = stata.friedman2_mle
    consumption, money = (np.array(known["data"][name][:92]) for name in ("consump", "m2"))
    fits = fit_arma([consumption], ArmaOrder(1, 0, 1, regressors=1), [money[:, None]])
    assert fits.log_likelihood[0] == pytest.approx(known["loglike"], abs=1e-4)
    assert [fits.mean[0], fits.coefficients[0, 0]] == pytest.approx(known["params_exog"], rel=3e-3)
    assert fits.phi[0] == pytest.approx(known["params_ar"], abs=1e-3)
    assert fits.theta[0] == pytest.approx(known["params_ma"], abs=1e-3)


def test_accidental_deaths_as_r_fits_them():
    fits = fit_arma([_series(DEATHS)], ArmaOrder(0, 1, 1, mean=False, seasonal=(0, 1, 1, 12)))
    assert fits.log_likelihood[0] == pytest.approx(-425.44, abs=0.005)
    assert [fits.theta[0, 0], fits.seasonal_theta[0, 0]] == pytest.approx([-0.4303, -0.5528], abs=1e-3)
    assert fits.variance[0] == pytest.approx(99_347, rel=1e-3)


@pytest.mark.parametrize(
    ("order", "phi", "theta", "mean", "variance", "log_likelihood"),
    [
        (ArmaOrder(1, 0, 0), [0.5739], [], 2.4133, 0.1975, -29.38),
        (ArmaOrder(3, 0, 0), [0.6448, -0.0634, -0.2198], [], 2.3931, 0.1787, -27.09),
        (ArmaOrder(1, 0, 1), [0.4522], [0.1982], 2.4101, 0.1923, -28.76),
    ],
)
def test_hormone_as_r_fits_it(order, phi, theta, mean, variance, log_likelihood):
    fits = fit_arma([_series(HORMONE)], order)
    assert fits.log_likelihood[0] == pytest.approx(log_likelihood, abs=0.005)
    assert fits.phi[0] == pytest.approx(phi, abs=2e-3)
    assert fits.theta[0] == pytest.approx(theta, abs=2e-3)
    assert fits.mean[0] == pytest.approx(mean, abs=1e-3)
    assert fits.variance[0] == pytest.approx(variance, abs=1e-4)
