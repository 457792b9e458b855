"""Series that defeat engines, and ordinary ones to stand beside them."""

import numpy as np

from tradepipe.forecasting.model import ModelSpec, Panel

BARS = 400

SPECS = (
    ModelSpec("random_walk"),
    ModelSpec("drift"),
    ModelSpec("seasonal_naive", seasonal=(0, 0, 0, 5)),
    ModelSpec("arma", (1, 0, 1)),
    ModelSpec("arma", (1, 1, 1), mean="zero"),
    ModelSpec("samossa", ranks=(1, 2), lags=1),
    ModelSpec("ewma"),
    ModelSpec("garch", (1, 1)),
    ModelSpec("gjr", (1, 1), mean="zero", distribution="t"),
    ModelSpec("gjr", (1, 1), mean="zero", distribution="skewt"),
    ModelSpec("egarch", (1, 1), mean="zero"),
    ModelSpec("egarch", (1, 1), mean="zero", distribution="t"),
)


def returns(seed, bars=BARS):
    """GARCH(1, 1) returns of daily size."""
    generator = np.random.default_rng(seed)
    shocks, variance, values = generator.standard_t(6, bars) * np.sqrt(4 / 6), 1.0, np.zeros(bars)
    for t in range(bars):
        variance = 0.05 + (0.1 * values[t - 1] ** 2 + 0.85 * variance if t else 0.95)
        values[t] = np.sqrt(variance) * shocks[t]
    return values / 100


def hostile():
    """A panel of what the issue names, and worse."""
    spike, gaps, jump = returns(1), returns(2), np.zeros(BARS)
    spike[250] = 50 * spike.std()
    gaps[50:60], gaps[-3:] = np.nan, np.nan
    jump[-60:] = returns(3, 60)
    late = returns(4)
    late[-1] = 50 * late.std()
    series = {
        "ordinary": returns(0),
        "constant": np.full(BARS, 1e-3),
        "zero": np.zeros(BARS),
        "ten": returns(5, 10),
        "spike": spike,
        "late spike": late,
        "gaps": gaps,
        "zero variance then jump": jump,
        "one jump": np.r_[np.zeros(BARS - 1), 0.1],
        "nothing": np.empty(0),
        "all missing": np.full(BARS, np.nan),
        "infinite": np.r_[returns(6)[:-1], np.inf],
        "huge": returns(7) * 1e9,
        "alternating": np.tile([0.01, -0.01], BARS // 2),
        "trend": np.linspace(-1.0, 1.0, BARS),
        "largest": np.sign(returns(8)) * 1.7e308,
    }
    return Panel(tuple(series), tuple(series.values()))


def ordinary(count, bars=BARS):
    return Panel(tuple(f"S{i:03}" for i in range(count)), tuple(returns(100 + i, bars) for i in range(count)))
