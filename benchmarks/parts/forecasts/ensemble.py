"""T5: a full refresh of the ensemble.

One day's work for 400 stocks: ARMA(1, 1) with a mean, GJR with Student t of its residuals, SAMoSSA and GJR with
Student t of its, their forecasts 5 steps ahead, weights and intervals from the forecasts of 250 origins before; from
frames to frames, fits from cold. The peers fit stock by stock with statsmodels and arch, from cold, and SAMoSSA by the
authors' steps in numpy; they do neither weights nor intervals, nor GJR of SAMoSSA's residuals (the figure's text says
what the loop takes with those). All in a process whose BLAS and polars have one thread.

Paired: a round is one refresh and one stock of the loop, in turns; the ratio is of medians.
"""

import statistics
import time
import warnings

import numpy as np
import polars as pl

from benchmarks.common.bars import Figure
from benchmarks.common.daily_panels import Market, returns_of, stocks
from benchmarks.common.processes import in_a_process
from benchmarks.common.two_threads import two_threads
from tradepipe.forecasting.ensemble import ensemble_lookback
from tradepipe.settings.forecasts import ForecastSettings

SYMBOLS, BARS, STEPS = 400, 1_000, 5
DAY = ForecastSettings(horizon=STEPS, train_bars=BARS, members=("random_walk", "arma_garch", "samossa"), refit="day")
SECONDS, RATIO, TWO = 0.5, 150.0, 1.8


def measure(*, quick: bool) -> dict[str, Figure]:
    """CPU seconds of the refresh and its ratio to the loop."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")} | {"POLARS_MAX_THREADS": "1"}
    told = in_a_process(__name__, "quick_refresh" if quick else "refresh", one_thread)
    print(", ".join(f"{name} {value:.3f}" for name, value in told.items()))
    loop = (
        f"statsmodels and arch stock by stock, SAMoSSA in numpy, all cold: {told['peers']:.1f} s; with arch for "
        f"SAMoSSA's residuals too, as we do, {told['more'] / told['ours']:.0f}x"
    )
    return {
        "T5_ensemble_refresh": _figure(told["ours"], SECONDS, "CPU s", "lower", loop),
        "T5_ensemble_against_loop": _figure(told["peers"] / told["ours"], RATIO, "x", "higher", loop),
        "T5_ensemble_two_threads": _figure(told["two"], TWO, "x", "higher", "one thread, wall time"),
    }


def _figure(measured: float, target: float, unit: str, better: str, peer: str) -> Figure:
    return {"measured": round(measured, 4), "target": target, "unit": unit, "better": better, "peer": peer}


def quick_refresh() -> dict[str, float]:
    """`refresh` with fewer rounds."""
    return refresh(rounds=3, peers=3, pairs=5)


def refresh(rounds: int = 9, peers: int = 12, pairs: int = 30) -> dict[str, float]:
    """CPU seconds of ours and of the peers for one day, and the gain of two threads."""
    told = stocks(SYMBOLS)
    last = len(told.traded) - 1
    back = ensemble_lookback(DAY)
    before = told.members(
        told.windows(last - back, last - 1, "%Y-%m", BARS + 40), DAY.model_copy(update={"refit": "month"})
    )
    today = told.windows(last, last, "%Y-%m-%d", BARS + 2)
    within = told.windows(last, last, "%Y-%m-%d", back)
    anchor = today.item(0, "anchor_session")
    day = Market(told.panel.filter(pl.col("session") >= anchor), told.sessions)
    past = Market(told.panel.filter(pl.col("session") >= within.item(0, "anchor_session")), told.sessions)

    def ours(threads: int = 1) -> None:
        made = day.members(today, DAY, threads)
        past.forecasts(pl.concat([before, made]), within, DAY, threads)

    ours()
    returns, means, variances, took = returns_of(told, BARS), [], [], []
    for number in range(max(rounds, peers)):
        if number < rounds:
            took.append(_cpu(ours)[0])
        if number < peers:
            seconds, residuals = _cpu(lambda row=returns[number]: _mean(row))  # type: ignore[misc]
            means.append(seconds)
            variances.append(_cpu(lambda rest=residuals: _variance(rest))[0])  # type: ignore[misc]
    mean, variance = (statistics.median(one) * len(returns) for one in (means, variances))
    samossa = statistics.median(_cpu(lambda: _samossa(returns))[0] for _ in range(3))
    members = statistics.median(_cpu(lambda: day.members(today, DAY))[0] for _ in range(3))
    two = two_threads(ours, passes=2, rounds=pairs)["measured"]
    return {
        "ours": statistics.median(took),
        "members": members,
        "peers": mean + variance + samossa,
        "more": mean + 2 * variance + samossa,
        "two": float(two),
    }


def _cpu(run):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - any callable
    """CPU seconds, and what it answered."""
    started = time.process_time()
    answer = run()
    return time.process_time() - started, answer


def _mean(returns):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - arrays
    """Fit and forecast the mean of one stock as one does who has the library's documentation before him."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - three seconds

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean = SARIMAX(100 * returns, order=(1, 0, 1), trend="c").fit(disp=0)
        mean.forecast(STEPS)
        return mean.resid


def _variance(residuals) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - an array
    """Likewise the variance of what the mean left over."""
    from arch import arch_model  # noqa: PLC0415 - a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rest = arch_model(residuals, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
        rest.fit(disp="off", show_warning=False).forecast(horizon=STEPS)


def _samossa(returns: np.ndarray) -> None:  # type: ignore[type-arg]
    from tests.forecasting.engines import samossa_reference as peer  # noqa: PLC0415 - it is in the tests

    standard = ((returns.T - returns.mean(axis=1)) / returns.std(axis=1)).copy()
    lags = int(np.sqrt(returns.size / 4))
    beta, alpha, _ = peer.fit(standard, min(lags, BARS // 3), 1, 1)
    peer.forecast(standard, beta, alpha, STEPS)
