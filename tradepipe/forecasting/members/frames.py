"""Member forecasts as the frame of their layer, built from arrays a partition at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.contracts.forecasts import FITS, member_forecasts_contract
from tradepipe.forecasting.frames import require_columns, require_unique
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.model import IntArray
from tradepipe.forecasting.refits.answers import LADDER, Answers
from tradepipe.forecasting.refits.task import Task

PARTITION = "partition"


@dataclass(frozen=True)
class Grid:
    """The calendar's expected bars in time order.

    Attributes:
        bars: session and open_time.
        opens: (n,) of `open_time`, microseconds since 1970 UTC.
    """

    bars: pl.DataFrame
    opens: IntArray

    @classmethod
    def of(cls, grid: pl.DataFrame) -> "Grid":
        """`grid` has session and open_time, each bar once.

        Raises:
            ValueError: it lacks a column, or has a bar twice.
        """
        require_columns(grid, "grid", ["session", "open_time"])
        require_unique(grid, "grid", ["open_time"])
        bars = grid.select("session", "open_time").sort("open_time")
        return cls(bars, bars["open_time"].dt.epoch("us").to_numpy())

    def places(self, origins: pl.DataFrame, horizon: int) -> IntArray:
        """(origins,) places of the bars of `origins`, each with `horizon` bars after it.

        Raises:
            ValueError: a bar is not on the grid, or the grid ends too early.
        """
        opens = origins["open_time"].dt.epoch("us").to_numpy()
        places = np.searchsorted(self.opens, opens)
        known = np.append(self.opens, -1)  # past the end there is no bar
        lost = known[places] != opens
        if lost.any():
            raise ValueError(
                f"{lost.sum()} origin bars are not on the grid, e.g. {_named(origins, lost)}; "
                "pass the calendar's expected bars of all partitions asked for"
            )
        early = places + horizon >= len(self.opens)
        if early.any():
            raise ValueError(
                f"the grid ends before the target of {early.sum()} origins, e.g. {_named(origins, early)}; "
                "extend it by the longest horizon"
            )
        return places.astype(np.int64)


def _named(origins: pl.DataFrame, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> dict[str, object]:
    return origins.select("symbol", "open_time").row(int(np.flatnonzero(rows)[0]), named=True)


def empty_run(members: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forecasts and fits of no partition."""
    frames = (member_forecasts_contract(members).empty(), FITS.empty())
    forecasts, fits = (frame.insert_column(0, pl.Series(PARTITION, [], pl.String)) for frame in frames)
    return forecasts, fits


def member_frame(
    partition: str, rows: pl.DataFrame, task: Task, answers: Mapping[str, Answers], grid: Grid
) -> pl.DataFrame:
    """One row an origin and horizon, of the origins at which the random walk answers.

    Args:
        partition: its key.
        rows: symbol, session, open_time, known_at and close of the bars of `task`.
        task: the partition's.
        answers: of each member, all of `task`'s origins.
        grid: gives the targets.
    """
    walk = answers[RANDOM_WALK]
    kept = np.flatnonzero(walk.given)
    horizon = walk.mean.shape[1]
    steps = np.tile(np.arange(1, horizon + 1, dtype=np.int32), len(kept))
    each = np.repeat(np.arange(len(kept)), horizon)
    origins = rows.select("symbol", "session", "open_time", "known_at", pl.col("close").alias("origin_price"))
    origins = origins[task.places[kept]]
    aims = grid.bars[grid.places(origins, horizon)[each] + steps]
    through = np.maximum.reduce([one.through[kept] for one in answers.values()])
    frame = origins.with_columns(fitted_through=pl.Series(task.schedule.days[through])).select(pl.all().gather(each))
    return frame.select(
        pl.lit(partition).alias(PARTITION),
        "symbol",
        "session",
        "open_time",
        "known_at",
        pl.Series("horizon", steps),
        aims["open_time"].alias("target_open_time"),
        aims["session"].alias("target_session"),
        "origin_price",
        "fitted_through",
        *(column for name, one in answers.items() for column in _columns(name, one, kept, each)),
    )


def _columns(name: str, answers: Answers, kept: IntArray, each: IntArray) -> tuple[pl.Series, ...]:
    freedom = pl.Series(answers.freedom[kept])
    normal = freedom.set(freedom.is_infinite(), None)
    return (
        pl.Series(f"mean_{name}", answers.mean[kept].ravel()),
        pl.Series(f"volatility_{name}", answers.volatility[kept].ravel()),
        pl.Series(f"engine_{name}", LADDER, dtype=pl.String).gather(answers.engine[kept][each]),
        pl.Series(f"fallback_{name}", answers.words.texts, dtype=pl.String).gather(answers.reason[kept][each]),
        normal.gather(each).alias(f"freedom_{name}"),
    )
