"""The variance equation of the reference engine: arch's documented fits, a recursion by hand, filtering, EGARCH."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.forecasting.engines.hostile import returns
from tradepipe.forecasting.engines.reference import ReferenceEngine
from tradepipe.forecasting.engines.reference.parts import Parts
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = ReferenceEngine()
BARS, MORE, HORIZON = 500, 15, 5

SPECS = [
    ModelSpec("garch", (1, 1)),
    ModelSpec("garch", (2, 1), mean="zero", distribution="t"),
    ModelSpec("garch", (1, 2), mean="zero"),
    ModelSpec("garch", (1, 0), mean="zero"),
    ModelSpec("gjr", (1, 1), distribution="t"),
    ModelSpec("gjr", (2, 1), mean="zero", distribution="skewt"),
    ModelSpec("egarch", (1, 1), mean="zero"),
    ModelSpec("egarch", (1, 1), distribution="t"),
    ModelSpec("garch", (1, 1), autoregression=2),
    ModelSpec("gjr", (1, 1), mean="zero", autoregression=1, distribution="t"),
]


def panel(*series):
    return Panel(tuple("ABCDEFGH"[: len(series)]), tuple(series))


def fitted(values, spec):
    fits = ENGINE.fit(panel(values), spec)
    assert fits.reason == (None,)
    return fits


@pytest.fixture(scope="module")
def values():
    return returns(41, BARS + MORE)


@pytest.fixture(scope="module")
def sp500():
    # found without importing arch's pandas reader
    path = Path(find_spec("arch").origin).parent / "data" / "sp500" / "sp500.csv.gz"
    closes = pl.read_csv(gzip.decompress(path.read_bytes()))["Adj Close"].to_numpy()
    return 100 * (closes[1:] / closes[:-1] - 1)


@pytest.mark.parametrize(
    ("spec", "log_likelihood", "parameters"),
    [
        # arch's documentation, "ARCH Modeling": S&P 500, 1999 to 2018
        (ModelSpec("garch", (1, 1)), -6936.72, {"mu": 0.0564, "omega": 0.0175, "alpha[1]": 0.1022, "beta[1]": 0.8852}),
        (ModelSpec("gjr", (1, 1)), -6822.88, {"mu": 0.0175, "omega": 0.0196, "gamma[1]": 0.1831, "beta[1]": 0.8922}),
    ],
)
def test_sp500_as_archs_documentation_shows_it(sp500, spec, log_likelihood, parameters):
    fits = fitted(sp500, spec)
    found = dict(zip(fits.names, fits.parameters[0], strict=True))
    assert fits.log_likelihood[0] == pytest.approx(log_likelihood, abs=0.006)
    for name, value in parameters.items():
        assert found[name] == pytest.approx(value, abs=6e-5)


def peer(values, spec):
    """arch's own model of values times 100."""
    from arch.univariate import ARX, EGARCH, GARCH, ConstantMean, Normal, SkewStudent, StudentsT, ZeroMean

    (p, q), lags = spec.order, spec.autoregression
    kind, o = (EGARCH if spec.family == "egarch" else GARCH), (0 if spec.family == "garch" else p)
    law = {"normal": Normal, "t": StudentsT, "skewt": SkewStudent}[spec.distribution]()
    both = {"volatility": kind(p=p, o=o, q=q), "distribution": law, "rescale": False}
    if lags:
        return ARX(100 * values, lags=lags, constant=spec.mean == "constant", **both)
    return (ConstantMean if spec.mean == "constant" else ZeroMean)(100 * values, **both)


