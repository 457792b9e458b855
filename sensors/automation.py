"""Automation: materialise what changed inputs make stale, blocking checks respected."""

from collections.abc import Iterable

import dagster as dg

from assets.layer import asset_key
from tradepipe.chain import research
from tradepipe.markets import Market


def automation_sensor(
    market: Market, marts: Iterable[str] = (), *, running: bool
) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of one market's research chain and marts."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{market.name}_automation",
        target=dg.AssetSelection.assets(*[asset_key(market, layer) for layer in (*research(market), *marts)]),
        description=f"Requests the layers of {market.name} whose inputs changed and passed their blocking checks.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        run_tags={"market": market.name},
    )
