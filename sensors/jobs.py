"""Jobs: the research chain, and the execution of signals. One pair a market."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.layer import asset_key
from tradepipe.chain import TRADING, research
from tradepipe.chain.derivatives import derivatives_of
from tradepipe.markets import Market

# Runs of one market's trading never overlap: the account's clock moves forward only.
EXECUTION_TAG = "tradepipe/execution"


def research_job(market: Market) -> UnresolvedAssetJobDefinition:
    """From landing files to signals, over any range of partitions in one run."""
    return dg.define_asset_job(
        name=research_job_name(market),
        description=f"Landing files to signals for {market.name}: raw bars, bars, indicators, forecasts, signals.",
        selection=dg.AssetSelection.assets(*[asset_key(market, layer) for layer in research(market)]),
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )


def marts_job(market: Market, marts: Iterable[str]) -> UnresolvedAssetJobDefinition:
    """The SQL marts, over any range of partitions in one run."""
    return dg.define_asset_job(
        name=marts_job_name(market),
        description=f"The SQL marts of {market.name}: quality, gaps, coverage, liquidity and summaries.",
        selection=dg.AssetSelection.assets(*[asset_key(market, mart) for mart in marts]),
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )


def derivatives_job(market: Market) -> UnresolvedAssetJobDefinition:
    """Funding, mark prices, open interest and books that `market` fetches, over any range of partitions in one run."""
    return dg.define_asset_job(
        name=derivatives_job_name(market),
        description=f"Landed funding, mark prices, open interest and order books of {market.name} as partitions.",
        selection=dg.AssetSelection.assets(*[asset_key(market, layer.name) for layer in derivatives_of(market)]),
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )


def execution_job(market: Market) -> UnresolvedAssetJobDefinition:
    """Signals to orders, fills and positions, exactly once."""
    return dg.define_asset_job(
        name=execution_job_name(market),
        description=f"Route the signals of {market.name} through cost gate, risk gate and journal to the venue.",
        selection=dg.AssetSelection.assets(*[asset_key(market, layer) for layer in TRADING]),
        tags={"market": market.name, EXECUTION_TAG: market.name},
        executor_def=dg.in_process_executor,
    )


def research_job_name(market: Market) -> str:
    """Name of the market's research job."""
    return f"{market.name}_research"


def marts_job_name(market: Market) -> str:
    """Name of the market's marts job."""
    return f"{market.name}_marts"


def derivatives_job_name(market: Market) -> str:
    """Name of the market's job of derivatives."""
    return f"{market.name}_derivatives"


def execution_job_name(market: Market) -> str:
    """Name of the market's execution job."""
    return f"{market.name}_execution_job"
