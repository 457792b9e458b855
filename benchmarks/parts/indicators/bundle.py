"""The bundle, 36 columns of 21 indicators, against TA-Lib symbol by symbol and against staged polars.

Ours runs as the asset does it, in chunks of series; both sides fill columns of float64. TA-Lib's side has numpy for
what TA-Lib lacks, and our Supertrend, which it has nothing like. Ours writes more columns than the
bundle counts where an indicator has more outputs. Polars has no Supertrend, so there ours goes without.

Besides, 30 indicators over 400 symbols of 500 bars on one core.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bars import Bars, Figure, Floats, loop_of, minutes, paired, ratio_of, stocks, walk
from benchmarks.common.staged_polars import frame_of, staged
from benchmarks.common.talib_peers import COMPOSED, SINGLE, Peer
from tradepipe.indicators import BoundIndicator, parse_indicator
from tradepipe.indicators.batch.running import run_all, run_kernel

SUPERTREND = "supertrend(10, 3)"
BUNDLE = (
    *("sma(20)", "ema(20)", "wma(20)", "rsi(14)", "macd(12, 26, 9)", "bollinger(20, 2)", "atr(14)", "adx(14)"),
    *("stochastic(14, 3, 3)", "obv", "cci(20)", "mfi(14)", "rolling_vwap(20)", SUPERTREND, "correlation(60)"),
    *("beta(60)", "donchian(20)", "ichimoku(9, 26, 52)", "keltner(20, 10, 2)", "realised_volatility(20)"),
    "zscore(20)",
)
MORE = (
    *("dema(20)", "tema(20)", "hma(16)", "kama(10)", "stochastic_rsi(14)", "roc(10)", "williams_r(14)"),
    *("natr(14)", "aroon(25)"),
)
PEERS = {**SINGLE, **COMPOSED}


def bundle_run(bounds: Sequence[BoundIndicator], bars: Bars) -> Callable[[], object]:
    """All of `bounds` as the asset computes them, into columns of float64 allocated once."""
    wanted = {bound: [np.float64] * len(bound.described) for bound in bounds}
    columns = run_all(wanted, bars.arrays, bars.offsets)
    return lambda: run_all(wanted, bars.arrays, bars.offsets, into=columns)


def bundle_peers() -> Peer:
    """The 36 columns of one symbol with TA-Lib."""
    supertrend = parse_indicator(SUPERTREND)

    def ours(arrays: Mapping[str, Floats]) -> tuple[Floats, ...]:
        return run_kernel(supertrend, {name: _read_only(arrays[name]) for name in supertrend.inputs}, _whole(arrays))

    peers = [ours if text == SUPERTREND else PEERS[text] for text in BUNDLE]
    return lambda arrays: tuple(column for peer in peers for column in peer(arrays))


def measure(*, quick: bool) -> dict[str, Figure]:
    """How many times less CPU time than either peer, and the CPU seconds of the 30."""
    bounds = [parse_indicator(text) for text in BUNDLE]
    columns = sum(len(bound.described) for bound in bounds)
    rounds = 5 if quick else 11
    figures: dict[str, Figure] = {}
    daily, minute = stocks(), minutes()
    for name, bars, target in (("daily", daily, 2.2), ("minutes", minute, 1.6)):
        ours, theirs = paired(bundle_run(bounds, bars), loop_of(bundle_peers(), bars), rounds=rounds)
        rates = [bars.rows / 1e6 / statistics.median(spent) for spent in (ours, theirs)]
        print(f"{bars.name}, {bars.rows} rows: {columns} columns {rates[0]:.1f}, TA-Lib's 36 {rates[1]:.1f} Mrow/CPU-s")
        figures[f"bundle_{name}_against_talib"] = _times(ratio_of(theirs, ours), target, f"TA-Lib loop, {bars.name}")
    expressible = [bound for bound in bounds if bound.text != SUPERTREND]
    some = daily.first(150) if quick else daily
    frame = frame_of(some)
    ours, theirs = paired(bundle_run(expressible, some), lambda: staged(frame), rounds=2 if quick else 5)
    figures["bundle_daily_against_polars"] = _times(ratio_of(theirs, ours), 8.0, f"staged polars, {some.name}")
    return figures | _thirty(rounds)


def _whole(arrays: Mapping[str, Floats]) -> NDArray[np.int64]:
    return np.array([0, len(arrays["close"])])


def _read_only(array: Floats) -> Floats:
    view = array.view()
    view.flags.writeable = False
    return view


def _thirty(rounds: int) -> dict[str, Figure]:
    bars = walk(400, 500)
    bounds = [parse_indicator(text) for text in (*BUNDLE, *MORE)]
    (spent,) = paired(bundle_run(bounds, bars), rounds=rounds)
    figure: Figure = {
        "measured": round(statistics.median(spent), 3),
        "target": 10.0,
        "unit": "CPU-s",
        "peer": f"{len(bounds)} indicators x 400 symbols x 500 bars",
        "better": "lower",
    }
    return {"thirty_indicators": figure}


def _times(measured: float, target: float, peer: str) -> Figure:
    return {"measured": round(measured, 2), "target": target, "unit": "x", "peer": peer, "better": "higher"}