def in_hundreds(fits):
    """Our parameters in units of values times 100, as arch's documentation says they scale."""
    spec, found = fits.spec, dict(zip(fits.names, fits.parameters[0], strict=True))
    for name in ("mu", "Const"):
        if name in found:
            found[name] *= 100
    betas = sum(value for name, value in found.items() if name.startswith("beta"))
    found["omega"] = found["omega"] + (1 - betas) * np.log(1e4) if spec.family == "egarch" else found["omega"] * 1e4
    return list(found.values())


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_fit_is_archs_fit(values, spec):
    fits = fitted(values[:BARS], spec)
    theirs = peer(values[:BARS], spec).fit(disp="off")
    assert list(fits.names) == list(theirs.params.index)
    bars = BARS - spec.autoregression
    assert fits.log_likelihood[0] == pytest.approx(theirs.loglikelihood + bars * np.log(100), abs=1e-4)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_likelihood_and_next_variance_are_archs_at_our_parameters(values, spec):
    fits = fitted(values[:BARS], spec)
    fixed = peer(values[:BARS], spec).fix(in_hundreds(fits))
    bars = BARS - spec.autoregression
    assert fits.log_likelihood[0] == pytest.approx(fixed.loglikelihood + bars * np.log(100), rel=1e-10)
    expected = fixed.forecast(horizon=1).residual_variance.to_numpy()[-1, 0] / 1e4
    assert ENGINE.forecast(fits, 1).variance[0, 0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "spec",
    [spec for spec in SPECS if spec.family != "egarch" and spec.distribution != "skewt"],
    ids=lambda spec: spec.text,
)
def test_variances_ahead_are_archs(values, spec):
    fits = fitted(values[:BARS], spec)
    expected = peer(values[:BARS], spec).fix(in_hundreds(fits)).forecast(horizon=HORIZON).residual_variance
    np.testing.assert_allclose(ENGINE.forecast(fits, HORIZON).variance[0], expected.to_numpy()[-1] / 1e4, rtol=1e-9)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_new_bars_without_a_refit_are_the_recursion_carried_on(values, spec):
    # by arch's recursion over all bars, from the presample value of the training window and without its bounds
    fits = fitted(values[:BARS], spec)
    model, whole, own = peer(values[:BARS], spec), peer(values, spec), np.array(in_hundreds(fits))
    model._adjust_sample(None, None)
    whole._adjust_sample(None, None)
    mean = next(i for i, name in enumerate(fits.names) if name == "omega")
    law = len(own) - model.distribution.num_params
    resids = np.asarray(whole.resids(own[:mean]))
    start = model.resids(model.starting_values())
    bounds = np.tile([1e-12, 1e12], (len(resids), 1))
    variances = np.empty(len(resids))
    presample = whole.volatility.backcast(np.asarray(start))
    whole.volatility.compute_variance(own[mean:law], resids, variances, presample, bounds)
    states = [fits]
    for bar in values[BARS:]:
        states.append(ENGINE.update(states[-1], panel(np.array([bar]))))
    ours = [ENGINE.forecast(state, 1).variance[0, 0] for state in states[:-1]]
    np.testing.assert_allclose(ours, variances[-MORE:] / 1e4, rtol=1e-8)
    together = ENGINE.update(fits, panel(values[BARS:]))
    np.testing.assert_array_equal(together.state, states[-1].state)


def test_garch_forecast_by_hand():
    # h(t+1) = omega + alpha e(t)^2 + beta h(t); from the state that the fit leaves
    values = returns(42, 200)
    own = np.array([[1e-3, 2e-6, 0.07, 0.9]])
    spec = ModelSpec("garch", (1, 1))
    fits = ENGINE.at(panel(values), spec, own)
    weights = 0.94 ** np.arange(75)
    start = float(weights @ (values[:75] - values.mean()) ** 2 / weights.sum())
    h = 2e-6 + 0.97 * start
    total = 0.0
    for value in values:
        total += stats.norm.logpdf(value - 1e-3, scale=np.sqrt(h))
        h = 2e-6 + 0.07 * (value - 1e-3) ** 2 + 0.9 * h
    assert fits.log_likelihood[0] == pytest.approx(total, rel=1e-10)
    first = ENGINE.forecast(fits, 3).variance[0]
    np.testing.assert_allclose(first, [h, 2e-6 + 0.97 * h, 2e-6 * 1.97 + 0.97**2 * h], rtol=1e-10)


def test_a_missing_bar_is_taken_as_volatile_as_expected(values):
    spec = ModelSpec("gjr", (1, 1), mean="zero")
    fits = fitted(values[:BARS], spec)
    later = ENGINE.update(fits, panel(np.array([np.nan])))
    ahead = ENGINE.forecast(fits, 3).variance[0]
    np.testing.assert_allclose(ENGINE.forecast(later, 2).variance[0], ahead[1:], rtol=1e-12)


def simulated(spec, own, state, horizon, draw, paths=400_000):
    """Mean of squared innovations over paths from a state, EGARCH or GJR of order (1, 1)."""
    omega, alpha, gamma, beta = own
    generator = np.random.default_rng(9)
    h = np.full(paths, np.nan)
    e, last = state
    found = []
    for step in range(horizon):
        before = last if step == 0 else h
        shock = e / np.sqrt(last) if step == 0 else draw(generator, paths)
        if spec.family == "egarch":
            size = alpha * (np.abs(shock) - np.sqrt(2 / np.pi)) + gamma * shock
            h = np.exp(omega + size + beta * np.log(before)) * np.ones(paths)
        else:
            h = (omega + (alpha * shock**2 + gamma * (shock < 0) * shock**2 + beta) * before) * np.ones(paths)
        found.append(h)
    return [(one.mean(), one.std() / np.sqrt(paths)) for one in found]


def test_egarch_ahead_against_simulated_paths(values):
    spec = ModelSpec("egarch", (1, 1), mean="zero")
    fits = fitted(values[:BARS], spec)
    omega, alpha, gamma, beta = fits.parameters[0]
    paths = simulated(spec, (omega, alpha, gamma, beta), fits.state[0], 6, lambda g, n: g.standard_normal(n))
    for ours, (mean, error) in zip(ENGINE.forecast(fits, 6).variance[0], paths, strict=True):
        assert abs(ours - mean) < 5 * error + 1e-12


