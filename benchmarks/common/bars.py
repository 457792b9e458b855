"""Bars for the benchmarks of indicators, and how two ways to compute the same are timed in turns."""

import gzip
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.common.stocks import shared_file
from tradepipe.indicators import BoundIndicator
from tradepipe.indicators.kernels import FIRST, FRESH, SLOT, STOP
from tradepipe.paths import source_checkout

PRICES = ("open", "high", "low", "close")
_NUMBERS = (*PRICES, "volume")
STOCKS, STOCK_BARS = 505, 1259
PERPETUALS, PERPETUAL_BARS = 5, 43_200

Floats = NDArray[np.float64]
Figure = dict[str, float | str]


@dataclass(frozen=True)
class Bars:
    """Series that lie end to end: series g in rows offsets[g] to offsets[g + 1] of each array.

    `benchmark` is the mean close of all symbols that have a bar at the time.
    """

    name: str
    arrays: dict[str, Floats]
    offsets: NDArray[np.int64]

    @property
    def rows(self) -> int:
        return int(self.offsets[-1])

    @property
    def symbols(self) -> int:
        return len(self.offsets) - 1

    def first(self, symbols: int) -> "Bars":
        """The first symbols only."""
        offsets = self.offsets[: symbols + 1]
        return Bars(self.name, {name: _read_only(array[: offsets[-1]]) for name, array in self.arrays.items()}, offsets)

    def slices(self) -> list[dict[str, Floats]]:
        """The arrays of each series."""
        return [
            {name: array[start:stop] for name, array in self.arrays.items()}
            for start, stop in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True)
        ]


def stocks() -> Bars:
    """Five years of daily bars of 505 stocks; a random walk of that shape where the shared data is not."""
    file = shared_file()
    if not file:
        return walk(STOCKS, STOCK_BARS)
    frame = pl.read_csv(gzip.decompress(file.read_bytes()), schema_overrides={"volume": pl.Float64})
    return _of("505 stocks, daily", frame.rename({"Name": "symbol", "date": "time"}))


def minutes() -> Bars:
    """One month and more of minute bars of five Binance perpetuals; else a random walk of that shape."""
    root = source_checkout()
    files = sorted((root.parent / "shared/data/crypto/binance_usdm").glob("*-1m-futures.feather")) if root else []
    if not files:
        return walk(PERPETUALS, PERPETUAL_BARS)
    frames = [pl.read_ipc(file).with_columns(symbol=pl.lit(_symbol(file))) for file in files]
    return _of(f"{len(files)} Binance perpetuals, 1m", pl.concat(frames).rename({"date": "time"}))


def walk(symbols: int, bars: int, volatility: float = 0.01) -> Bars:
    """Random-walk bars on a grid of cents, with all that indicators may read from outside."""
    rng = np.random.default_rng(36)
    shape = (symbols, bars)
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0, volatility, shape), axis=1)), 2)
    spread = np.round(close * np.abs(rng.normal(0, volatility, shape)), 2)
    before = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    arrays = {
        "open": before,
        "high": np.maximum(close, before) + spread,
        "low": np.minimum(close, before) * (1 - volatility),
        "close": close,
        "volume": rng.integers(1, 1_000_000, shape).astype(float),
        "benchmark": np.broadcast_to(close.mean(axis=0), shape),
        "session": np.broadcast_to(np.arange(bars) // 390.0, shape),
        "funding_rate": rng.normal(1e-4, 1e-4, shape),
        "mark_price": close * (1 + rng.normal(0, 1e-4, shape)),
        "open_interest": rng.integers(1_000, 2_000, shape).astype(float),
    }
    offsets = np.arange(symbols + 1, dtype=np.int64) * bars
    return Bars(
        f"random walk, {symbols} x {bars}", {name: _read_only(a.ravel()) for name, a in arrays.items()}, offsets
    )


def runs_of(bound: BoundIndicator, bars: Bars) -> Callable[[], None]:
    """The kernel of `bound` over all series in one call, into columns allocated here and now."""
    series = np.zeros((bars.symbols, 5), np.int64)
    series[:, FIRST] = series[:, FRESH] = bars.offsets[:-1]
    series[:, STOP] = bars.offsets[1:]
    series[:, SLOT] = np.arange(bars.symbols)
    memory = np.zeros((bars.symbols, bound.memory))
    inputs = [bars.arrays[name] for name in bound.inputs]
    columns = [np.zeros(bars.rows) for _ in bound.described]

    def run() -> None:
        memory[:] = 0
        bound.indicator.kernel(series, memory, *inputs, *bound.values, *columns)

    return run


def loop_of(function: Callable[[Mapping[str, Floats]], tuple[Floats, ...]], bars: Bars) -> Callable[[], None]:
    """A loop over the symbols that puts what `function` returns for each into columns allocated here and now."""
    columns = [np.zeros(bars.rows, values.dtype) for values in function(bars.slices()[0])]
    slices, starts = bars.slices(), bars.offsets.tolist()

    def run() -> None:
        for start, stop, one in zip(starts[:-1], starts[1:], slices, strict=True):
            for column, values in zip(columns, function(one), strict=True):
                column[start:stop] = values

    return run


def paired(
    *variants: Callable[[], object], rounds: int, clock: Callable[[], float] = time.process_time
) -> list[list[float]]:
    """Seconds of each variant in each round, on `clock`; the variants take turns, after one run unmeasured.

    CPU time unless another clock is given: a busy machine spoils it less than wall time.
    """
    for variant in variants:
        variant()
    spent: list[list[float]] = [[] for _ in variants]
    for turn in range(rounds):
        order = range(len(variants)) if turn % 2 else range(len(variants) - 1, -1, -1)
        for n in order:
            started = clock()
            variants[n]()
            spent[n].append(clock() - started)
    return spent


def ratio_of(peers: list[float], ours: list[float]) -> float:
    """Median of the rounds' ratios: how many times faster ours was than the peer."""
    return statistics.median(peer / mine for peer, mine in zip(peers, ours, strict=True))


def _symbol(file: Path) -> str:
    return file.name.split("-", 1)[0]


def _of(name: str, frame: pl.DataFrame) -> Bars:
    """Bars of complete rows, by symbol and time; what breaks the bars contract is left out as the lake does."""
    complete = (
        frame.select("symbol", "time", *(pl.col(column).cast(pl.Float64) for column in _NUMBERS))
        .drop_nulls()
        .filter(pl.col("high") >= pl.max_horizontal(*PRICES), pl.col("low") <= pl.min_horizontal(*PRICES))
        .with_columns(benchmark=pl.col("close").mean().over("time"))
        .sort("symbol", "time")
    )
    lengths = complete.group_by("symbol", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    arrays = {column: _read_only(complete[column].to_numpy()) for column in (*_NUMBERS, "benchmark")}
    return Bars(name, arrays, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))


def _read_only(array: Floats) -> Floats:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
