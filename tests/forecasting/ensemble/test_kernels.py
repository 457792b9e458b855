"""The compiled passes against plain numpy."""

import numpy as np
import pytest

from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.ensemble import conformal
from tradepipe.forecasting.ensemble.kernels import laying, sums
from tradepipe.forecasting.ensemble.kernels.laying import NEVER

LAYERS, POSITIONS, SYMBOLS = 3, 12, 5


@pytest.fixture
def rows():
    """Two thirds of all cells, shuffled: layer, position and symbol of each, and when its error was known."""
    chance = np.random.default_rng(3)
    cells = chance.permutation(LAYERS * POSITIONS * SYMBOLS)[:120]
    layer, position, symbol = (one.astype(np.int64) for one in np.unravel_index(cells, (LAYERS, POSITIONS, SYMBOLS)))
    known = np.where(chance.random(120) < 0.1, NEVER, np.minimum(position + layer + 1, POSITIONS - 1))
    return layer, position, symbol, known


def test_errors_are_put_in_the_order_of_when_then_origin_then_symbol(rows):
    layer, position, symbol, known = rows
    cells = np.full(POSITIONS * SYMBOLS * LAYERS, NEVER)
    assert laying.place_rows(layer, position, symbol, SYMBOLS, LAYERS, cells) == 120
    begin, visit, to = np.zeros((LAYERS, POSITIONS + 1), np.int64), np.empty(120, np.int64), np.empty(120, np.int64)
    count = laying.arrange(cells, layer, known, 2, POSITIONS - 2, begin, visit, to)
    counted = (known >= 2) & (known <= POSITIONS - 2)
    assert count == counted.sum()
    moved = np.empty(count)
    laying.move(np.arange(120.0), visit, to, moved)
    order = np.lexsort((symbol, position, known, layer))
    np.testing.assert_array_equal(moved, order[counted[order]])
    for one in range(LAYERS):
        for when in range(POSITIONS):
            held = moved[begin[one, when] : begin[one, when + 1]].astype(int)
            assert set(held) == set(np.flatnonzero((layer == one) & (known == when) & counted))


def test_a_cell_that_is_taken_twice_is_seen():
    same = np.zeros(2, np.int64)
    assert laying.place_rows(same, same, same, 1, 1, np.full(1, NEVER)) == 1


def test_bars_stand_where_they_are_and_nowhere_else():
    grid, found = np.array([10, 20, 30, 50]), np.empty(9, np.int64)
    laying.find_positions(np.array([30, 20, 20, 10, 40, 50, 60, 5, 50]), grid, found)
    assert found.tolist() == [2, 1, 1, 0, NEVER, 3, NEVER, NEVER, 3]
    laying.find_positions(grid, np.empty(0, np.int64), found[:4])
    assert found[:4].tolist() == [NEVER] * 4


def test_moving_windows_have_the_quantiles_of_their_own_errors():
    """Ends side by side, apart, and so far apart that windows share nothing; also one without errors."""
    chance = np.random.default_rng(4)
    when = np.sort(chance.integers(5, 90, 3_000))
    begin = np.searchsorted(when, np.arange(101))
    came, mean, volatility = chance.standard_t(4, 3_000), 0.1 * chance.random(3_000), 1 + chance.random(3_000)
    size, ends, length = np.abs(came - mean) / volatility, np.array([3, 10, 11, 12, 20, 60, 95]), 15
    half = conformal.half_widths(begin, came, mean, volatility, ends, length)
    assert np.isnan(half[0]).all()
    for end, widths in zip(ends[1:], half[1:], strict=True):
        own = np.sort(size[(when > end - length) & (when <= end)])
        for level, width in zip(LEVELS, widths, strict=True):
            exact = own[min(-(-(len(own) + 1) * level // 100), len(own)) - 1]
            assert width == pytest.approx(exact, rel=1 / 32)
        np.testing.assert_array_equal(
            conformal.half_widths(begin, came, mean, volatility, np.array([end]), length)[0], widths
        )


def test_losses_are_added_up_by_when_they_were_known():
    chance = np.random.default_rng(5)
    when = np.sort(chance.integers(0, 4, 50))
    begin = np.searchsorted(when, np.arange(6))
    came, walk, mean = chance.standard_normal((3, 50))
    walks, volatility = 0.05 + chance.random((2, 50))
    own = (chance.random(50) < 0.7).astype(float)
    found, all_own = np.empty((4, 5)), np.empty((4, 5))
    arguments = begin, came, walk, walks, mean, volatility, np.log(volatility / walks)
    sums.add_losses(*arguments, own, 100.0, found)
    sums.add_losses(*arguments, np.empty(0), 100.0, all_own)
    base = (came - walk) ** 2
    qlike = [np.minimum(base / one**2, 100.0) + 2 * np.log(one) for one in (volatility, walks)]
    for position in range(5):
        here = when == position
        expected = (qlike[0] - qlike[1])[here].sum(), (own * (came - mean) ** 2)[here].sum(), (own * base)[here].sum()
        np.testing.assert_allclose(found[:3, position], expected, rtol=1e-12)
        assert found[3, position] == own[here].sum()
        assert all_own[2, position] == pytest.approx(base[here].sum())
