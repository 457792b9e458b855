import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano


def test_by_hand_one_step_ahead():
    # mean 2, deviations -1 1 0 -1 1, variance 4/5; Harvey-Leybourne-Newbold factor sqrt(4/5).
    test = diebold_mariano(np.array([1.0, 3.0, 2.0, 1.0, 3.0]), 1)
    expected = 2 / math.sqrt(0.8 / 5) * math.sqrt(4 / 5)
    assert test.statistic == pytest.approx(expected, rel=1e-12)
    assert test.p_value == pytest.approx(2 * stats.t(4).sf(expected), rel=1e-12)


def shuffled():
    """random.sample(range(100), 100) of Python 2, which the example below was made with."""
    pool, drawn = list(range(100)), []
    for place in range(100):
        at = int(random.random() * (100 - place))  # noqa: S311 - the example's own numbers
        drawn.append(pool[at])
        pool[at] = pool[99 - place]
    return np.array(drawn, dtype=float)


def test_the_published_example_of_johntwk_dm_test():
    """README of johntwk/Diebold-Mariano-Test: random.seed(123), three shuffled lists, h = 1."""
    random.seed(123)
    actual, first, second = (shuffled() for _ in range(3))
    published = {
        1: (1.3275742446369585, 0.18737195617455585),
        2: (1.2112523589452902, 0.22868210381769466),
        4: (0.9124498079287283, 0.36374861695187799),
    }
    for power, told in published.items():
        test = diebold_mariano(np.abs(actual - first) ** power - np.abs(actual - second) ** power, 1)
        assert (test.statistic, test.p_value) == pytest.approx(told, rel=1e-12)


def test_the_published_examples_of_dieboldmariano():
    """Tests of edoannunziata/dieboldmariano, to the places given there; the second of absolute errors, h = 3."""
    test = diebold_mariano(np.arange(6.0) ** 2 - np.array([0, 2, 3, 3, 5, 6.0]) ** 2, 1)
    assert (test.statistic, test.p_value) == pytest.approx((-2.4905, 0.05513), abs=5e-5)
    first = """0.3675225224615024 0.5450608127223211 0.22044990720021074 0.8688743471040006 0.6072512228948467
        0.8582283746501538 0.41662295816718187 0.3812100211114714 0.7185133356116706 0.30827323290318875
        0.4297093624074402 0.8615974488577858 0.7240514514808826 0.3450839595261038 0.19675301374013598"""
    second = """0.12794132529988733 0.3679643204341153 0.768715420996091 0.09972248964114683 0.27197653636654284
        0.28797629010039505 0.9160213458582482 0.6112628048698798 0.5452873235576241 0.06785907231746158
        0.6072666485541124 0.6241575753989782 0.39998026828867217 0.19895665605941748 0.8094941215215619"""
    test = diebold_mariano(np.array(first.split(), float) - np.array(second.split(), float), 3)
    assert test.statistic == pytest.approx(1.2109, abs=5e-5)
    assert 1 - test.p_value / 2 == pytest.approx(0.877, abs=5e-4)


@pytest.mark.parametrize("horizon", [1, 3])
def test_of_a_panel_is_driscoll_and_kraay(horizon):
    """statsmodels sums the scores by time as Driscoll & Kraay do."""
    generator = np.random.default_rng(horizon)
    common = np.convolve(generator.normal(0.1, 1, 200 + horizon - 1), np.ones(horizon), mode="valid")
    times = np.concatenate([np.flatnonzero(generator.random(200) < share) for share in (1.0, 0.7, 0.5)])
    difference = common[times] + 0.3 * generator.normal(size=len(times))
    order = np.argsort(times, kind="stable")
    regression = OLS(difference[order], np.ones(len(times))).fit(
        cov_type="hac-groupsum",
        cov_kwds={
            "time": times[order],
            "maxlags": horizon - 1,
            "use_correction": False,
            "weights_func": lambda lags: np.ones(lags + 1),
        },
    )
    sums, counts = (np.bincount(times, weights) for weights in (difference, None))
    test = diebold_mariano(sums, horizon, counts)
    correction = (201 - 2 * horizon + horizon * (horizon - 1) / 200) / 200
    assert test.statistic == pytest.approx(float(regression.tvalues[0]) * math.sqrt(correction), rel=1e-9)


def test_a_time_without_forecasts_keeps_lags_true_and_counts_for_nothing():
    difference = np.random.default_rng(5).normal(0.2, 1, 40)
    assert diebold_mariano(difference, 1) == diebold_mariano(difference, 1, np.ones(40))
    apart = np.zeros(80)
    apart[::2] = difference
    test = diebold_mariano(apart, 2, np.tile([1.0, 0.0], 40))
    # Every lag of one holds a missing time, so that only the variance is left, as at horizon 1.
    alone = diebold_mariano(difference, 1)
    ratio = math.sqrt((41 - 4 + 2 / 40) / (41 - 2))
    assert test.statistic == pytest.approx(alone.statistic * ratio, rel=1e-12)


def test_forecasts_of_one_time_are_no_independent_witnesses():
    difference = np.random.default_rng(6).normal(0.2, 1, 50)
    alone = diebold_mariano(difference, 1)
    hundredfold = diebold_mariano(100 * difference, 1, np.full(50, 100.0))
    assert hundredfold.statistic == pytest.approx(alone.statistic)


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_is_a_hac_regression_on_a_constant_with_the_small_sample_correction(horizon):
    generator = np.random.default_rng(horizon)
    difference = np.convolve(generator.normal(0.1, 1, 300 + horizon - 1), np.ones(horizon), mode="valid")
    regression = OLS(difference, np.ones(300)).fit(
        cov_type="HAC", cov_kwds={"maxlags": horizon - 1, "kernel": "uniform", "use_correction": False}
    )
    correction = (301 - 2 * horizon + horizon * (horizon - 1) / 300) / 300
    expected = float(regression.tvalues[0]) * math.sqrt(correction)
    test = diebold_mariano(difference, horizon)
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.p_value == pytest.approx(2 * stats.t(299).sf(abs(expected)), rel=1e-9)


def test_a_negative_long_run_variance_gives_way_to_bartlett_weights():
    difference = np.array([1.0, -1.0] * 20) + 0.1
    regression = OLS(difference, np.ones(40)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 1, "kernel": "bartlett", "use_correction": False}
    )
    test = diebold_mariano(difference, 2)
    assert test.statistic == pytest.approx(float(regression.tvalues[0]) * math.sqrt((41 - 4 + 2 / 40) / 40), rel=1e-9)


@pytest.mark.parametrize(
    ("difference", "horizon"), [([], 1), ([0.0] * 50, 1), ([0.3] * 50, 2), ([1.0, 2.0, 3.0, 4.0], 2)]
)
def test_no_difference_or_too_few_are_no_verdict(difference, horizon):
    test = diebold_mariano(np.array(difference, dtype=float), horizon)
    assert (test.statistic, test.p_value) == (None, None)


def test_the_unit_of_the_loss_does_not_matter():
    difference = np.random.default_rng(2).normal(0.1, 1, 60)
    assert diebold_mariano(difference * 1e-200, 3).statistic == pytest.approx(diebold_mariano(difference, 3).statistic)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=40), st.integers(1, 5))
def test_swapping_the_forecasts_swaps_the_sign(values, horizon):
    forth, back = (diebold_mariano(sign * np.array(values), horizon) for sign in (1, -1))
    if forth.statistic is None:
        assert back.statistic is None
    else:
        assert back.statistic == pytest.approx(-forth.statistic)
        assert back.p_value == pytest.approx(forth.p_value)
        assert 0 <= forth.p_value <= 1
