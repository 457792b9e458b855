"""T1: ARMA(1, 1) with a mean, fitted cold to windows of real returns, against statsmodels and statsforecast.

Beside it the daily warm step against a cold fit (G6), how often ARMA(2, 2), whose optima are many, ends short, and
fits with a season and a regressor.

Both likelihoods are exact and of the same values, so they compare. A fit is short when it is more than 1e-3 below
the best that anyone found: either engine, ours from every basin of the grid, or ours from random places.
"""

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.common.bars import Figure, Floats
from benchmarks.common.stocks import shared_file
from tradepipe.forecasting.batched import ArmaFits, ArmaOrder, fit_arma

SHORT = 1e-3
STARTS, BESIDE = 4, 2
DAYS = 20
WINDOW = 1000
Peer = Callable[[int], tuple[float, float]]
"""CPU seconds and log-likelihood of a fit to the window of that number."""

_ROOT = Path(__file__).parents[3]
_ORDER = ArmaOrder(1, 0, 1)
_RANDOM_PLACES = 12


def measure(*, quick: bool) -> dict[str, Figure]:
    """CPU time a fit against each peer, paired window by window, and how many fits of each are short."""
    windows = [*_indices(), *_stocks()]
    chosen = [windows[i] for i in np.linspace(0, len(windows) - 1, 10 if quick else 60).astype(int)]
    fit_arma(chosen[:1], _ORDER, starts=STARTS)  # compiles
    figures: dict[str, Figure] = {}
    best, heights = _best(windows), {}
    for name, (python, target) in _peers().items():
        with _worker(python, name, chosen) as fit:
            ratios, heights[name] = _against(fit, chosen)
        ratio = statistics.median(ratios)
        print(f"{name}: ratio {ratio:.0f}, quartiles {np.quantile(ratios, [0.25, 0.75]).round()}")
        figures[f"T1_{name}"] = _figure(ratio, target, "x", f"{name}, its defaults", "higher")
    places = np.linspace(0, len(windows) - 1, len(chosen)).astype(int)
    for height in heights.values():
        best[places] = np.fmax(best[places], height)
    ours = fit_arma(windows, _ORDER, starts=STARTS).log_likelihood
    short = 100 * float(np.mean(best - ours > SHORT))
    peer_short = {
        name: round(100 * float(np.mean(best[places] - height > SHORT)), 1) for name, height in heights.items()
    }
    started = time.process_time()
    fit_arma(windows, _ORDER, starts=STARTS)
    each = (time.process_time() - started) / len(windows) * 1e6
    print(f"{len(windows)} windows of {WINDOW}: {each:.0f} us a fit, short {short:.1f} %")
    print(f"short in % of {len(places)} of them: {peer_short}")
    figures["T1_short"] = _figure(short, 3.0, "% of windows", f"best known; short are {peer_short}", "lower")
    return (
        figures
        | _warm([one for one in windows if len(one) > DAYS][:: 8 if quick else 2])
        | _second(chosen)
        | _seasonal(chosen)
    )


def _warm(windows: list[Floats]) -> dict[str, Figure]:
    """G6: the window rolls by a day, warm against cold in turns; each fit starts from the warm one before."""
    fits = fit_arma([one[:-DAYS] for one in windows], _ORDER, starts=STARTS)
    ratios, short = [], []
    for day in range(1, DAYS + 1):
        block = [one[day : len(one) - DAYS + day] for one in windows]
        started = time.process_time()
        warm = fit_arma(block, _ORDER, starts=BESIDE, warm=fits, rotation=day)
        middle = time.process_time()
        cold = fit_arma(block, _ORDER, starts=STARTS)
        ratios.append((middle - started) / (time.process_time() - middle))
        short.append(float(np.mean(cold.log_likelihood - warm.log_likelihood > SHORT)))
        fits = warm
    ratio, behind = 100 * statistics.median(ratios), 100 * statistics.mean(short)
    print(f"warm step: {ratio:.0f} % of a cold fit, short of it {behind:.1f} %")
    return {
        "G6_arma_warm": _figure(ratio, 50.0, "% of a cold fit", "ours, cold", "lower"),
        "G6_arma_warm_short": _figure(behind, 1.0, "% of days", "ours, cold", "lower"),
    }


