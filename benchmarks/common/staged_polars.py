"""The bundle in polars: a lazy frame whose stages are columns, each window `.over` a sorted integer id.

Plain averages without TA-Lib's seeds, which is less work than ours. Supertrend depends on its own path and
is no expression.
"""

import numpy as np
import polars as pl

from benchmarks.common.bars import Bars

ID = "id"
_TYPICAL = (pl.col("high") + pl.col("low") + pl.col("close")) / 3


def frame_of(bars: Bars) -> pl.DataFrame:
    """The bars with the number of their series."""
    lengths = np.diff(bars.offsets)
    numbers = np.repeat(np.arange(bars.symbols, dtype=np.uint32), lengths)
    return pl.DataFrame({ID: numbers, **bars.arrays}).with_columns(pl.col(ID).set_sorted())


def staged(frame: pl.DataFrame) -> pl.DataFrame:
    """34 columns: the bundle but for Supertrend."""
    lazy = frame.lazy()
    for stage in _STAGES:
        lazy = lazy.with_columns(**stage)
    return lazy.select(_OUTPUTS).collect()


def _wilder(name: str, period: int) -> pl.Expr:
    return pl.col(name).ewm_mean(alpha=1 / period, adjust=False, min_samples=period).over(ID)


def _ema(name: str, period: int) -> pl.Expr:
    return pl.col(name).ewm_mean(alpha=2 / (period + 1), adjust=False, min_samples=period).over(ID)


def _mean(name: str, period: int) -> pl.Expr:
    return pl.col(name).rolling_mean(period).over(ID)


def _sum(name: str, period: int) -> pl.Expr:
    return pl.col(name).rolling_sum(period).over(ID)


def _highest(name: str, period: int) -> pl.Expr:
    return pl.col(name).rolling_max(period).over(ID)


def _lowest(name: str, period: int) -> pl.Expr:
    return pl.col(name).rolling_min(period).over(ID)


def _before(name: str, rows: int = 1) -> pl.Expr:
    return pl.col(name).shift(rows).over(ID)


def _deviation(period: int) -> pl.Expr:
    """Mean absolute deviation of the typical price from its mean: a shift a row of the window."""
    # Shifts of the whole column: what they fetch from the series before meets a mean that is null.
    terms = ((pl.col("typical").shift(rows) - pl.col("typical_mean")).abs() for rows in range(period))
    return pl.sum_horizontal(*terms, ignore_nulls=False) / period


_WEIGHTS = (np.arange(1, 21) / 210).tolist()
_C, _B = pl.col("close"), pl.col("close_before")

