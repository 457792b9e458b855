"""Is a model better than the random walk? Numbers, and one plain sentence."""

from typing import Any

import polars as pl

from tradepipe.forecasting.evaluation.metrics import evaluate
from tradepipe.forecasting.evaluation.sums import judged, loss_series, statistics
from tradepipe.forecasting.members import RANDOM_WALK

SIGNIFICANCE = 0.05
"""Level of the verdict, divided by the number of horizons looked at (Bonferroni)."""

ALL = "all symbols"
"""What a sentence on a whole panel is about."""


def accuracy(scores: pl.DataFrame) -> pl.DataFrame:
    """Accuracy per symbol, horizon and model, straight from scores.

    Args:
        scores: FORECAST_SCORES columns, any number of partitions.

    Returns:
        What `evaluate` returns by symbol, Diebold-Mariano included, sorted by symbol, horizon and model.
    """
    rows = judged(scores.drop("partition", strict=False)).sort("symbol", "target_open_time", "model", "horizon")
    table = evaluate(statistics(rows), by=["symbol"], losses=loss_series(rows, ["symbol"]))
    return table.sort("symbol", "horizon", "model")


def verdict(summary: pl.DataFrame) -> dict[str, str]:
    """One plain sentence per symbol on whether each model forecasts returns better than the random walk.

    A model has skill at a horizon where its error is smaller and the Diebold-Mariano p-value is
    below 5 % divided by the number of horizons, because trying five horizons gives chance five
    throws.

    Args:
        summary: what `accuracy` returns, or `evaluate` by symbol or nothing, losses included.

    Returns:
        Symbol to sentence, in the summary's order; every symbol that has a model beside the random
        walk. Of a summary that is not by symbol, one sentence on all symbols.
    """
    named = summary if "symbol" in summary.columns else summary.with_columns(symbol=pl.lit(ALL))
    sentences: dict[str, list[str]] = {}
    for (symbol, model), rows in _of_models(named).items():
        sentences.setdefault(symbol, []).append(f"{model} {_judge(rows)}")
    return {symbol: f"{symbol}: {'; '.join(parts)}." for symbol, parts in sentences.items()}


def without_skill(summary: pl.DataFrame) -> dict[str, str]:
    """One plain sentence for each model that nowhere beats the random walk beyond chance, over all symbols.

    Args:
        summary: what `evaluate` returns by nothing, losses included.

    Returns:
        Model to sentence, in the summary's order.
    """
    named = summary.with_columns(symbol=pl.lit(ALL))
    return {
        model: f"{model} {_judge(rows)}."
        for (_, model), rows in _of_models(named).items()
        if not _decided(rows, better=True)
    }


def _of_models(summary: pl.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows of each symbol and model beside the random walk, one a horizon."""
    told = summary.filter(pl.col("model") != RANDOM_WALK)
    groups = told.partition_by("symbol", "model", maintain_order=True, as_dict=True)
    return {(str(symbol), str(model)): rows.to_dicts() for (symbol, model), rows in groups.items()}


def _decided(rows: list[dict[str, Any]], *, better: bool, of: int | None = None) -> list[dict[str, Any]]:
    """Those of `rows` at which the model is better, or worse, beyond chance, `of` horizons having been tried."""
    level = SIGNIFICANCE / (of or len(rows))
    sure = [row for row in rows if row["dm_p_value"] is not None and row["dm_p_value"] < level]
    return [row for row in sure if (row["dm_statistic"] < 0) == better]


def _judge(rows: list[dict[str, Any]]) -> str:
    """Predicate of the sentence on one symbol and model: one row a horizon."""
    count = f"{min(row['forecasts'] for row in rows):,} forecasts per horizon"
    compared = [row for row in rows if row["rmse_ratio"] is not None]
    said = [_compare(compared, len(rows), count)] if compared else []
    if len(compared) < len(rows):
        horizons = ", ".join(str(row["horizon"]) for row in rows if row["rmse_ratio"] is None)
        told = "" if compared else f" ({count})"
        said.append(f"is worse than the random walk at horizon {horizons}, where that makes no error at all{told}")
    return " and ".join(said)


def _compare(rows: list[dict[str, Any]], tried: int, count: str) -> str:
    """What the horizons at which the random walk errs too say, of `tried` horizons."""
    tested = [row for row in rows if row["dm_p_value"] is not None]
    ratios = [row["rmse_ratio"] for row in rows]
    if not tested:
        why = "the same numbers" if set(ratios) == {1.0} else "too few to tell"
        return f"cannot be told from the random walk ({why}; {count})"
    coverage = sum(row["coverage_95"] for row in rows) / len(rows)
    intervals = f"its 95 % intervals held {100 * coverage:.1f} % of the outcomes"
    better, worse = (_decided(rows, better=one, of=tried) for one in (True, False))
    if better or worse:
        parts = [f"beats the random walk {_at(better)}"] if better else []
        parts += [f"is worse than the random walk {_at(worse)}"] if worse else []
        return f"{' but '.join(parts)}, beyond chance ({count}); {intervals}"
    least = min(row["dm_p_value"] for row in tested)
    smallest = (
        f"smallest of {tried} Diebold-Mariano p = {least:.3f}" if tried > 1 else f"Diebold-Mariano p = {least:.3f}"
    )
    return (
        f"shows no skill in forecasting returns: its error is {min(ratios):.4f} to {max(ratios):.4f} times the random "
        f"walk's, which chance explains ({smallest}, {count}); {intervals}"
    )


def _at(rows: list[dict[str, Any]]) -> str:
    """Horizons and errors, for a person."""
    horizons = ", ".join(str(row["horizon"]) for row in rows)
    ratios = ", ".join(f"{row['rmse_ratio']:.4f}" for row in rows)
    return f"at horizon {horizons} (error {ratios} times its)"
