"""Live indicators: updates a second and core, of many symbols at once and of one series.

An update is one bar of one symbol into one indicator. The peer computes the same newest values with TA-Lib as its live
users do: the functions over the lookback's bars again at each bar, or its stream functions where they are exact.
"""

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
import talib
from numpy.typing import NDArray
from talib import stream

from benchmarks.parts.indicators.bundle import BUNDLE
from tradepipe.indicators import BoundIndicator, Live, State, parse_indicators

Floats = NDArray[np.float64]
Figure = dict[str, float | str]

STREAMED: Mapping[str, Callable[[dict[str, Floats]], object]] = {
    "sma(20)": lambda bars: stream.SMA(bars["close"], 20),
    "wma(20)": lambda bars: stream.WMA(bars["close"], 20),
    "bollinger(20, 2)": lambda bars: stream.BBANDS(bars["close"], 20, 2, 2),
    "cci(20)": lambda bars: stream.CCI(bars["high"], bars["low"], bars["close"], 20),
    "mfi(14)": lambda bars: stream.MFI(bars["high"], bars["low"], bars["close"], bars["volume"], 14),
    "stochastic(14, 3, 3)": lambda bars: stream.STOCH(bars["high"], bars["low"], bars["close"], 14, 3, 0, 3, 0),
}
AGAIN: Mapping[str, Callable[[dict[str, Floats]], object]] = {
    "ema(20)": lambda bars: talib.EMA(bars["close"], 20)[-1],
    "rsi(14)": lambda bars: talib.RSI(bars["close"], 14)[-1],
    "macd(12, 26, 9)": lambda bars: [values[-1] for values in talib.MACD(bars["close"], 12, 26, 9)],
    "atr(14)": lambda bars: talib.ATR(bars["high"], bars["low"], bars["close"], 14)[-1],
    "adx(14)": lambda bars: [
        function(bars["high"], bars["low"], bars["close"], 14)[-1]
        for function in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)
    ],
}

SYMBOLS, WARM = 505, 120
TARGET = 100_000


def _bars(count: int) -> dict[str, Floats]:
    """Random-walk bars, [bars, symbols]."""
    rng = np.random.default_rng(20)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, (count, SYMBOLS)), axis=0))
    prices = {"open": close * 0.9999, "high": close * 1.0004, "low": close * 0.9996, "close": close}
    volume = rng.integers(1, 10_000, close.shape).astype(float)
    return {**prices, "volume": volume, "benchmark": close.mean(axis=1, keepdims=True).repeat(SYMBOLS, axis=1)}


def _many(bound: tuple[BoundIndicator, ...], bars: dict[str, Floats], rounds: int) -> Callable[[], float]:
    """Seconds of CPU an update, of all symbols at once."""
    live = Live(bound, [f"S{place:03}" for place in range(SYMBOLS)])
    at = 0

    def play(count: int) -> float:
        nonlocal at
        arrived = [{name: values[row] for name, values in bars.items()} for row in range(at, at + count)]
        started = time.process_time()
        for row, bar in enumerate(arrived, at):
            live.update({**bar, "open_time": row})
        at += count
        return (time.process_time() - started) / (count * SYMBOLS * len(bound))

    play(WARM)
    return lambda: play(rounds)


def _single(bound: tuple[BoundIndicator, ...], bars: dict[str, Floats], rounds: int) -> Callable[[], float]:
    """Seconds of CPU an update, of one series at a time; a bar comes as a dict of numbers."""
    states = [State(one) for one in bound]
    rows = [
        dict(zip(bars, row, strict=True)) for row in zip(*(bars[name][:, 0].tolist() for name in bars), strict=True)
    ]
    at = 0

    def play(count: int) -> float:
        nonlocal at
        started = time.process_time()
        for bar in rows[at : at + count]:
            for state in states:
                state.update(bar)
        at += count
        return (time.process_time() - started) / (count * len(states))

    play(WARM)
    return lambda: play(rounds)


def _peer(bound: tuple[BoundIndicator, ...], bars: dict[str, Floats], rounds: int) -> Callable[[], float]:
    """Seconds of CPU an update: TA-Lib over the bars that matter, again at each bar."""
    newest = {name: np.ascontiguousarray(values[:, 0]) for name, values in bars.items()}
    known = [(one, {**STREAMED, **AGAIN}[one.text]) for one in bound if one.text in STREAMED or one.text in AGAIN]

    def play() -> float:
        started = time.process_time()
        for end in range(len(newest["close"]) - rounds, len(newest["close"])):
            for one, function in known:
                first = max(end - one.lookback - 1, 0)
                function({name: newest[name][first:end] for name in one.inputs})
        return (time.process_time() - started) / (rounds * len(known))

    play()
    return play


def measure(*, quick: bool) -> dict[str, Figure]:
    """Medians over turns taken by the three."""
    bound = parse_indicators(BUNDLE)
    turns, rounds = (3, 20) if quick else (7, 100)
    bars = _bars(max(WARM + turns * rounds, 1000))
    ours = [_many(bound, bars, rounds), _single(bound, bars, rounds), _peer(bound, bars, rounds)]
    spent = [[play() for play in ours] for _ in range(turns)]
    many, single, peer = (statistics.median(turn[place] for turn in spent) for place in range(3))
    columns = sum(len(one.described) for one in bound)
    said = f"TA-Lib, the lookback's bars again or its stream functions: {1 / peer:,.0f}"
    print(f"live: {len(bound)} indicators, {columns} columns, updates a second and core:")
    print(f"{SYMBOLS} symbols at once {1 / many:,.0f}, one series {1 / single:,.0f}, {said}")
    unit = "indicator updates a second and core"
    shared = {"target": TARGET, "unit": unit, "peer": said, "better": "higher"}
    return {
        "live_updates_505_symbols": {"measured": round(1 / many), **shared},
        "live_updates_one_series": {"measured": round(1 / single), **shared},
        "live_features_505_symbols": {
            "measured": round(columns / len(bound) / many),
            "target": 1000,
            "unit": "columns a second and core",
            "peer": "row H20",
            "better": "higher",
        },
    }
