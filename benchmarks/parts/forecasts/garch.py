"""GARCH and GJR in lanes against arch: CPU time a series, and how often each stops short of the best likelihood known.

Real returns: the 505 stocks of the shared data (windows of 1,000 sessions) and arch's own index series. Each round
fits the whole batch with ours and a few of its series with arch, in turns; figures are medians over rounds. "Short" is
more than 1e-3 below the best log-likelihood that either program, or ours from eight starts, found for the series.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bars import Figure, stocks
from tradepipe.forecasting.batched.garch import COLD_STARTS, fit_garch
from tradepipe.forecasting.batched.garch_model import GarchFits, GarchModel

Floats = NDArray[np.float64]
BARS = 1_000
SHORT = 1e-3
WIDE = (*COLD_STARTS, (0.25, 0.60), (0.02, 0.995), (0.15, 0.97), (0.10, 0.90), (0.80, 0.30))
GARCH, GJR = GarchModel(), GarchModel(asymmetric=True)
GARCH_T, GJR_T = GarchModel(student=True), GarchModel(asymmetric=True, student=True)
COLD = {"T2_garch": GARCH, "T2_gjr": GJR, "T3_garch": GARCH_T, "T3_gjr": GJR_T}
DAILY = {"T4_garch": GARCH, "T4_gjr": GJR, "T4_garch_t": GARCH_T, "T4_gjr_t": GJR_T}
TARGETS = {"T2": (150.0, 2.5), "T3": (45.0, 2.0), "T4": (80.0, 1.0)}
"""Times arch's speed at least, and short fits in % at most."""


def measure(*, quick: bool) -> dict[str, Figure]:
    """T2, T3 and T4 of the forecasts: cold fits of both laws, and the daily warm update with its safeguard."""
    longest = long_series()
    block = windows(longest, 100 if quick else 400)
    figures: dict[str, Figure] = {}
    for name, model in COLD.items():
        ratio, short, of_arch = _cold(block, model, quick=quick)
        figures |= _figures(name, ratio, short, f"arch, T = {BARS}; arch is short in {of_arch:.1f} %")
    for name, model in DAILY.items():
        figures |= _figures(name, *_daily(longest, model, quick=quick), f"arch cold, T = {BARS}")
    return figures


def windows(series: list[Floats], count: int) -> Floats:
    """(count, BARS) windows, each of a series drawn at random and beginning at a bar drawn at random."""
    generator = np.random.default_rng(2026)
    found = []
    for place in generator.integers(len(series), size=count):
        begin = generator.integers(len(series[place]) - BARS + 1)
        found.append(series[place][begin : begin + BARS])
    return np.array(found)


def long_series() -> list[Floats]:
    """Returns in percent of the indices and stocks that have enough of them."""
    from arch.data import nasdaq, sp500, wti  # noqa: PLC0415 - imports pandas

    indices = [sp500.load()["Adj Close"], nasdaq.load()["Adj Close"], wti.load().iloc[:, 0]]
    closes = [one.dropna().to_numpy() for one in indices] + [one["close"] for one in stocks().slices()]
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = [100 * np.diff(np.log(close)) for close in closes]
    return [one for one in returns if len(one) >= BARS and np.isfinite(one).all()]


def _arch(series: Floats, model: GarchModel) -> float:
    from arch import arch_model  # noqa: PLC0415 - a second

    law = "t" if model.student else "normal"
    peer = arch_model(series, vol="GARCH", p=1, o=int(model.asymmetric), q=1, dist=law, rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result: Any = peer.fit(disp="off", show_warning=False)
    return float(result.loglikelihood)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    answer = run()
    return time.process_time() - started, answer


def _cold(block: Floats, model: GarchModel, *, quick: bool) -> tuple[float, float, float]:
    """Median ratio of CPU times a series, and the two shares of short fits in %."""
    fit_garch(block[:16], model)
    _arch(block[0], model)
    rounds, each = (5, 8) if quick else (20, 20)
    ratios, costs, best_peer = [], [], np.full(len(block), -np.inf)
    fits: GarchFits | None = None
    for turn in range(rounds):
        some = np.arange(turn * each, (turn + 1) * each) % len(block)
        mine, fits = _timed(lambda: fit_garch(block, model))
        peers, found = _timed(lambda some=some: [_arch(block[i], model) for i in some])  # type: ignore[misc]
        best_peer[some] = found
        costs.append(mine / len(block))
        ratios.append(peers / each / costs[-1])
    if fits is None:
        raise RuntimeError("no round was run")
    wide = fit_garch(block, model, starts=WIDE).log_likelihood
    best = np.maximum(np.maximum(wide, fits.log_likelihood), best_peer)
    tried = np.isfinite(best_peer)
    ours = 100 * float(np.mean(~(fits.log_likelihood > best - SHORT)))
    theirs = 100 * float(np.mean(best_peer[tried] < best[tried] - SHORT))
    ratio = statistics.median(ratios)
    print(
        f"{model}: {1e6 * statistics.median(costs):.0f} us, {ratio:.0f}x arch; short {ours:.2f} %, arch {theirs:.2f} %"
    )
    return ratio, ours, theirs


def _daily(series: list[Floats], model: GarchModel, *, quick: bool) -> tuple[float, float]:
    """The window rolls by a day, each fit starting from the last one's; short against eight cold starts."""
    days, symbols = (6, 60) if quick else (60, 200)
    longest = [one for one in series if len(one) >= BARS + days][:symbols]
    fits = fit_garch([one[-BARS - days : -days] for one in longest], model)
    ratios, short, costs = [], [], []
    for day in range(1, days + 1):
        block = np.array([one[len(one) - BARS - days + day : len(one) - days + day] for one in longest])
        before = fits
        mine, fits = _timed(lambda block=block, before=before, day=day: fit_garch(block, model, before, day))  # type: ignore[misc]
        costs.append(mine / len(block))
        if quick or day % 5 == 0:
            some = (np.arange(8) + 8 * day) % len(block)
            peers, _ = _timed(lambda block=block, some=some: [_arch(block[i], model) for i in some])  # type: ignore[misc]
            ratios.append(peers / 8 / costs[-1])
            short.append(fits.log_likelihood < fit_garch(block, model, starts=WIDE).log_likelihood - SHORT)
    share, ratio = 100 * float(np.mean(short)), statistics.median(ratios)
    print(f"{model} daily: {1e6 * statistics.median(costs):.0f} us, {ratio:.0f}x arch cold; short {share:.2f} %")
    return ratio, share


def _figures(name: str, ratio: float, short: float, peer: str) -> dict[str, Figure]:
    least, most = TARGETS[name[:2]]
    return {
        name: {"measured": round(ratio, 1), "target": least, "unit": "x", "peer": peer, "better": "higher"},
        f"{name}_short": {"measured": round(short, 2), "target": most, "unit": "%", "peer": peer, "better": "lower"},
    }