def _second(windows: list[Floats]) -> dict[str, Figure]:
    """ARMA(2, 2): CPU time, and how often it ends short of itself from many more and from random places."""
    order = ArmaOrder(2, 0, 2)
    fit_arma(windows[:1], order)  # compiles
    started = time.process_time()
    fits = fit_arma(windows, order, starts=STARTS)
    each = (time.process_time() - started) / len(windows) * 1e3
    best: Floats = fit_arma(windows, order, starts=64).log_likelihood
    generator = np.random.default_rng(7)
    for attempt in range(5 * _RANDOM_PLACES):
        numbers, count = fits.numbers.copy(), len(windows)
        radius, frequency = 1.0 - 10.0 ** generator.uniform(-3, -0.5, count), generator.uniform(0, np.pi, count)
        beside = np.clip(radius + generator.normal(0.0, 0.01, count), 0.0, 0.999)
        apart = frequency if attempt % 2 else generator.uniform(0, np.pi, count)
        numbers[:, 0], numbers[:, 1] = 2 * radius * np.cos(frequency), -(radius**2)
        numbers[:, 3], numbers[:, 4] = -2 * beside * np.cos(apart), beside**2
        again = fit_arma(windows, order, starts=0, warm=ArmaFits(order, fits.status, numbers))
        best = np.fmax(best, again.log_likelihood)
    short = 100 * float(np.mean(best - fits.log_likelihood > SHORT))
    print(f"ARMA(2, 2): {each:.2f} ms a fit, short {short:.1f} %")
    return {
        "T1_arma_22_short": _figure(short, 5.0, "% of windows", "best known", "lower"),
        "T1_arma_22": _figure(each, 3.0, "ms", "of this machine", "lower"),
    }


def _seasonal(windows: list[Floats]) -> dict[str, Figure]:
    """A season of a week and the size of the return before beside it: CPU time, evaluations, and how many are short."""
    order = ArmaOrder(1, 0, 1, seasonal=(1, 0, 1, 5), regressors=1)
    series, beside = [one[1:] for one in windows], [np.abs(one[:-1, None]) for one in windows]
    fit_arma(series[:1], order, beside[:1])  # compiles
    started = time.process_time()
    fits = fit_arma(series, order, beside, starts=STARTS)
    each = (time.process_time() - started) / len(windows) * 1e3
    best = fit_arma(series, order, beside, starts=64).log_likelihood
    short, made = 100 * float(np.mean(best - fits.log_likelihood > SHORT)), float(fits.evaluations.mean())
    print(f"seasonal, a regressor: {each:.2f} ms and {made:.0f} evaluations a fit, short {short:.1f} %")
    return {
        "T1_arma_seasonal": _figure(each, 7.8, "ms", "half of what finite differences took", "lower"),
        "T1_arma_seasonal_short": _figure(short, 5.0, "% of windows", "ours, from every basin", "lower"),
    }


def _figure(measured: float, target: float, unit: str, peer: str, better: str) -> Figure:
    return {"measured": round(measured, 2), "target": target, "unit": unit, "peer": peer, "better": better}


def _against(fit: Peer, windows: list[Floats]) -> tuple[list[float], Floats]:
    """Ratio of CPU times for each window, ours the median of five, and the peer's log-likelihoods."""
    ratios, heights = [], []
    for place, window in enumerate(windows):
        theirs, height = fit(place)
        heights.append(height)
        ours = []
        for _ in range(5):
            started = time.process_time()
            fit_arma([window] * 8, _ORDER, starts=STARTS)
            ours.append((time.process_time() - started) / 8)
        ratios.append(theirs / statistics.median(ours))
    return ratios, np.array(heights)


