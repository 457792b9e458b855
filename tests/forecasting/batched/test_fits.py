"""What a fit finds: known answers, invariances, hostile series, warm starts."""

import warnings

import numpy as np
import pytest
from scipy.signal import lfilter

from tests.forecasting.batched.made import arma, walk
from tradepipe.forecasting.batched import ArmaFits, ArmaOrder, FitStatus, filter_arma, fit_arma, forecast_arma
from tradepipe.forecasting.batched.polynomials import HEIGHT

FIRST = ArmaOrder(1, 0, 1)


def test_nile_flow_has_the_known_optimum():
    """Annual flow at Aswan, 1871 to 1970: against statsmodels' exact likelihood from several starts."""
    nile = pytest.importorskip("statsmodels.datasets.nile")
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    flow = nile.load_pandas().data["volume"].to_numpy(float)
    fits = fit_arma([flow], ArmaOrder(0, 1, 1, mean=False))
    peer = sarimax(np.diff(flow), order=(0, 0, 1), concentrate_scale=True).fit(disp=0)
    assert fits.log_likelihood[0] == pytest.approx(peer.llf, abs=1e-5)
    assert fits.theta[0, 0] == pytest.approx(peer.params[0], abs=1e-3)


def test_autoregression_of_order_one_by_hand():
    """The exact AR(1) optimum is where the derivative of the textbook likelihood is zero."""
    w = arma(200, 0.6, 0.0)
    fits = fit_arma([w], ArmaOrder(1, 0, 0, mean=False))

    def likelihood(phi):
        lagged, crossed, own = w[:-1] @ w[:-1], w[1:] @ w[:-1], w[1:] @ w[1:]
        squares = (1 - phi**2) * w[0] ** 2 + own - 2 * phi * crossed + phi**2 * lagged
        return -0.5 * (len(w) * (np.log(2 * np.pi * squares / len(w)) + 1) - np.log(1 - phi**2))

    grid = np.linspace(0.3, 0.9, 60_001)
    assert fits.phi[0, 0] == pytest.approx(grid[np.argmax(likelihood(grid))], abs=2e-5)
    assert fits.log_likelihood[0] == pytest.approx(likelihood(fits.phi[0, 0]), rel=1e-12)


