"""Composition root: the one module of the library that knows Dagster.

`defs` is what Dagster loads. It is built from the settings, so a market file or an environment
variable changes it; nothing heavy (pandera, statsmodels, arch, numba, matplotlib) is imported here.
"""

import os
import warnings

# Every process that stores events pays 25 times as much without these two. They must be set
# before Dagster stores its first event, in each process that loads the definitions.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
os.environ.setdefault("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "true")

import dagster as dg

# Used on purpose, and fenced by tests/characterization: backfill policies and custom event logs
# are beta, partitioned checks are a preview.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*backfill_policy.*")
warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=".*partitions_def on an AssetCheckSpec.*")

from assets import assets_of, mart_assets
from resources.fits import FitsResource
from resources.landing import LandingResource
from resources.models import ModelsResource
from resources.store import StoreResource
from resources.trading import TradingResource
from resources.warehouse import WarehouseResource
from sensors import (
    LocalRunner,
    audit_job,
    audit_schedule,
    automation_sensor,
    close_schedule,
    derivatives_job,
    derivatives_sensor,
    execution_job,
    fetch_job,
    fetch_sensor,
    landing_sensor,
    maintenance_schedule,
    marts_job,
    prepare_dagster_home,
    publish_job,
    research_job,
    retraining_job,
    retraining_sensor,
    signals_sensor,
    warming_schedule,
)
from tradepipe.chain.derivatives import derivatives_of
from tradepipe.markets import load_markets
from tradepipe.paths import sql_folder
from tradepipe.settings import Settings, load_settings
from tradepipe.warehouse import load_marts


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything of every configured market, and the resources that `settings` describe."""
    by_name = load_markets(settings)
    markets = list(by_name.values())
    trading = [market for market in markets if market.settings.execution.enabled]
    marts, engine = load_marts(sql_folder()), settings.warehouse.kind
    fetched = [market for market in markets if market.settings.fetch.kind != "none"]
    warmed = settings.cache.valkey_url and settings.cache.warm
    deriving = [market for market in markets if derivatives_of(market)]
    running = settings.automation
    return dg.Definitions(
        assets=[asset for market in markets for asset in (*assets_of(market), *mart_assets(market, marts, engine))],
        jobs=[
            *[research_job(market) for market in markets],
            *[marts_job(market, marts) for market in markets],
            *[execution_job(market) for market in trading],
            *[derivatives_job(market) for market in deriving],
            *[fetch_job(market) for market in fetched],
            *[publish_job(market, settings.manifests_folder) for market in markets],
            *[audit_job(market) for market in markets],
            *[retraining_job(market) for market in markets],
        ],
        schedules=[
            *[close_schedule(market, running=running) for market in markets],
            *[audit_schedule(market, running=running) for market in markets],
            maintenance_schedule(running=running),
            *([warming_schedule(settings, by_name, running=running)] if warmed else []),
        ],
        sensors=[
            *[fetch_sensor(market, running=running) for market in fetched],
            *[landing_sensor(market, running=running) for market in markets],
            *[derivatives_sensor(market, running=running) for market in deriving],
            *[signals_sensor(market, running=running) for market in trading],
            *[retraining_sensor(market, running=running) for market in markets],
            *[automation_sensor(market, marts, running=running) for market in markets],
        ],
        resources={
            "store": StoreResource.of(settings),
            "fits": FitsResource.of(settings),
            "landing": LandingResource.of(settings),
            "models": ModelsResource.of(settings),
            "trading": TradingResource.of(settings),
            "warehouse": WarehouseResource.of(settings),
        },
        # The steps of a chain are vectorised passes; a process for each costs more than they do.
        executor=dg.in_process_executor,
    )


def local_runner(settings: Settings) -> LocalRunner:
    """Runs jobs and ticks sensors in this process, on the instance of the UI and the daemon."""
    return LocalRunner.at_home(build_definitions(settings), settings.home)


defs = build_definitions(load_settings())

__all__ = ["build_definitions", "defs", "local_runner", "prepare_dagster_home"]
