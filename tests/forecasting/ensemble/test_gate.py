"""The gate against what it promises: noise passes as seldom as said, and what knows something passes."""

import math

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tests.forecasting.ensemble.made import world
from tradepipe.forecasting.ensemble.gate import chance_within_window, gate_of, scores, trust
from tradepipe.settings.forecasts import EnsembleSettings, ForecastSettings


def test_the_chance_within_a_window_is_that_of_a_moving_sum_of_noise():
    length, generator = 250, np.random.default_rng(1)
    steps = generator.standard_normal((3000, 2 * length)).cumsum(axis=1)
    highest = ((steps[:, length:] - steps[:, :-length]) / math.sqrt(length)).max(axis=1)
    for gate in (0.5, 1.5, 2.5):
        seen = (highest > gate).mean()
        # Looked at bar by bar, not at every moment: a little seldomer than Slepian's.
        assert 0.8 * chance_within_window(gate) < seen < 1.03 * chance_within_window(gate)
    assert chance_within_window(0.0) == pytest.approx(0.75 + 1 / (2 * math.pi), rel=1e-12)


@pytest.mark.parametrize(("others", "rate"), [(1, 0.05), (4, 0.05), (4, 0.2)])
def test_the_gate_spreads_the_error_rate_over_members(others, rate):
    members = ("random_walk", "drift", "seasonal_naive", "arma_garch", "samossa")[: 1 + others]
    told = ForecastSettings(members=members, ensemble=EnsembleSettings(error_rate=rate))
    assert others * chance_within_window(gate_of(told)) == pytest.approx(rate, rel=1e-9)
    # A further horizon must not change the forecasts of the others.
    assert gate_of(told.model_copy(update={"horizon": 20})) == gate_of(told)


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_score_is_a_sum_over_the_spread_of_overlapping_forecasts(horizon):
    gained = np.array([[3.0, -1.0, 2.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(scores(gained, horizon), [4 / math.sqrt(horizon * 14), 0.0], rtol=1e-15)


@pytest.mark.parametrize("horizon", [1, 5])
def test_wild_noise_passes_as_seldom_as_it_may(horizon):
    """Returns whose fourth moment is infinite, and a member that hardly changes its mind: the worst that there is."""
    length, generator = 250, np.random.default_rng(3)
    returns = generator.standard_t(3, (800, 2 * length + horizon))
    level = returns.cumsum(axis=1)
    came = level[:, horizon:] - level[:, :-horizon]
    # The squared errors of a member that says the same each day and is no worse than the random walk.
    gained = sliding_window_view(2 * came[:, : 2 * length], length, axis=1)[:, ::10]
    highest = scores(gained.reshape(-1, length), horizon).reshape(len(returns), -1).max(axis=1)
    for rate in (0.2, 0.05):
        gate = gate_of(ForecastSettings(members=("random_walk", "drift"), ensemble=EnsembleSettings(error_rate=rate)))
        assert 0.3 * rate < (highest > gate).mean() < 1.2 * rate


def test_trust_begins_with_nothing_at_the_gate_and_grows_to_all():
    told = trust(np.array([-9.0, 0.0, 3.0, 3.0 + 1e-9, 6.0, 300.0]), 3.0)
    np.testing.assert_allclose(told, [0, 0, 0, 2e-9 / 3, 0.75, 0.9999], atol=1e-12)


def test_a_member_that_knows_little_has_little_weight():
    """The same world, where one knows more and more of what comes: its weight grows with what it knows."""
    weights = []
    for skill in (0.0, 0.04, 0.3):
        made = world(8, 80, seed=4, skill=skill).forecasts()
        weights.append(made.filter(made["session"] == made["session"].max(), model="arma_garch", horizon=1)["weight"])
    none, little, much = (weight.mean() for weight in weights)
    assert none == 0 < little < 0.3 < much < 0.8