def test_no_lag_is_mean_and_variance():
    w = walk(100)
    fits = fit_arma([w], ArmaOrder(0, 0, 0))
    assert fits.mean[0] == pytest.approx(w.mean(), rel=1e-12)
    assert fits.variance[0] == pytest.approx(w.var(), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("order", [FIRST, ArmaOrder(2, 0, 0), ArmaOrder(0, 1, 1), ArmaOrder(0, 0, 2)])
def test_never_below_statsmodels(order):
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    batch = [arma(250, 0.7, -0.4, seed).cumsum() if order.d else arma(250, 0.7, -0.4, seed) for seed in range(4)]
    fits = fit_arma(batch, order, starts=6)
    for series, ours in zip(batch, fits.log_likelihood, strict=True):
        values = np.diff(series) if order.d else series
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that statsmodels does not converge is its own affair
            peer = sarimax(values, order=(order.p, 0, order.q), trend="c").fit(disp=0, cov_type="none")
        assert ours > peer.llf - 1e-3


@pytest.mark.parametrize("scale", [2.0**40, 2.0**-300, 1e-4, 37.0])
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_scale_and_shift_change_nothing_else(scale, shift):
    w = arma(300, 0.8, -0.5)
    plain, moved = fit_arma([w], FIRST), fit_arma([(w + shift) * scale], FIRST)
    assert moved.phi[0] == pytest.approx(plain.phi[0], abs=1e-5)
    assert moved.theta[0] == pytest.approx(plain.theta[0], abs=1e-5)
    assert moved.mean[0] / scale - shift == pytest.approx(plain.mean[0], abs=1e-5)
    assert moved.log_likelihood[0] + 300 * np.log(scale) == pytest.approx(plain.log_likelihood[0], abs=1e-6)
    if shift == 0.0 and np.log2(scale) % 1 == 0:
        assert moved.phi[0] == plain.phi[0]


def test_order_and_company_of_the_series_change_no_digit():
    batch = [arma(120 + 30 * seed, 0.5, -0.3, seed) for seed in range(5)]
    together = fit_arma(batch, ArmaOrder(2, 0, 1))
    backwards = fit_arma(batch[::-1], ArmaOrder(2, 0, 1))
    alone = np.concatenate([fit_arma([series], ArmaOrder(2, 0, 1)).numbers for series in batch])
    np.testing.assert_array_equal(together.numbers, backwards.numbers[::-1])
    np.testing.assert_array_equal(together.numbers, alone)


def _spike(size):
    w = np.random.default_rng(5).standard_normal(300)
    w[150] = size
    return w


HOSTILE = {
    "constant": (np.full(300, 7.25), FitStatus.CONSTANT),
    "constant but for rounding": (0.1 + 1e-17 * np.arange(300), FitStatus.CONSTANT),
    "zeros": (np.zeros(300), FitStatus.CONSTANT),
    "ten points": (walk(10), FitStatus.SHORT),
    "none": (np.empty(0), FitStatus.SHORT),
    "gap": (np.r_[walk(150), np.nan, walk(149)], FitStatus.NOT_FINITE),
    "infinite": (np.r_[walk(150), np.inf, walk(149)], FitStatus.NOT_FINITE),
    "spike of 50 sigma": (_spike(50.0), FitStatus.FITTED),
    "spike of 1e9 sigma": (_spike(1e9), None),
    "nothing, then a jump": (np.r_[np.zeros(250), np.full(50, 3.0)], None),
    "two values in turn": (np.tile([1.0, -1.0], 150), None),
    "straight line": (np.arange(300.0), None),
    "random walk": (np.random.default_rng(1).standard_normal(300).cumsum(), None),
    "huge": (walk(300) * 1e300, None),
    "tiny": (walk(300) * 1e-300, None),
}


@pytest.mark.parametrize(
    "order", [FIRST, ArmaOrder(0, 0, 2), ArmaOrder(2, 1, 2), ArmaOrder(3, 0, 3), ArmaOrder(1, 0, 0)]
)
def test_hostile_series_say_so_and_disturb_nobody(order):
    good = arma(300, 0.5, -0.3)
    batch = [good, *(series for series, _ in HOSTILE.values()), good]
    fits = fit_arma(batch, order)
    alone = fit_arma([good], order)
    np.testing.assert_array_equal(fits.numbers[[0, -1]], np.repeat(alone.numbers, 2, axis=0))
    means, responses = forecast_arma(fits, filter_arma(batch, fits)[0], 5)
    for place, (name, (series, expected)) in enumerate(HOSTILE.items(), start=1):
        if expected is not None and order.d == 0:
            assert fits.status[place] == expected, name
        if fits.status[place] in {FitStatus.SHORT, FitStatus.NOT_FINITE}:
            assert np.isnan(fits.numbers[place, : HEIGHT + 1]).all(), name
            continue
        if name not in {"huge", "tiny"}:  # their variance is beyond the floats
            assert np.isfinite(fits.numbers[place, :HEIGHT]).all(), name
            assert np.isfinite(responses[place]).all(), name
        assert np.isfinite(means[place]).all(), name
        assert (np.abs(means[place]) <= 20 * np.abs(series).max()).all(), name


@pytest.mark.slow
def test_a_constant_is_forecast_as_itself():
    series = np.full(50, 7.25)
    for order in (FIRST, ArmaOrder(1, 1, 1), ArmaOrder(1, 0, 1, seasonal=(1, 1, 0, 5))):
        fits = fit_arma([series], order)
        means, _ = forecast_arma(fits, filter_arma([series], fits)[0], 3)
        np.testing.assert_array_equal(means, np.full((1, 3), 7.25))
        assert fits.variance[0] == 0.0


def test_warm_start_takes_far_fewer_evaluations():
    batch = [arma(400, 0.6, -0.2, seed) for seed in range(10)]
    yesterday = fit_arma([series[:-1] for series in batch], FIRST)
    cold, warm = fit_arma(batch, FIRST), fit_arma(batch, FIRST, starts=2, warm=yesterday, rotation=1)
    assert warm.evaluations.sum() <= 0.6 * cold.evaluations.sum()
    np.testing.assert_allclose(warm.log_likelihood, cold.log_likelihood, atol=1e-3)


def test_a_basin_tried_beside_a_warm_start_leads_out_of_a_stale_optimum():
    series = arma(400, 0.6, -0.2)
    stale = fit_arma([series], FIRST)
    stale.numbers[0, 0], stale.numbers[0, 3] = -0.97, 0.99
    cold = fit_arma([series], FIRST)
    kept = fit_arma([series], FIRST, starts=0, warm=stale)
    led = [fit_arma([series], FIRST, starts=1, warm=stale, rotation=day) for day in range(8)]
    assert max(fits.log_likelihood[0] for fits in led) == pytest.approx(cold.log_likelihood[0], abs=1e-4)
    assert all(fits.log_likelihood[0] >= kept.log_likelihood[0] - 1e-9 for fits in led)


def _resonance(radius, other, frequency, seed, n=1000):
    """Noise with a narrow peak: an autoregression and a moving average that nearly cancel at one frequency."""
    shocks = np.random.default_rng(seed).standard_normal(n + 2000)
    ar, ma = ([1.0, -2.0 * one * np.cos(frequency), one * one] for one in (radius, other))
    return lfilter(ma, ar, shocks)[2000:]


@pytest.mark.parametrize(("radius", "other"), [(0.985, 0.999), (0.99, 0.98), (0.997, 0.99)])
def test_narrow_peaks_and_notches_are_found_at_any_frequency(radius, other):
    """Never below the optimum next to what the series was made of, which lies between the points of the grid."""
    order, made = ArmaOrder(2, 0, 2), [(frequency, seed) for frequency in (1.1, 1.48, 2.8) for seed in range(3)]
    batch = [_resonance(radius, other, *one) for one in made]
    fits = fit_arma(batch, order)
    truth, cosines = fits.numbers.copy(), np.cos([frequency for frequency, _ in made])
    truth[:, 0], truth[:, 1] = 2 * radius * cosines, -(radius**2)
    truth[:, 3], truth[:, 4] = -2 * other * cosines, other**2
    near = fit_arma(batch, order, starts=0, warm=ArmaFits(order, fits.status, truth))
    assert (fits.log_likelihood > near.log_likelihood - 1e-3).all()


def test_a_warm_start_at_the_edge_stays_or_leaves():
    """A moving average at -1: the next day it is there still; of a series that has none it comes away."""
    shocks = np.random.default_rng(3).standard_normal(601)
    differenced, order = np.diff(shocks), ArmaOrder(0, 0, 1)
    before = fit_arma([differenced[:-1]], order)
    assert before.theta[0, 0] < -0.999
    stays = fit_arma([differenced], order, starts=0, warm=before)
    assert stays.log_likelihood[0] == pytest.approx(fit_arma([differenced], order).log_likelihood[0], abs=1e-3)
    assert stays.evaluations[0] <= 4
    other = arma(300, 0.0, -0.95, 1)
    leaves = fit_arma([other], order, starts=0, warm=before)
    assert leaves.log_likelihood[0] == pytest.approx(fit_arma([other], order).log_likelihood[0], abs=1e-3)


def test_warm_row_without_numbers_starts_cold():
    short, series = walk(5), arma(200, 0.5, 0.1)
    before = fit_arma([short, series], FIRST)
    after = fit_arma([series, series], FIRST, warm=before, starts=3)
    np.testing.assert_array_equal(after.numbers[0], fit_arma([series], FIRST).numbers[0])


def test_wrong_requests_are_refused():
    with pytest.raises(ValueError, match="reference engine"):
        ArmaOrder(4, 0, 1)
    with pytest.raises(ValueError, match="at least 1"):
        fit_arma([walk(100)], FIRST, starts=0)
    with pytest.raises(ValueError, match="1 series and the batch 2"):
        fit_arma([walk(100)] * 2, FIRST, warm=fit_arma([walk(100)], FIRST))


def test_empty_batch():
    fits = fit_arma([], FIRST)
    assert fits.status.shape == (0,)
    assert forecast_arma(fits, filter_arma([], fits)[0], 3)[0].shape == (0, 3)
