"""The rule: which models deserve to be active in a regime, by what evaluations say of them.

A version forecasts one partition, and one partition is chance: the luckiest of sixty fits is no better model. So the
rule judges a *model*, the member with its specs and code, by all its versions together in the newest evaluation
partitions; and what it makes active is the model's newest version. A calm month gives every model a better log score
than a wild one: the score is the metric over the random walk's in the same partitions, regime and horizons. Where the
random walk has no value, such as a Sharpe ratio (it never trades), the metric stands by itself.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import polars as pl

from tradepipe.forecasting.evaluation.formulas import metric
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.registry.metrics import ADDED
from tradepipe.forecasting.registry.model import LESS_IS_BETTER, Metric, Standing
from tradepipe.settings.forecasts import PromotionSettings

EVERYWHERE: Final = ""
"""Regime of a withdrawal from all regimes."""

_AT = ["partition", "made", "regime", "horizon"]
"""Where the random walk is judged on the same targets; a partition's first ones were forecast in the one before."""
_WALK = "of the walk: "


def standings(
    evidence: pl.DataFrame, rule: PromotionSettings, *, withdrawn: Collection[tuple[str, str]] = ()
) -> list[Standing]:
    """Every model in each regime it was judged in, by its newest version: regimes by name, the best eligible first.

    Ties go to the older version: the earlier partition, then the earlier registration.

    Args:
        evidence: EVIDENCE with `member`, `model` (alike for versions of the same specs and code), `made` (the version's
            partition) and `number` of each version that is not superseded; any partitions.
        rule: what is asked of a model.
        withdrawn: (version, regime) that a person took out; regime EVERYWHERE: of all. The version before stands in.
    """
    newest = evidence["partition"].unique().sort(descending=True).head(rule.partitions)
    counted = evidence.filter(pl.col("partition").is_in(newest.implode()))
    versions = counted.select("member", "model", "version", "made", "number").unique().sort("made", "number")
    fits = {key: part.to_dicts() for key, part in versions.partition_by("member", "model", as_dict=True).items()}
    found: list[Standing] = []
    for row in _pooled(counted, rule.metric).to_dicts():
        every, regime = fits[row["member"], row["model"]], row["regime"]
        free = [one for one in every if not {(one["version"], regime), (one["version"], EVERYWHERE)} & set(withdrawn)]
        newest_fit = (free or every)[-1]
        refusal = _refusal(row["forecasts"], row["score"], rule) if free else "a person took its versions out"
        told = {name: row[name] for name in ("regime", "member", "value", "score", "forecasts")}
        fit = {"version": newest_fit["version"], "partition": newest_fit["made"], "number": newest_fit["number"]}
        found.append(Standing(**told, **fit, refusal=refusal))
    return sorted(found, key=_order)


def eligible(found: Iterable[Standing]) -> dict[str, list[Standing]]:
    """Those of `standings` that may be active, by regime, the best first."""
    regimes: dict[str, list[Standing]] = {}
    for one in found:
        if one.refusal is None:
            regimes.setdefault(one.regime, []).append(one)
    return regimes


def chosen(ranked: Sequence[Standing], best: int, kept: Collection[str] = ()) -> list[str]:
    """The versions that the rule wants active in a regime: those `kept`, and the best others up to `best` in all."""
    free = max(0, best - len(kept))
    return [*kept, *[one.version for one in ranked if one.version not in kept][:free]]


def _pooled(evidence: pl.DataFrame, name: Metric) -> pl.DataFrame:
    """One row a model and regime: its metric, and how much better that is than the random walk's."""
    walk = (
        evidence.filter(pl.col("member") == RANDOM_WALK)
        .sort(*_AT, "number")  # sums of floats follow the order of their terms
        .group_by(_AT, maintain_order=True)
        .agg(pl.col(column).sum().alias(_WALK + column) for column in ADDED)
    )
    sign = -1.0 if name in LESS_IS_BETTER else 1.0
    return (
        evidence.join(walk, on=_AT, how="left")
        .sort("number", *_AT)
        .group_by("regime", "member", "model", maintain_order=True)
        .agg(pl.col(column).sum() for column in (*ADDED, *(_WALK + column for column in ADDED)))
        .with_columns(value=metric(name), walk=metric(name, _WALK).fill_null(0.0))
        .with_columns(score=sign * (pl.col("value") - pl.col("walk")))
    )


def _refusal(forecasts: int, score: float | None, rule: PromotionSettings) -> str | None:
    if forecasts < rule.min_forecasts:
        return f"{forecasts} judged forecasts, {rule.min_forecasts} are needed"
    return f"has no {rule.metric}" if score is None else None


def _order(one: Standing) -> tuple[str, bool, float, str, int]:
    return (one.regime, one.refusal is not None, -(one.score or 0.0), one.partition, one.number)
