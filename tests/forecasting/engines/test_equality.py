"""Kernels against peers: the same likelihood at the same parameters, the same forecasts, warm and after new bars."""

import numpy as np
import pytest

from tests.forecasting.engines.hostile import ordinary, returns
from tradepipe.forecasting.engines.ladder import BY_NAME
from tradepipe.forecasting.model import ModelSpec, Panel

BATCHED, REFERENCE = BY_NAME["batched"], BY_NAME["reference"]
HORIZON = 6

MEANS = [
    ModelSpec("arma", (1, 0, 1)),
    ModelSpec("arma", (2, 0, 1), mean="zero"),
    ModelSpec("arma", (3, 0, 3)),
    ModelSpec("arma", (0, 1, 1)),
    ModelSpec("arma", (1, 1, 2), mean="zero"),
]
WIDER_MEANS = [
    ModelSpec("arma", (1, 0, 1), exog=("u", "v")),
    ModelSpec("arma", (1, 0, 0), (0, 0, 1, 5)),
    ModelSpec("arma", (0, 1, 1), (1, 0, 0, 5), mean="zero"),
]
VARIANCES = [
    ModelSpec(family, (1, 1), mean=mean, distribution=law)
    for family in ("garch", "gjr")
    for mean in ("constant", "zero")
    for law in ("normal", "t")
]


@pytest.fixture(scope="module")
def panel():
    whole, generator = ordinary(3, 320), np.random.default_rng(5)
    exog = tuple(generator.normal(size=(321, 2)) * [10.0, 0.01] for _ in range(3))
    return Panel(whole.symbols, whole.values, exog)


@pytest.fixture(scope="module")
def more():
    exog = tuple(np.random.default_rng(row).normal(size=(7, 2)) * [10.0, 0.01] for row in range(3))
    return Panel(("S000", "S001", "S002"), tuple(returns(200 + row, 6) for row in range(3)), exog)


def both(panel, spec):
    batched = BATCHED.fit(panel, spec)
    return batched, REFERENCE.at(panel, spec, batched.parameters)


def assert_equal(panel, more, spec):
    batched, reference = both(panel, spec)
    assert batched.names == reference.names
    np.testing.assert_allclose(reference.log_likelihood, batched.log_likelihood, rtol=1e-10)
    for ours, theirs in zip(batched.residuals, reference.residuals, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-10)
    for one, other in ((batched, reference), (BATCHED.update(batched, more), REFERENCE.update(reference, more))):
        ahead, expected = BATCHED.forecast(one, HORIZON), REFERENCE.forecast(other, HORIZON)
        for name in ("variance", "freedom") if spec.is_variance else ("mean", "response"):
            np.testing.assert_allclose(getattr(ahead, name), getattr(expected, name), rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize("spec", MEANS + VARIANCES, ids=lambda spec: spec.text)
def test_batched_is_reference_at_equal_parameters(panel, more, spec):
    assert_equal(panel, more, spec)


@pytest.mark.slow
@pytest.mark.parametrize("spec", WIDER_MEANS, ids=lambda spec: spec.text)
def test_batched_is_reference_with_seasons_and_regressors(panel, more, spec):
    assert BATCHED.refusal(spec) is None
    assert_equal(panel, more, spec)


@pytest.mark.parametrize("spec", [MEANS[0], VARIANCES[2], VARIANCES[7]], ids=lambda spec: spec.text)
def test_batched_fits_are_not_below_the_references(panel, spec):
    ours, theirs = BATCHED.fit(panel, spec), REFERENCE.fit(panel, spec)
    assert (ours.log_likelihood > theirs.log_likelihood - 1e-3).all()


def test_the_reference_goes_on_warm_from_batched_parameters(panel):
    spec = VARIANCES[7]
    batched = BATCHED.fit(panel, spec)
    warm = REFERENCE.fit(panel, spec, batched, turn=1)
    assert (warm.log_likelihood > batched.log_likelihood - 1e-3).all()
    assert warm.evaluations.sum() < 0.75 * REFERENCE.fit(panel, spec).evaluations.sum()
