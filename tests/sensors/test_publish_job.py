"""Publishing from the Dagster UI, and warming a shared cache on a schedule."""

import dagster as dg
import pytest

from tests.projects import MARKET, SmallProject
from tradepipe.cache import WindowCache
from tradepipe.datasets import Registry, Version, verify

pytestmark = pytest.mark.slow


def published(small: SmallProject, version: str, layer: str = "bars") -> dg.ExecuteInProcessResult:
    job = small.defs.resolve_job_def(f"{MARKET}_publish_job")
    config = {"ops": {f"{MARKET}_publish": {"config": {"version": version, "layer": layer}}}}
    return job.execute_in_process(instance=small.instance, run_config=config, raise_on_error=False)


def test_a_version_is_registered_and_its_checksum_stands_on_the_asset(project):
    assert published(project, "1.0.0").success
    registry = Registry.open(project.store, project.settings.manifests_folder)
    registered = registry.get(f"{MARKET}/bars", Version.parse("1.0.0"))
    assert verify(registry, registered) == []
    (record,) = project.instance.fetch_observations(dg.AssetKey([MARKET, "bars"]), limit=10).records
    assert record.event_log_entry.asset_observation.metadata["manifest_checksum"].value == registered.checksum


def test_another_content_under_the_same_version_fails_the_run(project):
    assert published(project, "1.0.0").success
    project.restate("2018-12")
    assert project.run("raw_bars", "bars").success
    assert not published(project, "1.0.0").success
    assert published(project, "1.0.1").success


def test_the_warming_schedule_fills_valkey_for_other_processes(project, valkey_address):
    told = {
        "TRADEPIPE_CACHE__VALKEY_URL": valkey_address,
        "TRADEPIPE_CACHE__WARM": f'["{MARKET}/bars/SPX", "{MARKET}/bars/IXIC"]',
    }
    small = SmallProject.at(project.home, told)
    schedule = small.defs.resolve_schedule_def("cache_warming")
    assert small.defs.resolve_job_def(schedule.job_name).execute_in_process(instance=small.instance).success
    other = WindowCache.open(small.store, {MARKET: small.market}, small.settings)
    assert other.window(MARKET, "bars", "SPX", 500).height == 251  # all there is
    assert other.counters.metrics()["cache_shared_hits_total"] == 1


def test_without_valkey_nothing_is_warmed(project):
    assert "cache_warming" not in {schedule.name for schedule in project.defs.get_repository_def().schedule_defs}
