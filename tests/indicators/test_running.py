"""Chunks, threads and given columns change no value."""

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicators
from tradepipe.indicators.batch import running

BOUNDS = parse_indicators(["sma(20)", "rsi(14)", "atr(14)", "bollinger(20, 2)"])
LENGTHS = [300, 1, 0, 700, 25, 0, 90]


@pytest.fixture(scope="module")
def offsets():
    return np.concatenate([[0], np.cumsum(LENGTHS)])


@pytest.fixture(scope="module")
def arrays(offsets):
    close = 50 + np.cumsum(np.random.default_rng(4).normal(0, 0.2, offsets[-1]))
    return {"high": read_only(close + 0.3), "low": read_only(close - 0.2), "close": read_only(close)}


@pytest.fixture(scope="module")
def wanted():
    """Every second output as it is stored by default."""
    return {bound: [(np.float64, np.float32)[n % 2] for n in range(len(bound.described))] for bound in BOUNDS}


@pytest.fixture(scope="module")
def expected(wanted, arrays, offsets):
    """Each indicator over all series in one call."""
    found = {}
    for bound, precisions in wanted.items():
        outputs = running.run_kernel(bound, arrays, offsets)
        found[bound] = [values.astype(kind) for values, kind in zip(outputs, precisions, strict=True)]
    return found


def assert_same(kept, expected):
    for bound, columns in expected.items():
        for mine, column in zip(kept[bound], columns, strict=True):
            assert mine.dtype == column.dtype
            assert np.array_equal(mine, column, equal_nan=True), bound.text


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [1, 100, 64_000])
def test_neither_chunks_nor_threads_change_a_value(rows, threads, wanted, arrays, offsets, expected, monkeypatch):
    monkeypatch.setattr(running, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(running, "PARTED_A_THREAD", rows % 7)
    assert_same(running.run_all(wanted, arrays, offsets, threads=threads), expected)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("chunks", [1, 5, 26])
def test_threads_end_together(chunks, threads, monkeypatch):
    """Each takes the next task when it is done; the last waits for one indicator of one chunk, not for all of them."""
    monkeypatch.setattr(running, "ROWS_AT_ONCE", 100)
    busy = [0] * threads
    for task in running._tasks(tuple(BOUNDS), np.arange(chunks + 1) * 100, None, threads):
        busy[busy.index(min(busy))] += len(task.bounds) * (task.stop - task.start)
    assert sum(busy) == chunks * len(BOUNDS) * 100
    assert max(busy) - min(busy) <= 100


def test_given_columns_are_filled(wanted, arrays, offsets, expected):
    columns = {bound: tuple(np.full_like(column, 7) for column in told) for bound, told in expected.items()}
    kept = running.run_all(wanted, arrays, offsets, into=columns)
    assert kept is columns
    assert_same(columns, expected)


def test_an_error_in_a_thread_is_told(wanted, arrays, offsets):
    with pytest.raises(KeyError, match="high"):
        running.run_all(wanted, {"close": arrays["close"]}, offsets, threads=2)


def test_no_rows(wanted):
    empty = {name: read_only([]) for name in ("high", "low", "close")}
    kept = running.run_all(wanted, empty, np.array([0]), threads=2)
    assert {len(column) for columns in kept.values() for column in columns} == {0}
