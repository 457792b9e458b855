"""What every asset of the chain shares: key, group, partitions, checks, automation, metadata."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterInvalidPropertyError

from assets.partitions import mapping, partitions_of
from assets.reports import CONTRACT_CHECK, Events
from resources.store import StoreResource
from tradepipe.chain import LAYERS, LayerRun
from tradepipe.chain.features import DERIVED
from tradepipe.chain.layers import Layer
from tradepipe.contracts import Contract
from tradepipe.markets import Market

Body = Callable[..., Events]


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
                for read in described.reads(market)
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
            automation_condition=when_inputs_changed(_fetched_beside(market, described)) if automated else None,
            metadata={
                "dagster/column_schema": column_schema(described.contract(market)),
                "dagster/table_name": f"{market.name}/{layer}",
                "contract_version": described.contract(market).version,
            },
        )(body)

    return decorate


def layer_run(context: dg.AssetExecutionContext, store: StoreResource, market: Market) -> LayerRun:
    """The library's run for the asset and partitions that Dagster asks for."""
    layer = context.asset_key.path[-1]
    return LayerRun(store.open(), market, layer, context.partition_keys, run_id_of(context))


def run_id_of(context: dg.AssetExecutionContext) -> str | None:
    """The id of the run that executes an asset, if there is one."""
    try:
        return context.run.run_id
    except DagsterInvalidPropertyError:  # an asset invoked directly, as tests do, belongs to no run
        return None


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


def when_inputs_changed(optional: Sequence[dg.AssetKey] = ()) -> dg.AutomationCondition[Any]:
    """An input was published, none is lacking or under way, and the blocking checks passed of all there is.

    `optional` are inputs of which a partition may never come, such as funding of a day without any file.
    """
    passed = dg.AutomationCondition.check_passed() | dg.AutomationCondition.will_be_requested()
    every = dg.AutomationCondition.all_checks_match(passed, blocking_only=True)
    # A check of what is not there never ran; whether it may be lacking is said by `any_deps_missing`.
    checked = dg.AutomationCondition.all_deps_match(every | dg.AutomationCondition.missing())
    checked = checked.with_label("all_deps_blocking_checks_passed")
    missing = dg.AutomationCondition.any_deps_missing()
    if optional:
        missing = missing.ignore(dg.AssetSelection.assets(*optional))
    return dg.AutomationCondition.eager().replace("any_deps_missing", missing) & checked


def _fetched_beside(market: Market, layer: Layer) -> list[dg.AssetKey]:
    return [asset_key(market, read) for read in layer.reads(market) if read in DERIVED]
