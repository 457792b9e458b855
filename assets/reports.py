"""What an asset tells Dagster: a materialisation, metadata and verdicts for each partition of its run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator

from tradepipe.chain import PartitionReport, Reports
from tradepipe.observability.meter import Measured

CONTRACT_CHECK = "contract"
QUARANTINE_CHECK = "nothing_refused"

Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output]
Judge = Callable[[PartitionReport], dg.AssetCheckResult]


def report(
    context: dg.AssetExecutionContext,
    reports: Reports,
    *,
    plots: Callable[[], Mapping[str, str]] | None = None,
    judges: Sequence[Judge] = (),
    noted: Mapping[str, str | int] | None = None,
) -> Events:
    """Tell Dagster what was published: metadata and verdicts a partition; the run's own on the newest one.

    The run's own are plots, notes, and where its time went.

    Metadata stays small: one big dictionary on each partition doubles the cost of a backfill.
    """
    shown = [_metadata(one) for one in reports]
    shown[-1] |= {**_spent(reports.measured), **(_drawn(context, plots) if plots else {}), **(noted or {})}
    verdicts = [[judge(one) for one in reports] for judge in (contract_kept, *judges)]
    if len(reports) == 1:
        yield dg.MaterializeResult(metadata=shown[0])
        yield from (results[0] for results in verdicts)
    else:
        yield from _of_range(context, reports, shown, verdicts)


def _of_range(
    context: dg.AssetExecutionContext,
    reports: Sequence[PartitionReport],
    shown: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Sequence[dg.AssetCheckResult]],
) -> Events:
    """The same for several partitions: neither kind of result can say which one it means.

    Metadata is attached by partition, and verdicts are yielded as the evaluations that Dagster makes
    of results, each with its partition (docs/decisions/0007).
    """
    key = context.asset_key
    _attach(context, key, {one.partition: metadata for one, metadata in zip(reports, shown, strict=True)})
    yield dg.MaterializeResult(asset_key=key)
    for results in verdicts:
        check = dg.AssetCheckKey(key, results[0].check_name or "")
        spec = context.assets_def.get_spec_for_check_key(check)
        for one, result in zip(reports, results, strict=True):
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check.name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                blocking=spec.blocking,
                partition=one.partition,
            )
        yield dg.Output(None, output_name=context.assets_def.get_output_name_for_asset_check_key(check))


def _attach(context: dg.AssetExecutionContext, key: dg.AssetKey, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """`context.add_asset_metadata` for many partitions at once.

    Each call of that one lists every partition of the run and copies all that was attached before:
    five years of sessions cost 4 CPU-s an asset. Characterised in tests/characterization.
    """
    step = context.op_execution_context._step_execution_context  # noqa: SLF001 - see above
    held = step._metadata_accumulator  # noqa: SLF001
    handles = {AssetMetadataHandle(asset_key=key, partition_key=name): one for name, one in metadata.items()}
    step._metadata_accumulator = OutputMetadataAccumulator(  # noqa: SLF001
        per_output_metadata={**held.per_output_metadata, **handles}
    )


def _drawn(context: dg.AssetExecutionContext, plots: Callable[[], Mapping[str, str]]) -> dict[str, Any]:
    try:
        return {name: dg.MetadataValue.md(plot) for name, plot in plots().items()}
    except Exception as error:  # the data is published; a picture must not make it look failed
        context.log.warning("The plots could not be drawn", exc_info=True)
        return {"plots": f"could not be drawn: {error}"}


def _spent(measured: Measured) -> dict[str, float | int]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(measured).items()}


def contract_kept(one: PartitionReport) -> dg.AssetCheckResult:
    """Green: the store publishes no frame that broke its contract."""
    return dg.AssetCheckResult(check_name=CONTRACT_CHECK, passed=True, metadata={"rows": one.rows})


def nothing_refused(one: PartitionReport) -> dg.AssetCheckResult:
    """Yellow where rows went to quarantine; they are kept there, and nothing else stops."""
    return dg.AssetCheckResult(
        check_name=QUARANTINE_CHECK,
        passed=one.refused == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": one.refused},
    )


def _metadata(one: PartitionReport) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "dagster/partition_row_count": dg.MetadataValue.int(one.rows),
        "content": one.content[:12],
        "generation": one.generation,
    }
    if one.refused:
        shown["refused"] = one.refused
    if not one.changed:
        shown["unchanged"] = True
    return shown
