import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from tradepipe.forecasting.evaluation.laws import law_scores

FREEDOMS = [math.inf, 2.1, 3.0, 5.5, 30.0, 500.0]


def law_of(volatility, freedom):
    if math.isinf(freedom):
        return stats.norm(scale=volatility)
    return stats.t(freedom, scale=volatility * math.sqrt((freedom - 2) / freedom))


def scored(error, volatility, freedom):
    log_score, crps = law_scores(np.array([error]), np.array([volatility]), np.array([freedom]))
    return log_score[0], crps[0]


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("error", [-0.07, -0.01, 0.0, 0.003, 0.2])
def test_against_the_density_and_the_integral_that_define_them(error, freedom):
    law = law_of(0.02, freedom)
    # CRPS is the integral of the squared distance between the law and the step at the outcome; scaled to unit size.
    below, _ = quad(lambda x: law.cdf(0.02 * x) ** 2, -np.inf, error / 0.02, epsabs=1e-12, limit=200)
    above, _ = quad(lambda x: law.sf(0.02 * x) ** 2, error / 0.02, np.inf, epsabs=1e-12, limit=200)
    log_score, crps = scored(error, 0.02, freedom)
    assert log_score == pytest.approx(law.logpdf(error), rel=1e-12)
    assert crps == pytest.approx(0.02 * (below + above), rel=1e-7)


def test_crps_of_a_normal_law_at_its_mean_by_hand():
    # sigma (2 phi(0) - 1 / sqrt(pi)) = sigma (sqrt(2) - 1) / sqrt(pi).
    assert scored(0.0, 3.0, math.inf)[1] == pytest.approx(3 * (math.sqrt(2) - 1) / math.sqrt(math.pi), rel=1e-14)


def test_no_degrees_of_freedom_mean_the_normal_law():
    assert scored(0.01, 0.02, math.nan) == scored(0.01, 0.02, math.inf)


def test_the_t_law_becomes_the_normal_one():
    close, far = scored(0.01, 0.02, 9.9e5), scored(0.01, 0.02, 1e7)
    assert close == pytest.approx(far, rel=1e-5)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 3), st.sampled_from(FREEDOMS)), min_size=1, max_size=20),
    st.floats(1e-3, 1e3),
)
def test_unit_and_company_do_not_matter(rows, unit):
    error, volatility, freedom = (np.array(part) for part in zip(*rows, strict=True))
    log_score, crps = law_scores(error, volatility, freedom)
    assert np.all(crps >= -1e-12)
    other_log, other_crps = law_scores(error * unit, volatility * unit, freedom)
    assert other_crps == pytest.approx(crps * unit, rel=1e-9, abs=1e-12 * unit)
    assert other_log == pytest.approx(log_score - math.log(unit), rel=1e-9, abs=1e-9)
    assert scored(error[0], volatility[0], freedom[0]) == pytest.approx((log_score[0], crps[0]), rel=1e-12, abs=1e-14)


def test_the_true_law_scores_best():
    outcomes = law_of(0.02, 5.0).rvs(20_000, random_state=1)

    def means(volatility, freedom):
        size = len(outcomes)
        log_score, crps = law_scores(outcomes, np.full(size, volatility), np.full(size, freedom))
        return log_score.mean(), crps.mean()

    best = means(0.02, 5.0)
    for other in (means(0.016, 5.0), means(0.025, 5.0), means(0.02, math.inf)):
        assert other[0] < best[0]
    for other in (means(0.012, 5.0), means(0.033, 5.0)):
        assert other[1] > best[1]