def test_egarch_of_two_lags_ahead_against_simulated_paths():
    spec = ModelSpec("egarch", (2, 2), mean="zero")
    parts, own = Parts(spec), np.array([-0.8, 0.15, 0.1, -0.08, 0.05, 0.5, 0.4])
    state = np.array([0.02, -0.01, 1.5e-4, 2e-4])
    from tradepipe.forecasting.engines.reference.ahead import variances_ahead

    ours = variances_ahead(parts, own, state, 5)
    generator, paths = np.random.default_rng(4), 200_000
    shocks = [np.full(paths, e / np.sqrt(h)) for e, h in zip(state[:2], state[2:], strict=True)]
    logs = [np.full(paths, np.log(h)) for h in state[2:]]
    for expected in ours:
        log = own[0] + sum(
            own[1 + i] * (np.abs(shocks[i]) - np.sqrt(2 / np.pi)) + own[3 + i] * shocks[i] + own[5 + i] * logs[i]
            for i in range(2)
        )
        h = np.exp(log)
        assert abs(expected - h.mean()) < 5 * h.std() / np.sqrt(paths) + 1e-15
        shocks, logs = [generator.standard_normal(paths), shocks[0]], [log, logs[0]]


def test_quantiles_come_near_the_closed_form():
    from tradepipe.forecasting.engines.reference.ahead import _log_moment

    normal = Parts(ModelSpec("egarch", (1, 1), mean="zero"))
    student = Parts(ModelSpec("egarch", (1, 1), mean="zero", distribution="t"))
    own = np.array([-0.5, 0.2, -0.1, 0.95])
    near = _log_moment(student, np.append(own, 500.0), 0.2, -0.1)  # 500 degrees: next to normal
    assert near == pytest.approx(_log_moment(normal, own, 0.2, -0.1), abs=2e-4)


def test_a_skewed_law_falls_below_zero_by_its_own_share(values):
    spec = ModelSpec("gjr", (1, 1), mean="zero", distribution="skewt")
    parts, own = Parts(spec), np.array([1e-6, 0.02, 0.1, 0.9, 6.0, -0.3])
    from arch.univariate import SkewStudent

    draws = SkewStudent(seed=np.random.default_rng(1)).simulate([6.0, -0.3])(400_000)
    below = draws**2 * (draws < 0)
    share = parts.downward_share(own)
    assert abs(share - below.mean()) < 5 * below.std() / np.sqrt(len(draws))
    assert share > 0.55
    fits = ENGINE.at(panel(values[:BARS]), spec, own[None])
    one, two = ENGINE.forecast(fits, 2).variance[0]
    assert two == pytest.approx(1e-6 + (0.02 + 0.1 * share + 0.9) * one, rel=1e-12)
    forecast = ENGINE.forecast(fits, 1)
    assert (forecast.freedom[0], forecast.skew[0]) == (6.0, -0.3)


def test_units_change_nothing_but_units(values):
    for spec in (ModelSpec("gjr", (1, 1), distribution="t"), ModelSpec("egarch", (1, 1), mean="zero")):
        one, other = (fitted(unit * values[:BARS], spec) for unit in (1.0, 1000.0))
        assert other.log_likelihood[0] == pytest.approx(one.log_likelihood[0] - BARS * np.log(1000), abs=1e-5)
        ratio = ENGINE.forecast(other, 3).variance / ENGINE.forecast(one, 3).variance
        np.testing.assert_allclose(ratio, 1e6, rtol=1e-3)


@pytest.mark.slow
def test_a_warm_start_takes_fewer_evaluations_to_the_same_likelihood():
    spec = ModelSpec("gjr", (1, 1), mean="zero", distribution="t")
    series = [returns(seed, 501) for seed in range(50, 58)]
    before = ENGINE.fit(panel(*(one[:-1] for one in series)), spec)
    new = panel(*series)
    warm, cold = ENGINE.fit(new, spec, before, turn=1), ENGINE.fit(new, spec)
    assert (warm.log_likelihood > cold.log_likelihood - 1e-3).all()
    assert warm.evaluations.sum() < 0.75 * cold.evaluations.sum()


def test_a_variance_far_from_the_observed_one_is_refused(values):
    spec = ModelSpec("garch", (1, 1), mean="zero")
    wild = np.array([[1.0, 0.05, 0.9], [1e-6, 0.05, 0.9], [np.nan, 0.05, 0.9]])
    fits = ENGINE.at(panel(*(values[:BARS],) * 3), spec, wild)
    assert "times the observed one" in fits.reason[0]
    assert fits.reason[1:] == (None, "no parameters")
    assert np.isnan(ENGINE.forecast(fits, 2).variance[[0, 2]]).all()


def test_filtered_variances_know_nothing_of_later_bars(values):
    spec = ModelSpec("garch", (1, 1), mean="zero", distribution="t")
    fits = fitted(values[:BARS], spec)
    wild = values[BARS:].copy()
    wild[5:] = 1e3
    calm, stirred = (ENGINE.update(fits, panel(new[:5])) for new in (values[BARS:], wild))
    np.testing.assert_array_equal(calm.state, stirred.state)


def test_refused_specs_say_why():
    train = panel(returns(1))
    for spec, why in (
        (ModelSpec("garch", (0, 1)), "p of at least 1"),
        (ModelSpec("ewma"), "not of the reference engine"),
        (ModelSpec("garch", (1, 1), exog=("u",)), "no regressors"),
    ):
        with pytest.raises(ForecastError, match=why):
            ENGINE.fit(train, spec)
