"""What every asset of the chain shares: key, group, partitions, checks, automation, metadata."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from assets.partitions import mapping, partitions_of
from tradepipe.chain import LAYERS, LayerRun, PartitionReport
from tradepipe.contracts import Contract
from tradepipe.markets import Market

CONTRACT_CHECK = "contract"
QUARANTINE_CHECK = "nothing_refused"

Events = Iterator[dg.MaterializeResult | dg.AssetCheckEvaluation | dg.Output]
Body = Callable[..., Events]
Judge = Callable[[PartitionReport], dg.AssetCheckEvaluation]


def asset_key(market: Market, layer: str) -> dg.AssetKey:
    return dg.AssetKey([market.name, layer])


def layer_asset(
    market: Market, layer: str, *, checks: Sequence[str] = (), automated: bool = True
) -> Callable[[Body], dg.AssetsDefinition]:
    """Decorate the body of `layer`'s asset for `market`.

    `checks` names partitioned checks beyond the blocking `contract` one. An automated asset is
    requested when its inputs changed and their blocking checks passed.
    """
    described, key, partitions = LAYERS[layer], asset_key(market, layer), partitions_of(market)

    def decorate(body: Body) -> dg.AssetsDefinition:
        return dg.asset(
            key=key,
            description=f"{described.description}\n\nMarket: {market.settings.description}.",
            group_name=layer,
            kinds=set(described.kinds),
            owners=[market.settings.owner],
            tags={"market": market.name},
            code_version=described.code_version(market),
            partitions_def=partitions,
            deps=[
                dg.AssetDep(asset_key(market, read), partition_mapping=mapping(market, layer, read))
                for read in described.reads
            ],
            backfill_policy=dg.BackfillPolicy.single_run(),
            check_specs=[
                dg.AssetCheckSpec(
                    CONTRACT_CHECK,
                    asset=key,
                    blocking=True,
                    partitions_def=partitions,
                    description="The published frame keeps its contract.",
                ),
                *[dg.AssetCheckSpec(name, asset=key, partitions_def=partitions) for name in checks],
            ],
            automation_condition=when_inputs_changed() if automated else None,
            metadata={
                "dagster/column_schema": column_schema(described.contract(market)),
                "dagster/table_name": f"{market.name}/{layer}",
                "contract_version": described.contract(market).version,
            },
        )(body)

    return decorate


def layer_run(context: dg.AssetExecutionContext, store: Any, market: Market) -> LayerRun:
    """The library's run for the asset and partitions that Dagster asks for."""
    layer = context.asset_key.path[-1]
    return LayerRun(store.open(), market, layer, context.partition_keys, context.run_id)


def report(
    context: dg.AssetExecutionContext,
    reports: Sequence[PartitionReport],
    *,
    plots: dict[str, str] | None = None,
    verdicts: dict[str, Judge] | None = None,
) -> Events:
    """Tell Dagster what was published: metadata and verdicts a partition, plots on the newest one.

    Metadata stays small: one big dictionary on each partition doubles the cost of a backfill.
    """
    key = context.asset_key
    for one in reports:
        context.add_asset_metadata(_metadata(one), asset_key=key, partition_key=one.partition)
    if plots and reports:
        shown = {name: dg.MetadataValue.md(plot) for name, plot in plots.items()}
        context.add_asset_metadata(shown, asset_key=key, partition_key=reports[-1].partition)
    yield dg.MaterializeResult(asset_key=key)
    for name, judge in {CONTRACT_CHECK: _kept(key), **(verdicts or {})}.items():
        for one in reports:
            yield judge(one)
        check = dg.AssetCheckKey(key, name)
        yield dg.Output(None, output_name=context.assets_def.get_output_name_for_asset_check_key(check))


def nothing_refused(key: dg.AssetKey) -> Judge:
    """Yellow where rows went to quarantine; they are kept there, and nothing else stops."""

    def judge(one: PartitionReport) -> dg.AssetCheckEvaluation:
        return verdict(key, QUARANTINE_CHECK, one.partition, passed=one.refused == 0, refused=one.refused)

    return judge


def verdict(  # noqa: PLR0913 - the event's own fields
    key: dg.AssetKey,
    check: str,
    partition: str,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    blocking: bool = False,
    **metadata: int | str,
) -> dg.AssetCheckEvaluation:
    """A check's verdict on one partition of a range, which `AssetCheckResult` cannot carry."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check,
        passed=passed,
        severity=severity,
        blocking=blocking,
        partition=partition,
        metadata={
            name: dg.MetadataValue.int(v) if isinstance(v, int) else dg.MetadataValue.text(v)
            for name, v in metadata.items()
        },
    )


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract as the UI shows it: description, unit and range of each column, and the row rules."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.dtype),
                description=column.description + (f" [{column.unit}]" if column.unit else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, other=[f"in {column.range}"] if column.range else []
                ),
            )
            for column in contract.columns
        ],
        constraints=dg.TableConstraints(
            other=[f"{rule.code}: {rule.description}" for rule in contract.rules]
            + [f"key ({', '.join(contract.key)}) strictly increasing"]
        ),
    )


def _kept(key: dg.AssetKey) -> Judge:
    def judge(one: PartitionReport) -> dg.AssetCheckEvaluation:
        return verdict(
            key,
            CONTRACT_CHECK,
            one.partition,
            passed=True,
            blocking=True,
            severity=dg.AssetCheckSeverity.ERROR,
            rows=one.rows,
        )

    return judge


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


def when_inputs_changed() -> dg.AutomationCondition[Any]:
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
