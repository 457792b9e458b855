"""SQL marts: one asset a file of `dbt_like_sql` and market, with columns, their lineage and the SQL in its metadata."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.layer import asset_key, column_schema, run_id_of, when_inputs_changed
from assets.partitions import looking_back, partitions_of
from assets.reports import CONTRACT_CHECK, Events, Judge, report
from resources.store import StoreResource
from resources.warehouse import WarehouseResource
from tradepipe.chain import LAYERS, PartitionReport
from tradepipe.markets import Market
from tradepipe.warehouse import Mart

GROUP = "marts"


def mart_assets(market: Market, marts: Mapping[str, Mart], engine: str) -> list[dg.AssetsDefinition]:
    """The assets of all `marts` for one market; `engine` is shown as their kind."""
    return [mart_asset(market, marts, mart, engine) for mart in marts.values()]


def mart_asset(market: Market, marts: Mapping[str, Mart], mart: Mart, engine: str) -> dg.AssetsDefinition:
    key, partitions = asset_key(market, mart.name), partitions_of(market) if mart.partitioned else None

    @dg.asset(
        key=key,
        description=f"{mart.header.description}\n\nMarket: {market.settings.description}.",
        group_name=GROUP,
        kinds={"sql", engine, "parquet"},
        owners=[mart.header.owner or market.settings.owner],
        tags={"market": market.name},
        code_version=mart.code_version,
        partitions_def=partitions,
        deps=_deps(market, marts, mart),
        backfill_policy=dg.BackfillPolicy.single_run() if mart.partitioned else None,
        check_specs=[
            dg.AssetCheckSpec(
                name, asset=key, blocking=name == CONTRACT_CHECK, partitions_def=partitions, description=told
            )
            for name, told in _checks(mart).items()
        ],
        automation_condition=when_inputs_changed() if mart.partitioned else when_any_input_changed(),
        metadata={
            "dagster/column_schema": column_schema(mart.contract),
            "dagster/table_name": f"{market.name}/{mart.name}",
            "contract_version": mart.contract.version,
            "SQL": dg.MetadataValue.md(f"```sql\n{mart.sql.strip()}\n```"),
        },
    )
    def body(context: dg.AssetExecutionContext, store: StoreResource, warehouse: WarehouseResource) -> Events:
        from tradepipe.chain.mart_run import MartRun  # noqa: PLC0415 - as all heavy imports here
        from tradepipe.reporting import mart_plots  # noqa: PLC0415

        keys = context.partition_keys if mart.partitioned else []
        run = MartRun(store.open(), market, marts, mart.name, keys, run_id_of(context))
        lineage = run.lineage()
        frame = run.compute(warehouse.open())
        yield from report(
            context,
            run.publish(frame),
            plots=lambda: mart_plots.plots(mart.name, frame),
            judges=_judges(run.findings(frame)),
            noted={
                "dagster/column_lineage": column_lineage(market, marts, lineage),
                "columns come from": dg.MetadataValue.md(lineage_table(lineage)),
            },
        )

    return body


def column_lineage(
    market: Market, marts: Mapping[str, Mart], lineage: Mapping[str, Sequence[tuple[str, str]]]
) -> dg.TableColumnLineage:
    """The mart's columns and those they come from, as the UI draws them.

    A companion's column is its layer's, as in `gaps.reason` of bars. What no asset makes is left out.
    """
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key(market, asset), ".".join([*ref.split(".")[1:], name]))
                for ref, name in sources
                if (asset := _asset_of(market, marts, ref)) is not None
            ]
            for column, sources in lineage.items()
        }
    )


def lineage_table(lineage: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The same for a person to read, as Markdown: the open-source UI keeps column lineage but does not draw it."""
    rows = [
        f"| `{column}` | {', '.join(f'`{ref}.{name}`' for ref, name in sources) or 'counted rows'} |"
        for column, sources in lineage.items()
    ]
    return "\n".join(["| column | comes from |", "|---|---|", *rows])


def when_any_input_changed() -> dg.AutomationCondition[Any]:
    """For a mart that spans all partitions: it does not wait until none of them is missing."""
    eager = dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing())
    return eager & dg.AutomationCondition.all_deps_blocking_checks_passed()


def _deps(market: Market, marts: Mapping[str, Mart], mart: Mart) -> list[dg.AssetDep]:
    back: dict[str, int] = {}
    for ref in mart.refs:
        if name := _asset_of(market, marts, ref):
            back[name] = max(back.get(name, 0), mart.header.lookback.get(ref, 0))
    return [
        dg.AssetDep(
            asset_key(market, name),
            partition_mapping=looking_back(market, sessions) if mart.partitioned else None,
        )
        for name, sessions in back.items()
    ]


def _asset_of(market: Market, marts: Mapping[str, Mart], ref: str) -> str | None:
    """The asset that publishes what `ref` names: a companion's is its layer's; None for what no asset makes."""
    name = ref.partition(".")[0]
    return name if name in marts or (name in LAYERS and LAYERS[name].exists(market)) else None


def _checks(mart: Mart) -> dict[str, str]:
    kept = {CONTRACT_CHECK: "The published frame keeps its contract."}
    return kept | {check.code: check.description for check in mart.checks}


def _judges(findings: Mapping[str, Mapping[str, int]]) -> list[Judge]:
    return [_judge(name, broken) for name, broken in findings.items()]


def _judge(name: str, broken: Mapping[str, int]) -> Callable[[PartitionReport], dg.AssetCheckResult]:
    """Yellow where rows break the mart's check; they are published all the same."""

    def judge(one: PartitionReport) -> dg.AssetCheckResult:
        rows = broken.get(one.partition, 0)
        return dg.AssetCheckResult(
            check_name=name, passed=rows == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"rows": rows}
        )

    return judge
