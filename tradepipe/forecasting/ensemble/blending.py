"""What members say of rows of forecasts, and any weighted mean of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.model import FloatArray, IntArray


@dataclass(frozen=True)
class Said:
    """One entry a forecast.

    Attributes:
        names: of the members, the random walk among them.
        columns: those of `columns_of`, by name.
    """

    names: tuple[str, ...]
    columns: Mapping[str, FloatArray]

    def mean(self, name: str) -> FloatArray:
        """Expected log return from origin to target."""
        return self.columns[f"mean_{name}"]

    def volatility(self, name: str) -> FloatArray:
        """Standard deviation of that return."""
        return self.columns[f"volatility_{name}"]

    def own(self, name: str) -> FloatArray | None:
        """1 where the forecast is the member's own, 0 where a baseline stands in; None: all are."""
        return self.columns.get(f"own_{name}")

    def at(self, rows: IntArray | slice) -> "Said":
        """What is said in `rows`."""
        return Said(self.names, {name: column[rows] for name, column in self.columns.items()})

    def blended(self, weights: FloatArray, lead: int) -> tuple[FloatArray, FloatArray]:
        """Mean and volatility at `weights` (members,); members that a baseline stands in for are left out.

        With a weight for one member only, its numbers are taken as they are.
        """
        taken, volatility = np.flatnonzero(weights), self.volatility(self.names[lead])
        if len(taken) == 1:
            return self.mean(self.names[taken[0]]), volatility
        mean, total = np.zeros(len(volatility)), np.zeros(len(volatility))
        for member in taken:
            name = self.names[member]
            weight = self.weighed(name, np.full(len(mean), weights[member]))
            mean += weight * self.mean(name)
            total += weight
        return mean / total, volatility

    def weighed(self, name: str, weight: FloatArray) -> FloatArray:
        """The weight of a member in each row: `weight`, or 0 where another stands in for it."""
        own = self.own(name)
        return weight if own is None else np.where(own > 0, weight, 0.0)


def columns_of(members: pl.DataFrame, names: Sequence[str]) -> dict[str, pl.Series]:
    """What rows of member forecasts say: `mean_`, `volatility_` and, unless all forecasts are its own, `own_` a member.

    The random walk's always are: what it says of itself is no other's forecast.
    """
    columns = {name: members.get_column(name) for what in ("mean", "volatility") for name in _each(what, names)}
    for name, fallback in zip(names, _each("fallback", names), strict=True):
        if name != RANDOM_WALK and members.get_column(fallback).null_count() < members.height:
            stands_in = (pl.col(f"engine_{name}") == "baseline") & pl.col(fallback).is_not_null()
            columns[f"own_{name}"] = members.select((~stands_in).cast(pl.Float64)).to_series()
    return columns


def _each(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what}_{name}" for name in names]
