"""A witness from outside: TA-Lib, for what it has. Each module of `oracles` brings its family's functions."""

import importlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel

ORACLES = {
    name: oracle
    for module in sorted((Path(__file__).parent / "oracles").glob("*.py"))
    for name, oracle in importlib.import_module(f"tests.indicators.oracles.{module.stem}").TALIB.items()
}


def values_of(text, arrays):
    bound = parse_indicator(text)
    return run_kernel(bound, arrays, np.array([0, len(arrays["close"])]))


def assert_equals_talib(bound, arrays):
    found = run_kernel(bound, arrays, np.array([0, len(arrays["close"])]))
    for output, values, others in zip(bound.described, found, ORACLES[bound.name](arrays, **bound.params), strict=True):
        np.testing.assert_array_equal(np.isnan(values), np.isnan(others), err_msg=output.name)
        # What crosses zero is known there to the digits of its scale.
        scale = np.nanmax(np.abs(others), initial=0.0)
        np.testing.assert_allclose(values, others, rtol=1e-9, atol=1e-12 * scale, err_msg=output.name)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["sp500", "nasdaq"])
def test_talib_agrees_on_index_bars(bound, symbol, index_bars, arrays_of):
    assert_equals_talib(bound, arrays_of(index_bars.filter(pl.col("symbol") == symbol)))


@pytest.mark.slow
def test_talib_agrees_on_minute_bars(bound, crypto_bars, arrays_of):
    assert_equals_talib(bound, arrays_of(crypto_bars.head(15_000)))


def test_talib_differs_where_nothing_ever_moved():
    flat = np.full(30, 12.5)
    assert talib.RSI(flat, 14)[-1] == 0  # which would read as a crash
    (values,) = values_of("rsi(14)", {"close": read_only(flat)})
    assert np.isnan(values).all()
