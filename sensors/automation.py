"""Automation: materialise what changed inputs make stale, blocking checks respected."""

import dagster as dg

from assets.layer import asset_key
from tradepipe.chain import research
from tradepipe.markets import Market


def automation_sensor(market: Market, *, running: bool) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of one market's research chain."""
    return dg.AutomationConditionSensorDefinition(
        name=f"{market.name}_automation",
        target=dg.AssetSelection.assets(*[asset_key(market, layer) for layer in research(market)]),
        description=f"Requests the layers of {market.name} whose inputs changed and passed their blocking checks.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        run_tags={"market": market.name},
    )
