"""From arrays of answers to rows of forecasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts.forecasts import ENSEMBLE, FORECASTS, LEVELS
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray
from tradepipe.settings.forecasts import ForecastSettings

NO_VARIANCE = 2.0
"""Degrees of freedom at and below which a Student t law has no variance."""

_INTERVAL = {True: "conformal", False: "law"}
_FARTHEST = 50.0
"""Largest distance, in log price, of an interval's end from the origin's close: exp of more is no price."""


@dataclass(frozen=True)
class Answers:
    """What is said in each row of member forecasts: by model, one entry a row.

    Attributes:
        mean: expected log return.
        volatility: its standard deviation.
        half: (rows, levels) half widths in units of volatility; NaN: the law says them.
        weight: by member, of the mean in the ensemble's.
        lead: index of the member whose volatility the ensemble takes.
        enough: whether there were enough past origins.
        early: whether the row is known before the members of the universe are; then there are not enough either.
    """

    mean: dict[str, FloatArray]
    volatility: dict[str, FloatArray]
    half: dict[str, FloatArray]
    weight: dict[str, FloatArray]
    lead: IntArray
    enough: BoolArray
    early: BoolArray
    names: tuple[str, ...] = field(default=())

    @classmethod
    def empty(cls, members: Sequence[str], rows: int) -> "Answers":
        """Room for the members' answers and the ensemble's."""
        models = (*members, ENSEMBLE)
        return cls(
            {name: np.empty(rows) for name in models},
            {name: np.empty(rows) for name in models},
            {name: np.empty((rows, len(LEVELS))) for name in models},
            {name: np.empty(rows) for name in members},
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows, dtype=np.bool_),
            np.zeros(rows, dtype=np.bool_),
            tuple(members),
        )

    def put(self, model: str, rows: IntArray, mean: FloatArray, volatility: FloatArray, half: FloatArray) -> None:
        """What `model` says in `rows`."""
        self.mean[model][rows], self.volatility[model][rows], self.half[model][rows] = mean, volatility, half

    def leave_early(self, early: BoolArray) -> None:
        """In the rows `early` the random walk stands alone, and laws say the widths."""
        self.early[early], self.enough[early], self.lead[early] = True, False, self.names.index(RANDOM_WALK)
        for said in (self.mean, self.volatility):
            said[ENSEMBLE][early] = said[RANDOM_WALK][early]
        for name, weight in self.weight.items():
            weight[early] = float(name == RANDOM_WALK)
        for half in self.half.values():
            half[early] = np.nan


def rows_of(asked: pl.DataFrame, answers: Answers, settings: ForecastSettings) -> pl.DataFrame:
    """FORECASTS rows, and their `partition`, of the member forecasts `asked`, in the order of the key.

    Args:
        asked: rows of member forecasts with their `partition`, sorted by partition, symbol, origin and horizon.
        answers: to the same rows.
        settings: names how few past origins are too few.
    """
    models, height = sorted((*answers.names, ENSEMBLE)), asked.height
    places = _places(asked, len(models))
    row = np.empty(len(models) * height, dtype=np.uint32)
    told = {name: np.empty(len(row)) for name in ("mean_return", "volatility", "freedom", "weight")}
    halves = {str(level): np.empty(len(row)) for level in LEVELS}
    freedoms = {name: asked.get_column(f"freedom_{name}").fill_null(np.inf).to_numpy() for name in answers.names}
    freedoms[ENSEMBLE] = _of_lead(answers, freedoms)
    for place, name in zip(places, models, strict=True):
        row[place] = np.arange(height)
        told["mean_return"][place], told["volatility"][place] = answers.mean[name], answers.volatility[name]
        told["freedom"][place] = freedoms[name]
        told["weight"][place] = answers.weight.get(name, np.nan)
        half = _with_law(answers.half[name], freedoms[name], answers.enough)
        for column, values in zip(halves.values(), half.T, strict=True):
            column[place] = values
    rows, model = pl.Series(row), np.empty(len(row), dtype=np.uint32)
    for number, place in enumerate(places):
        model[place] = number
    which = pl.Series(model.astype(np.int64) * height + row, dtype=pl.UInt32)
    shared = [PARTITION, *(name for name in FORECASTS.column_names if name in asked.columns)]
    return (
        asked.select(shared)
        .with_columns(pl.Series("interval", answers.enough).replace_strict(_INTERVAL, return_dtype=pl.String))
        .select(pl.all().gather(rows))
        .hstack(pl.DataFrame(told | halves))
        .hstack(_words(asked, models, answers, settings).select(pl.all().gather(which)))
        .with_columns(pl.Series("model", models, dtype=pl.String).gather(pl.Series(model)))
        .pipe(_with_prices)
        .select(PARTITION, *FORECASTS.column_names)
    )


def _words(asked: pl.DataFrame, models: Sequence[str], answers: Answers, settings: ForecastSettings) -> pl.DataFrame:
    """Engine and fallback of each model's rows, one model after another."""
    few = f"fewer than {settings.ensemble.min_origins} past origins: the random walk stands alone"
    early = "no member of the universe, and known before members are: the random walk stands alone"
    why = pl.when(pl.Series(answers.early)).then(pl.lit(early)).otherwise(pl.lit(few))
    said = [
        asked.select(engine=pl.lit(ENSEMBLE), fallback=pl.when(~pl.Series(answers.enough)).then(why))
        if name == ENSEMBLE
        else asked.select(engine=f"engine_{name}", fallback=f"fallback_{name}")
        for name in models
    ]
    return pl.concat(said, rechunk=True)


