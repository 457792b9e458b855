"""The rule: which versions deserve to be active in a regime, by what evaluations say of them.

Versions forecast different partitions, and a calm month gives every model a better log score than a wild one. So a
version is told apart by its metric over the random walk's in the same evaluation partitions, regime and horizons; the
random walk is a member of every market. Where the random walk has no value, such as a Sharpe ratio (it never trades),
the metric stands by itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.registry.metrics import ADDED, metric
from tradepipe.forecasting.registry.model import LESS_IS_BETTER, Metric, Standing
from tradepipe.settings.forecasts import PromotionSettings

EVERYWHERE: Final = ""
"""Regime of a withdrawal from all regimes."""

_AT = ["partition", "regime", "horizon"]
_WALK = "of the walk: "


def standings(
    evidence: pl.DataFrame,
    rule: PromotionSettings,
    *,
    withdrawn: Collection[tuple[str, str]] = (),
    superseded: Mapping[str, str] | None = None,
) -> list[Standing]:
    """Every version in each regime it was judged in: regimes by name, the best eligible version first.

    Ties go to the older version: the earlier partition, then the earlier registration.

    Args:
        evidence: EVIDENCE with `member`, `made` (the version's partition) and `number` of each version; any partitions.
        rule: what is asked of a version.
        withdrawn: (version, regime) that a person took out; regime EVERYWHERE: of all.
        superseded: version -> the version that its partition's present content has.
    """
    newest = evidence["partition"].unique().sort(descending=True).head(rule.partitions)
    counted = evidence.filter(pl.col("partition").is_in(newest.implode()))
    found = [
        Standing(**row, refusal=_refusal(row, rule, withdrawn, superseded or {}))
        for row in _pooled(counted, rule.metric).to_dicts()
    ]
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
    """One row a version and regime: its metric, and how much better that is than the random walk's."""
    walk = (
        evidence.filter(pl.col("member") == RANDOM_WALK)
        .sort(*_AT, "number")  # sums of floats follow the order of their terms
        .group_by(_AT, maintain_order=True)
        .agg(pl.col(column).sum().alias(_WALK + column) for column in ADDED)
    )
    who = ["regime", "version", "member", "made", "number"]
    sign = -1.0 if name in LESS_IS_BETTER else 1.0
    return (
        evidence.join(walk, on=_AT, how="left")
        .sort("number", *_AT)
        .group_by(who, maintain_order=True)
        .agg(pl.col(column).sum() for column in (*ADDED, *(_WALK + column for column in ADDED)))
        .with_columns(value=metric(name), walk=metric(name, _WALK).fill_null(0.0))
        .with_columns(score=sign * (pl.col("value") - pl.col("walk")))
        .rename({"made": "partition"})
        .select("regime", "version", "member", "partition", "number", "value", "score", "forecasts")
    )


def _refusal(
    row: Mapping[str, Any],
    rule: PromotionSettings,
    withdrawn: Collection[tuple[str, str]],
    superseded: Mapping[str, str],
) -> str | None:
    version, regime, forecasts = row["version"], row["regime"], row["forecasts"]
    if version in superseded:
        return f"superseded by {superseded[version]}"
    if (version, EVERYWHERE) in withdrawn:
        return "retired by a person"
    if (version, regime) in withdrawn:
        return "rolled back in this regime"
    if forecasts < rule.min_forecasts:
        return f"{forecasts} judged forecasts, {rule.min_forecasts} are needed"
    return f"has no {rule.metric}" if row["score"] is None else None


def _order(one: Standing) -> tuple[str, bool, float, str, int]:
    return (one.regime, one.refusal is not None, -(one.score or 0.0), one.partition, one.number)
