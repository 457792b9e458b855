"""Batched GARCH as an engine: what it refuses, what its rows depend on, and what it says of hostile series."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from arch import arch_model
from arch.data import nasdaq
from hypothesis import given, settings
from hypothesis import strategies as st

from tradepipe.forecasting.batched.garch_parameters import LEAST_OMEGA, places_of
from tradepipe.forecasting.batched.garch_series import MIN_OBSERVATIONS
from tradepipe.forecasting.engines.batched_garch import BatchedGarch
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = BatchedGarch()
SPECS = [
    ModelSpec(family, (1, 1), mean=mean, distribution=law)
    for family, mean, law in itertools.product(("garch", "gjr"), ("constant", "zero"), ("normal", "t"))
]
BARS = 500


def panel_of(*values):
    return Panel(tuple(f"S{row}" for row in range(len(values))), tuple(values))


def taken(fits, rows):
    """What of a fit depends on its series, of some rows."""
    return [part[rows] for part in (fits.parameters, fits.log_likelihood, fits.state, fits.curvature, fits.evaluations)]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def returns():
    return nasdaq.load()["Adj Close"].pct_change().dropna().to_numpy()


@pytest.fixture(scope="module")
def panel(returns):
    return panel_of(*(returns[begin : begin + BARS] for begin in range(0, 4000, 800)))


@pytest.fixture(scope="module", params=SPECS, ids=lambda spec: spec.text)
def spec(request):
    return request.param


@pytest.fixture(scope="module")
def fits(panel, spec):
    return ENGINE.fit(panel, spec)


def peer(values, spec):
    law = "t" if spec.distribution == "t" else "normal"
    # arch's own bounds are meant for percents
    return arch_model(
        values, mean=spec.mean.capitalize(), vol="GARCH", p=1, o=int(spec.family == "gjr"), q=1, dist=law, rescale=False
    )


def test_parameters_are_archs_by_name_and_meaning(panel, spec, fits):
    assert fits.names == ENGINE.names(spec)
    for values, row, log_likelihood in zip(panel.values, fits.parameters, fits.log_likelihood, strict=True):
        fixed = peer(values, spec).fix(row)
        assert tuple(fixed.params.index) == fits.names
        assert fixed.loglikelihood == pytest.approx(log_likelihood, rel=1e-9)


def test_forecast_is_archs(panel, spec, fits):
    ahead = ENGINE.forecast(fits, 5)
    for values, row, ours in zip(panel.values, fits.parameters, ahead.variance, strict=True):
        theirs = peer(values, spec).forecast(row, horizon=5).variance.to_numpy()[-1]
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert (ahead.freedom == (fits.parameters[:, -1] if spec.distribution == "t" else np.inf)).all()
    assert not ahead.skew.any()


def test_kept_parameters_give_the_same_fits(panel, spec, fits):
    at = ENGINE.at(panel, spec, fits.parameters)
    np.testing.assert_allclose(at.log_likelihood, fits.log_likelihood, rtol=1e-12)
    np.testing.assert_array_equal(at.state, fits.state)
    assert at.reason == fits.reason == (None,) * len(panel)


def test_updates_are_the_longer_window(returns, spec, fits, panel):
    more = [returns[begin + BARS : begin + BARS + 7] for begin in range(0, 4000, 800)]
    updated = ENGINE.update(ENGINE.update(fits, panel_of(*(one[:3] for one in more))), panel_of(*(o[3:] for o in more)))
    assert_same([updated.state], [ENGINE.update(fits, panel_of(*more)).state])
    longer = panel_of(*(np.concatenate(pair) for pair in zip(panel.values, more, strict=True)))
    # the presample value is about the mean of its own window, and long forgotten
    np.testing.assert_allclose(updated.state, ENGINE.at(longer, spec, fits.parameters).state, rtol=1e-5)


@given(
    order=st.permutations(range(5)),
    cut=st.integers(0, 5),
    lengths=st.lists(st.integers(MIN_OBSERVATIONS, BARS), min_size=5, max_size=5),
    threads=st.integers(1, 4),
)
@settings(max_examples=8, deadline=None)
def test_a_series_depends_on_itself_alone(panel, order, cut, lengths, threads):
    spec = SPECS[-1]
    ragged = panel_of(*(one[-length:] for one, length in zip(panel.values, lengths, strict=True)))
    whole = ENGINE.fit(ragged, spec)
    again = ENGINE.fit(ragged, spec, whole, turn=2)
    assert_same(taken(ENGINE.fit(ragged.take(order), spec, threads=threads), range(5)), taken(whole, order))
    for rows in (list(range(cut)), list(range(cut, 5))):
        part = ENGINE.fit(ragged.take(rows), spec)
        assert_same(taken(part, range(len(rows))), taken(whole, rows))
        warm = ENGINE.fit(ragged.take(rows), spec, part, turn=2, threads=threads)
        assert_same(taken(warm, range(len(rows))), taken(again, rows))


@given(power=st.integers(-40, 40), other=st.floats(1e-6, 1e6))
@settings(max_examples=10, deadline=None)
def test_units_do_not_matter(panel, power, other):
    """By powers of two to the last bit, by others to the tolerance of the search."""
    spec, some = SPECS[-1], panel.take([0, 1])
    plain = ENGINE.fit(some, spec)
    ahead = ENGINE.forecast(plain, 5).variance
    scaled = ENGINE.fit(panel_of(*(one * 2.0**power for one in some.values)), spec)
    np.testing.assert_array_equal(ENGINE.forecast(scaled, 5).variance, ahead * 4.0**power)
    np.testing.assert_array_equal(scaled.parameters[:, 1:], plain.parameters[:, 1:])
    scaled = ENGINE.fit(panel_of(*(one * other for one in some.values)), spec)
    shifted = scaled.log_likelihood + BARS * np.log(other)
    np.testing.assert_allclose(shifted, plain.log_likelihood, atol=1e-3)


def hostile(returns):
    ordinary, spike = returns[:BARS], returns[:BARS].copy()
    spike[-3] = 50 * ordinary.std()
    jump = np.concatenate([np.zeros(400), ordinary[:100]])
    return {
        "ordinary": ordinary,
        "spike of 50 sigma": spike,
        "quiet, then a jump": np.concatenate([1e-9 * ordinary[:400], ordinary[400:]]),
        "five values": np.round(ordinary / ordinary.std()).clip(-2, 2) / 100,
        "constant": np.full(BARS, 0.01),
        "ten points": ordinary[:10],
        "gap": np.where(np.arange(BARS) == 7, np.nan, ordinary),
        "zero variance, then a jump": jump,
    }


def test_hostile_series_have_a_fit_or_a_reason(returns, spec):
    cases = hostile(returns)
    panel = panel_of(*cases.values())
    fits = ENGINE.fit(panel, spec)
    assert fits.reason == ENGINE.faults(panel, spec)
    reasons = dict(zip(cases, fits.reason, strict=True))
    assert [name for name, reason in reasons.items() if reason is None] == list(cases)[:4]
    assert reasons["constant"] == "the returns are constant"
    assert reasons["ten points"] == f"10 returns, fewer than {MIN_OBSERVATIONS}"
    assert reasons["gap"] == "a return is not finite"
    assert reasons["zero variance, then a jump"] == "at least half of the returns are the same number"
    ahead = ENGINE.forecast(ENGINE.update(fits, panel_of(*([np.nan, 1e300, -0.5],) * len(panel))), 5).variance
    assert (np.isfinite(ahead[:4]) & (ahead[:4] > 0)).all()
    assert np.isnan(ahead[4:]).all()
    assert np.isnan(fits.parameters[4:]).all()
    alone = ENGINE.fit(panel.take([0]), spec)
    assert_same(taken(alone, [0]), taken(fits, [0]))
    warm = ENGINE.fit(panel, spec, fits, turn=1)
    assert warm.reason == fits.reason


def test_no_point_of_the_search_has_a_variance_of_zero():
    """With omega 0 a series that stands still would come to it."""
    bound, natural = np.zeros((1, 4)), np.empty((1, 6))
    places_of(bound, False, False, natural)
    assert natural[0, 1] == LEAST_OMEGA > 0


def test_what_another_engine_fitted_is_no_warm_start(panel, spec, fits):
    mixed = replace(
        fits,
        engine=("reference", *fits.engine[1:]),
        parameters=np.vstack([fits.parameters[:1] * 2, fits.parameters[1:]]),
    )
    cold, warm = ENGINE.fit(panel, spec), ENGINE.fit(panel, spec, mixed, turn=1)
    assert_same(taken(warm, [0]), taken(cold, [0]))
    kept = ENGINE.at(panel, spec, fits.parameters)
    assert kept.curvature is None
    again = ENGINE.fit(panel, spec, kept, turn=1)
    np.testing.assert_allclose(again.log_likelihood, fits.log_likelihood, atol=1e-2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"family": "egarch"}, "family egarch"),
        ({"order": (2, 1)}, "order (2, 1) is not (1, 1)"),
        ({"distribution": "skewt"}, "law skewt"),
        ({"autoregression": 1}, "an AR mean"),
        ({"exog": ("rsi_14",)}, "no regressors"),
    ],
)
def test_what_it_cannot_do_it_refuses(panel, changed, said):
    spec = ModelSpec(**{"family": "garch", "order": (1, 1), **changed})
    assert said in ENGINE.refusal(spec)
    with pytest.raises(ForecastError, match="ask the reference engine"):
        ENGINE.fit(panel, spec)


def test_what_does_not_belong_together_is_refused(panel):
    spec = SPECS[0]
    fits = ENGINE.fit(panel.take([0, 1]), spec)
    with pytest.raises(ForecastError, match="fit without it"):
        ENGINE.fit(panel, spec, fits)
    with pytest.raises(ForecastError, match="align them"):
        ENGINE.update(fits, panel)
    with pytest.raises(ForecastError, match=r"shape \(2, 4\); 5 series need \(5, 4\): mu, omega"):
        ENGINE.at(panel, spec, fits.parameters)


def test_an_empty_panel_is_fitted_to_nothing(spec):
    fits = ENGINE.fit(Panel((), ()), spec)
    assert len(ENGINE.forecast(ENGINE.update(fits, Panel((), ())), 5).variance) == 0


def test_a_row_that_lacks_any_parameter_has_none():
    spec = ModelSpec("gjr", (1, 1), mean="zero", distribution="t")
    panel = panel_of(*np.random.default_rng(4).normal(0, 0.01, (2, 300)))
    fits = ENGINE.fit(panel, spec)
    fits.parameters[1, fits.names.index("nu")] = np.nan
    kept = ENGINE.at(panel, spec, fits.parameters)
    assert kept.reason == (None, "no parameters")
    assert np.isnan(kept.parameters[1]).all()
    assert np.isnan(kept.log_likelihood[1])
