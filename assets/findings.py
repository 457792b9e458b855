"""What the assets of bars say of quality and gaps: one yellow check, and counts in the metadata."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from assets.reports import Judge
from tradepipe.bars import Cleaned
from tradepipe.chain import PartitionReport

GAPS_CHECK = "gaps_known"


def gaps_known(gaps: pl.DataFrame) -> Judge:
    """Yellow where bars are missing and nothing says why."""
    unknown = (
        gaps.filter(pl.col("reason") == "unknown").group_by("partition").agg(pl.sum("bars"), pl.n_unique("symbol"))
    )
    found = {partition: (bars, symbols) for partition, bars, symbols in unknown.rows()}

    def judge(one: PartitionReport) -> dg.AssetCheckResult:
        bars, symbols = found.get(one.partition, (0, 0))
        return dg.AssetCheckResult(
            check_name=GAPS_CHECK,
            passed=bars == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"unknown bars": bars, "symbols": symbols},
        )

    return judge


def counts(cleaned: Cleaned, keys: Sequence[str]) -> dict[str, str]:
    """Bars by quality, missing bars by reason and quarantined rows by reason, of the partitions `keys`."""
    here = pl.col("partition").is_in(list(keys))
    told = {
        "quality": cleaned.bars.filter(here, pl.col("quality") != "ok").group_by("quality").agg(pl.len()),
        "gaps": cleaned.gaps.filter(here, pl.col("bars") > 0).group_by("reason").agg(pl.sum("bars")),
        "quarantined": cleaned.refused.filter(here).group_by("reason").agg(pl.len()),
    }
    return {
        name: ", ".join(f"{word} {number:,}" for word, number in frame.sort(frame.columns[0]).rows()) or "none"
        for name, frame in told.items()
    }
