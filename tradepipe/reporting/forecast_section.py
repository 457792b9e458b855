"""The report's section on forecasts: tables, sentences and plots from evaluations."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tradepipe.contracts.evaluation import UNKNOWN
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.forecasting.evaluation import evaluate, verdict
from tradepipe.forecasting.evaluation.metrics import By
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.reporting import evaluation_plots
from tradepipe.reporting.data import ReportData

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ForecastSection:
    """What is told of all symbols together.

    Attributes:
        overall: `evaluate` by nothing: each model and horizon.
        by: regime, year or sector to `evaluate` by that, of the ensemble and the model that is traded, at the
            strategy's horizon; without those that have one part only. `part` names regime and model.
        sentences: on each model, the ensemble first.
    """

    overall: pl.DataFrame
    by: dict[str, list[dict[str, Any]]]
    sentences: tuple[str, ...]


def section(data: ReportData) -> ForecastSection:
    """Judge the forecasts of `data` over all symbols."""
    overall = evaluate(data.evaluations, losses=data.losses)
    overall = overall.sort("horizon", pl.col("model") != ENSEMBLE, "model")
    models = list(dict.fromkeys([ENSEMBLE, *overall["model"].sort()]))
    told = (verdict(overall.filter(pl.col("model").is_in([model, RANDOM_WALK]))) for model in models)
    return ForecastSection(
        overall=overall,
        by={name: rows for name, rows in _parted(data) if rows},
        sentences=tuple(sentence for one in told for sentence in one.values()),
    )


def _parted(data: ReportData) -> list[tuple[str, list[dict[str, Any]]]]:
    models = list(dict.fromkeys([ENSEMBLE, data.model]))
    chosen = pl.col("model").is_in(models), pl.col("horizon") == data.horizon
    parts: tuple[tuple[By, pl.DataFrame], ...] = (
        ("regime", data.by_regime),
        ("year", data.evaluations),
        ("sector", data.evaluations),
    )
    told: list[tuple[str, list[dict[str, Any]]]] = []
    for name, sums in parts:
        table = evaluate(sums.filter(*chosen), by=[name], losses=data.losses.filter(*chosen))
        known = table.filter(pl.col(name).cast(pl.String) != UNKNOWN)
        label = pl.col(name).cast(pl.String) + (pl.lit(", ") + pl.col("model") if len(models) > 1 else pl.lit(""))
        rows = known.sort(name, pl.col("model") != ENSEMBLE).with_columns(part=label)
        told.append((name, rows.to_dicts() if rows[name].n_unique() > 1 else []))
    return told


def figures(data: ReportData, overall: pl.DataFrame) -> "list[Figure]":
    """Calibration, skill over time and weights at the strategy's horizon; none before any target was met."""
    if data.evaluations.is_empty():
        return []
    return [
        evaluation_plots.coverage(overall, horizon=data.horizon),
        evaluation_plots.skill(data.evaluations, horizon=data.horizon),
        evaluation_plots.weights(data.evaluations, horizon=data.horizon),
    ]


def recent_weights(evaluations: pl.DataFrame, horizon: int, months: int = 12) -> list[tuple[str, float]]:
    """Mean weight of each member over the newest `months` months, the heaviest first."""
    if evaluations.is_empty():
        return []
    newest = pl.col("test_first_session").max().dt.offset_by(f"-{months}mo")
    rows = evaluations.filter(pl.col("horizon") == horizon, pl.col("test_first_session") > newest)
    weighed = rows.filter(pl.col("weighted") > 0, pl.col("model") != ENSEMBLE).group_by("model")
    mean = weighed.agg(weight=pl.col("weight").sum() / pl.col("weighted").sum())
    return [
        (str(model), float(weight)) for model, weight in mean.sort("weight", "model", descending=[True, False]).rows()
    ]