_STAGES: tuple[dict[str, pl.Expr], ...] = (
    {
        "close_before": _before("close"),
        "high_before": _before("high"),
        "low_before": _before("low"),
        "benchmark_before": _before("benchmark"),
        "typical": _TYPICAL,
    },
    {
        "change": _C - _B,
        "log_return": (_C / _B).log(),
        "benchmark_return": (pl.col("benchmark") / pl.col("benchmark_before")).log(),
        "range": pl.max_horizontal(
            pl.col("high") - pl.col("low"), (pl.col("high") - _B).abs(), (pl.col("low") - _B).abs()
        ),
        "up": pl.col("high") - pl.col("high_before"),
        "down": pl.col("low_before") - pl.col("low"),
        "typical_before": _before("typical"),
        "money": pl.col("typical") * pl.col("volume"),
    },
    {
        "gain": pl.col("change").clip(lower_bound=0),
        "loss": (-pl.col("change")).clip(lower_bound=0),
        "plus_move": pl.when((pl.col("up") > pl.col("down")) & (pl.col("up") > 0)).then("up").otherwise(0.0),
        "minus_move": pl.when((pl.col("down") > pl.col("up")) & (pl.col("down") > 0)).then("down").otherwise(0.0),
        "money_in": pl.when(pl.col("typical") > pl.col("typical_before")).then("money").otherwise(0.0),
        "money_out": pl.when(pl.col("typical") < pl.col("typical_before")).then("money").otherwise(0.0),
        "signed_volume": pl.col("change").sign().fill_null(0.0) * pl.col("volume"),
    },
    {
        "sma": _mean("close", 20),
        "ema": _ema("close", 20),
        "wma": _C.rolling_mean(20, weights=_WEIGHTS).over(ID),
        "quick": _ema("close", 12),
        "calm": _ema("close", 26),
        "deviation": _C.rolling_std(20, ddof=0).over(ID),
        "atr": _wilder("range", 14),
        "atr_10": _wilder("range", 10),
        "average_gain": _wilder("gain", 14),
        "average_loss": _wilder("loss", 14),
        "plus": _wilder("plus_move", 14),
        "minus": _wilder("minus_move", 14),
        "typical_mean": _mean("typical", 20),
        "sum_in": _sum("money_in", 14),
        "sum_out": _sum("money_out", 14),
        "vwap_money": _sum("money", 20),
        "vwap_volume": _sum("volume", 20),
        "obv": pl.col("signed_volume").cum_sum().over(ID),
        "highest_14": _highest("high", 14),
        "lowest_14": _lowest("low", 14),
        "upper_donchian": _highest("high", 20),
        "lower_donchian": _lowest("low", 20),
        **{f"highest_{period}": _highest("high", period) for period in (9, 26, 52)},
        **{f"lowest_{period}": _lowest("low", period) for period in (9, 26, 52)},
        "volatility": pl.col("log_return").rolling_std(20).over(ID),
        "correlation": pl.rolling_corr("log_return", "benchmark_return", window_size=60).over(ID),
        "covariance": pl.rolling_cov("log_return", "benchmark_return", window_size=60).over(ID),
        "benchmark_variance": pl.col("benchmark_return").rolling_var(60).over(ID),
    },
    {
        "rsi": 100 * pl.col("average_gain") / (pl.col("average_gain") + pl.col("average_loss")),
        "macd": pl.col("quick") - pl.col("calm"),
        "lower_bollinger": pl.col("sma") - 2 * pl.col("deviation"),
        "upper_bollinger": pl.col("sma") + 2 * pl.col("deviation"),
        "zscore": (_C - pl.col("sma")) / pl.col("deviation"),
        "plus_di": 100 * pl.col("plus") / pl.col("atr"),
        "minus_di": 100 * pl.col("minus") / pl.col("atr"),
        "raw_k": 100 * (_C - pl.col("lowest_14")) / (pl.col("highest_14") - pl.col("lowest_14")),
        "cci": (pl.col("typical") - pl.col("typical_mean")) / (0.015 * _deviation(20)),
        "mfi": 100 * pl.col("sum_in") / (pl.col("sum_in") + pl.col("sum_out")),
        "vwap": pl.col("vwap_money") / pl.col("vwap_volume"),
        "middle_donchian": (pl.col("upper_donchian") + pl.col("lower_donchian")) / 2,
        "tenkan": (pl.col("highest_9") + pl.col("lowest_9")) / 2,
        "kijun": (pl.col("highest_26") + pl.col("lowest_26")) / 2,
        "span": (pl.col("highest_52") + pl.col("lowest_52")) / 2,
        "lower_keltner": pl.col("ema") - 2 * pl.col("atr_10"),
        "upper_keltner": pl.col("ema") + 2 * pl.col("atr_10"),
        "beta": pl.col("covariance") / pl.col("benchmark_variance"),
    },
    {
        "signal": _ema("macd", 9),
        "direction": 100 * (pl.col("plus_di") - pl.col("minus_di")).abs() / (pl.col("plus_di") + pl.col("minus_di")),
        "k": _mean("raw_k", 3),
        "middle_ichimoku": (pl.col("tenkan") + pl.col("kijun")) / 2,
        "senkou_b": _before("span", 26),
    },
    {
        "histogram": pl.col("macd") - pl.col("signal"),
        "adx": _wilder("direction", 14),
        "d": _mean("k", 3),
        "senkou_a": _before("middle_ichimoku", 26),
    },
)

_OUTPUTS = [
    *("sma", "ema", "wma", "rsi", "macd", "signal", "histogram"),
    *("lower_bollinger", pl.col("sma").alias("middle_bollinger"), "upper_bollinger"),
    *("atr", "adx", "plus_di", "minus_di", "k", "d", "obv", "cci", "mfi", "vwap", "correlation", "beta"),
    *("lower_donchian", "middle_donchian", "upper_donchian", "tenkan", "kijun", "senkou_a", "senkou_b"),
    *("lower_keltner", pl.col("ema").alias("middle_keltner"), "upper_keltner", "volatility", "zscore"),
]
