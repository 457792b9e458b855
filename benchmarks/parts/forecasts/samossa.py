"""T6: SAMoSSA fitted to 400 series of 1,000 returns and forecast 5 steps ahead, against the authors' steps in numpy.

The peer is the tests' reference: singular value decomposition and `lstsq`, loops in Python, at the same lags and rank.
Both take turns in a process whose BLAS has one thread, since that is what one core means. What they forecast must
agree. The chain's cold start, which chooses the rank, is told apart, and so is how well forecasts of real returns do
against those of no return.
"""

import statistics
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bars import Figure, stocks
from benchmarks.common.processes import in_a_process
from tradepipe.forecasting.engines.samossa import Samossa
from tradepipe.forecasting.model import Fits, ModelSpec, Panel

Floats = NDArray[np.float64]
SERIES, BARS, STEPS = 400, 1_000, 5
SPEC = ModelSpec("samossa", ranks=(1, 2, 3, 5), lags=1)
ROUNDS = 15
TARGET_MS = 25.0
AGREEMENT = 1e-8
EVERY = 5
"""Sessions between the origins that are judged."""


def measure(*, quick: bool) -> dict[str, Figure]:
    """T6: time of the daily fit, its agreement with the peer, and the skill of what it forecasts."""
    told = in_a_process(__name__, "turns", {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")})
    ratio = told["peer_ms"] / told["daily_ms"]
    print(
        f"daily {told['daily_ms']:.1f} ms ({ratio:.1f}x the peer's {told['peer_ms']:.0f} ms), "
        f"cold start {told['cold_ms']:.1f} ms, a new bar {told['update_ms']:.2f} ms; apart by {told['apart']:.1e}"
    )
    figures = {
        "T6_samossa": _figure(told["daily_ms"], TARGET_MS, "ms", "lower", f"authors' steps: {told['peer_ms']:.0f} ms"),
        "T6_samossa_against_authors_steps": _figure(ratio, 3.0, "x", "higher", "SVDs and lstsq in numpy"),
        "T6_samossa_apart": _figure(told["apart"], AGREEMENT, "standard deviations", "lower", "the same forecasts"),
        "T6_samossa_cold_start": _figure(told["cold_ms"], TARGET_MS, "ms", "lower", "rank chosen among 4"),
    }
    for steps, worth in _skill(quick=quick).items():
        figures[f"T6_samossa_mse_{steps}"] = _figure(worth, 1.001, "of no return", "lower", "random walk")
    return figures


def turns() -> dict[str, float]:
    """Median CPU milliseconds of both, a cold start's and an update's, and how far apart forecasts lie."""
    from tests.forecasting.engines import samossa_reference as peer  # noqa: PLC0415 - it is in the tests

    block, engine = _returns()[:SERIES, -BARS:], Samossa()
    panel, new = _panel(block), _panel(block[:, :1])
    before = engine.fit(panel, SPEC)
    lags, rank = int(before.parameters[0, 1]), int(before.parameters[0, 0])
    mean, scale = block.mean(axis=1), block.std(axis=1)
    times: dict[str, list[float]] = {name: [] for name in ("daily_ms", "peer_ms", "cold_ms", "update_ms")}
    engine.forecast(engine.update(before, new), STEPS)
    ours = theirs = np.empty(0)
    for _ in range(ROUNDS):
        started = time.process_time()
        ours = engine.forecast(engine.fit(panel, SPEC, before), STEPS).mean
        times["daily_ms"].append(time.process_time() - started)
        started = time.process_time()
        standard = ((block - block.mean(axis=1)[:, None]) / block.std(axis=1)[:, None]).T
        beta, alpha, _rank = peer.fit(standard, lags, SPEC.lags, rank)
        theirs = peer.forecast(standard, beta, alpha, STEPS).T
        times["peer_ms"].append(time.process_time() - started)
        started = time.process_time()
        engine.forecast(engine.fit(panel, SPEC), STEPS)
        times["cold_ms"].append(time.process_time() - started)
        started = time.process_time()
        engine.update(before, new)
        times["update_ms"].append(time.process_time() - started)
    apart = float(np.abs((ours - mean[:, None]) / scale[:, None] - theirs).max())
    return {name: 1e3 * statistics.median(found) for name, found in times.items()} | {"apart": apart}


def _skill(*, quick: bool) -> dict[str, float]:
    """Squared errors of the cumulative return over 1 and 5 sessions, over those of the forecast 0."""
    block, engine = _returns(), Samossa()
    ours, none = dict.fromkeys(("h1", "h5"), 0.0), dict.fromkeys(("h1", "h5"), 0.0)
    before: Fits | None = None
    for place, origin in enumerate(range(BARS, block.shape[1] - STEPS, 20 if quick else EVERY)):
        before = None if place % 4 == 0 else before  # a chain begins anew each month
        before = engine.fit(_panel(block[:, origin - BARS : origin]), SPEC, before)
        mean = np.nan_to_num(engine.forecast(before, STEPS).mean)
        for name, steps in (("h1", 1), ("h5", STEPS)):
            came = block[:, origin : origin + steps].sum(axis=1)
            ours[name] += float(((came - mean[:, :steps].sum(axis=1)) ** 2).sum())
            none[name] += float((came**2).sum())
    worth = {name: ours[name] / none[name] for name in ours}
    print(f"squared errors over those of no return: {worth}")
    return worth


def _returns() -> Floats:
    """(series, bars) log returns of the stocks that have all sessions."""
    closes = [one["close"] for one in stocks().slices()]
    longest = max(map(len, closes))
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.array([np.diff(np.log(one)) for one in closes if len(one) == longest])
    return np.ascontiguousarray(returns[np.isfinite(returns).all(axis=1)])


def _panel(block: Floats) -> Panel:
    return Panel(tuple(f"S{row}" for row in range(len(block))), tuple(block))


def _figure(measured: float, target: float, unit: str, better: str, peer: str) -> Figure:
    return {
        "measured": float(f"{measured:.4g}"),
        "target": target,
        "unit": unit,
        "peer": f"{peer}; {SERIES} x {BARS}",
        "better": better,
    }
