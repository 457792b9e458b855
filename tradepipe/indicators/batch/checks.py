"""What is refused before kernels see it: they take finite numbers, each bar once."""

from collections.abc import Sequence

import polars as pl

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators.errors import IndicatorInputError

_KEY = [column.name for column in INDICATOR_KEY_COLUMNS]


def refuse_missing(bars: pl.DataFrame, needed: Sequence[str]) -> None:
    """Raise IndicatorInputError when `bars` lack one of the columns `needed`, or a bar one of its key columns."""
    missing = [name for name in needed if name not in bars.columns]
    if missing:
        raise IndicatorInputError(f"the bars lack the column {', '.join(missing)}; needed are {', '.join(needed)}")
    for name in _KEY:
        if count := bars.get_column(name).null_count():
            raise IndicatorInputError(
                f"{count} of {bars.height} bars have no {name}. Remedy: publish bars through their contract, which "
                "sends such rows to quarantine."
            )


def refuse_repeated(bars: pl.DataFrame, windows: pl.DataFrame) -> None:
    """Raise IndicatorInputError when a bar or a partition's session comes twice.

    `bars` are sorted by symbol and open_time, `windows` by first_session.
    """
    shared = windows.filter(pl.col("first_session") <= pl.col("last_session").shift(1))
    if shared.height:
        row = shared.row(0, named=True)
        raise IndicatorInputError(
            f"partition {row[PARTITION]}: its session {row['first_session']} belongs to another partition too. "
            "Remedy: give each bar and each partition once."
        )
    repeated = bars.filter(pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("symbol", "open_time")))
    if repeated.height:
        row = repeated.row(0, named=True)
        raise IndicatorInputError(
            f"the bar of {row['symbol']} at {row['open_time']:%Y-%m-%d %H:%M:%S} UTC comes "
            f"twice ({repeated.height} repeated in all). Remedy: give each bar and each partition once."
        )


def refuse_not_finite(series: pl.DataFrame, inputs: Sequence[str]) -> None:
    """Raise IndicatorInputError when one of the columns `inputs` holds null, NaN or infinity; it names the first."""
    for name in inputs:
        number = pl.col(name).to_physical().cast(pl.Float64)
        broken = series.filter(~number.is_finite().fill_null(value=False))
        if broken.height:
            row = broken.row(0, named=True)
            raise IndicatorInputError(
                f"{name} of {row['symbol']} at {row['open_time']:%Y-%m-%d %H:%M:%S} UTC is {row[name]}, "
                f"{broken.height} such value{'s' if broken.height > 1 else ''} in all; indicators need finite numbers. "
                "Remedy: publish bars through their contract, which sends such rows to quarantine."
            )