def _places(asked: pl.DataFrame, models: int) -> list[IntArray]:
    """By model, where each row's answer stands: by origin, then model, then horizon."""
    rows = np.arange(asked.height)
    opened, symbol = asked.get_column("open_time"), asked.get_column("symbol")
    new = ((opened != opened.shift(1)) | (symbol != symbol.shift(1))).fill_null(value=True)
    begin = new.arg_true().to_numpy().astype(np.int64)
    size = np.diff(np.append(begin, asked.height))
    first, count = np.repeat(begin, size), np.repeat(size, size)
    return [first * models + model * count + (rows - first) for model in range(models)]


def _of_lead(answers: Answers, freedoms: Mapping[str, FloatArray]) -> FloatArray:
    """The ensemble's law is that of the member whose volatility it takes."""
    freedom = np.empty(len(answers.lead))
    for place, name in enumerate(answers.names):
        taken = answers.lead == place
        freedom[taken] = freedoms[name][taken]
    return freedom


def _with_law(half: FloatArray, freedom: FloatArray, enough: BoolArray) -> FloatArray:
    """`half` where there were enough past origins; else quantiles of the law, standardised to variance 1."""
    few = np.flatnonzero(~enough)
    if not len(few):
        return half
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415 - half a second, and only where a law is asked for

    different, place = np.unique(freedom[few], return_inverse=True)
    student = np.isfinite(different) & (different > NO_VARIANCE)
    told, whole = np.where(student, different, 3.0), half.copy()
    for column, level in enumerate(LEVELS):
        upper = (1 + level / 100) / 2
        quantile = np.where(student, stdtrit(told, upper) * np.sqrt((told - 2) / told), ndtri(upper))
        whole[few, column] = quantile[place]
    return whole


def _with_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Prices and the ends of intervals; the law is symmetric, so its mean gives the price's median."""

    def price(half: pl.Expr) -> pl.Expr:
        away = (pl.col("mean_return") + half * pl.col("volatility")).clip(-_FARTHEST, _FARTHEST)
        return pl.col("origin_price") * away.exp()

    return rows.with_columns(
        price(pl.lit(0.0)).alias("price"),
        *(price(-pl.col(str(level))).alias(f"price_lower_{level}") for level in LEVELS),
        *(price(pl.col(str(level))).alias(f"price_upper_{level}") for level in LEVELS),
        pl.when(pl.col("freedom").is_between(NO_VARIANCE, np.inf, closed="none")).then("freedom").alias("freedom"),
        pl.when(pl.col("weight").is_not_nan()).then("weight").alias("weight"),
    )