def _peers() -> dict[str, tuple[Path, float]]:
    """Of each peer the Python that has it and the ratio asked for."""
    peers = {"sarimax": (Path(sys.executable), 250.0)}
    apart = _ROOT / ".venv-peers" / "bin" / "python"
    if apart.exists():
        return peers | {"statsforecast": (apart, 55.0)}
    print("statsforecast is not installed, its half of T1 is left out: run `make peers`")
    return peers


@contextmanager
def _worker(python: Path, peer: str, windows: list[Floats]) -> Iterator[Peer]:
    """The peer in a process of its own, on one thread as ours is, which measures itself."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "windows.npz"
        np.savez(file, windows=np.array(windows))
        with subprocess.Popen(  # noqa: S603 - our own program
            [python, _ROOT / "benchmarks" / "common" / "peer_arma.py", peer, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | single,
            text=True,
        ) as process:

            def fit(place: int) -> tuple[float, float]:
                if process.stdin is None or process.stdout is None:
                    raise BrokenPipeError(peer)
                print(place, file=process.stdin, flush=True)
                seconds, height = process.stdout.readline().split()
                return float(seconds), float(height)

            yield fit
            process.communicate()


def _best(windows: list[Floats]) -> Floats:
    """The largest log-likelihood known of each window."""
    fits = fit_arma(windows, _ORDER, starts=16)
    best, generator = fits.log_likelihood.copy(), np.random.default_rng(7)
    for attempt in range(_RANDOM_PLACES):
        numbers = fits.numbers.copy()
        place = generator.normal(0.0, 1.3, len(windows))
        beside = place + generator.normal(0.0, 0.15, len(windows))
        apart = generator.normal(0.0, 1.3, len(windows))
        numbers[:, 0], numbers[:, 3] = np.tanh(place), -np.tanh(beside if attempt % 2 else apart)
        again = fit_arma(windows, _ORDER, starts=0, warm=ArmaFits(_ORDER, fits.status, numbers))
        best = np.fmax(best, again.log_likelihood)
    return best


def _indices() -> list[Floats]:
    """Windows of the S&P 500, NASDAQ, oil and volatility series that ship with arch, a quarter window apart."""
    spec = find_spec("arch")
    if spec is None or spec.origin is None:
        return []
    windows = []
    columns = {"sp500": "Adj Close", "nasdaq": "Adj Close", "wti": "DCOILWTICO", "vix": "vix"}
    for name, column in columns.items():
        file = Path(spec.origin).parent / "data" / name / f"{name}.csv.gz"
        frame = pl.read_csv(gzip.decompress(file.read_bytes()), infer_schema_length=None, null_values=".")
        prices = next(frame[one] for one in frame.columns if one.lower() == column.lower())
        returns = _returns(prices)
        windows += [returns[at : at + WINDOW] for at in range(0, len(returns) - WINDOW + 1, WINDOW // 4)]
    return windows


def _stocks() -> list[Floats]:
    """The newest window of each of the 505 stocks that has one; none where the shared file is absent."""
    file = shared_file()
    if file is None:
        print("the 505 stocks are not beside the checkout: the indices alone are measured")
        return []
    frame = pl.read_csv(gzip.decompress(file.read_bytes()), infer_schema_length=None).sort("Name", "date")
    series = [_returns(one["close"]) for one in frame.partition_by("Name", maintain_order=True)]
    return [returns[-WINDOW:] for returns in series if len(returns) >= WINDOW]


def _returns(prices: pl.Series) -> Floats:
    """Log returns in per cent."""
    known = prices.cast(pl.Float64, strict=False).drop_nulls().to_numpy()
    returns: Floats = 100.0 * np.diff(np.log(known[known > 0]))
    return returns
