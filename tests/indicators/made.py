"""What bars do not bring themselves, made from them: the inputs from outside that some indicators read."""

import numpy as np
import polars as pl

from tradepipe.indicators.inputs import INPUTS

PRICES = ["open", "high", "low", "close"]


def with_outside_inputs(frame):
    """`frame` (symbol, session, prices, volume) with a value for every input that an indicator can ask for."""
    row = pl.int_range(pl.len()).over("symbol").cast(pl.Float64)
    close = pl.col("close")
    return frame.with_columns(
        (close.shift(3).over("symbol").fill_null(close) * (1 + 0.01 * (row * 0.7).sin())).alias("benchmark"),
        (1e-4 * (row * 0.3).cos()).alias("funding_rate"),
        (close * (1 + 5e-4 * (row * 0.2).sin())).alias("mark_price"),
        (1e6 + 1e4 * (row * 0.05).sin() + pl.col("volume").log1p()).alias("open_interest"),
    )


def read_only(values):
    array = np.array(values, np.float64)
    array.flags.writeable = False
    return array


def arrays_of(frame):
    """The inputs of kernels from a frame: read-only float arrays by name."""
    return {
        name: read_only(frame[name].cast(pl.Int32) if name == "session" else frame[name])
        for name in INPUTS
        if name in frame.columns
    }
