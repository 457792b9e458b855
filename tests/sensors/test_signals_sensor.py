"""The sensor asks for one execution run per new content of the signals, and the run routes each intent once."""

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from tests.projects import FIRST, LAST, LAYERS, MARKET, SmallProject
from tradepipe.execution import Journal

pytestmark = pytest.mark.slow


def tick(small: SmallProject, cursor: str | None = None):
    sensor = small.defs.resolve_sensor_def(f"{MARKET}_signals_sensor")
    with dg.build_sensor_context(
        instance=small.instance,
        definitions=small.defs,
        sensor_name=sensor.name,
        cursor=cursor,
        resources=small.defs.resources,
    ) as context:
        return sensor.evaluate_tick(context)


def placed(small: SmallProject) -> pl.DataFrame:
    """What the venue's own book holds: the outside truth."""
    query = "select client_order_id, count(*) as times from paper_orders group by 1 order by 1"
    return pl.read_database(query, sa.create_engine(small.settings.paper_venue_url))


def test_nothing_published_nothing_requested(fresh):
    result = tick(fresh)
    assert not result.run_requests
    assert "Every published signal has been executed" in result.skip_message


def test_new_signals_request_one_run_over_their_range_with_a_key_from_the_content(researched):
    (request,) = tick(researched).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == FIRST
    assert request.tags["dagster/asset_partition_range_end"] == LAST
    assert request.run_key.startswith(f"{MARKET}:")
    (again,) = tick(researched, cursor=tick(researched).cursor).run_requests
    assert again.run_key == request.run_key


def test_after_execution_the_sensor_is_silent(project):
    assert not tick(project).run_requests


def test_other_content_gives_another_key_and_only_its_partitions(project):
    changed = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__STRATEGY__FULL_SCORE": "0.5"})
    assert changed.run("signals", first="2018-10", last="2018-11").success
    (request,) = tick(changed).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2018-10"
    assert request.tags["dagster/asset_partition_range_end"] == "2018-11"


def test_a_failed_run_is_tried_again_and_a_hopeless_one_is_left_to_a_person(researched, monkeypatch):
    from tradepipe.chain import trading

    honest = trading.route_signals

    def locked(*_):
        raise RuntimeError("database is locked")

    monkeypatch.setattr(trading, "route_signals", locked)
    (first,) = tick(researched).run_requests
    (failed,) = researched.runner.execute_pending_signals(researched.market)
    assert "database is locked" in failed.error
    (second,) = tick(researched).run_requests
    assert second.run_key != first.run_key  # the daemon never launches one key twice
    monkeypatch.setattr(trading, "route_signals", honest)
    (outcome,) = researched.runner.execute_pending_signals(researched.market)
    assert outcome.success
    assert placed(researched)["times"].max() == 1


def test_after_five_failures_the_sensor_says_which_run_to_look_at(researched, monkeypatch):
    from tradepipe.chain import trading

    def locked(*_):
        raise RuntimeError("database is locked")

    monkeypatch.setattr(trading, "route_signals", locked)
    failed = [researched.runner.execute_pending_signals(researched.market)[0] for _ in range(5)]
    result = tick(researched)
    assert not result.run_requests
    assert failed[-1].run_id in result.skip_message


def test_content_that_comes_back_after_another_is_executed_again(project):
    other = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__STRATEGY__FULL_SCORE": "0.5"})
    for small in (other, project, other):
        assert small.run("signals", first="2018-12", last="2018-12").success
        (outcome,) = small.runner.execute_pending_signals(small.market)
        assert outcome.success, outcome.error
    assert tick(other).run_requests == []


def test_nothing_beyond_an_unpublished_partition_is_executed(fresh):
    assert fresh.run(*LAYERS[: LAYERS.index("forecasts") + 1]).success
    for month in ("2018-08", "2018-09", "2018-11"):
        assert fresh.run("signals", first=month, last=month).success
    (request,) = tick(fresh).run_requests
    assert request.tags["dagster/asset_partition_range_end"] == "2018-09"
    (outcome,) = fresh.runner.execute_pending_signals(fresh.market)
    assert outcome.success, outcome.error
    assert not tick(fresh).run_requests
    assert fresh.run("signals", first="2018-10", last="2018-10").success
    (outcome,) = fresh.runner.execute_pending_signals(fresh.market)
    assert outcome.success, outcome.error
    assert "late" not in set(fresh.store.read(f"{MARKET}/orders")["reason"])


def test_a_second_tick_and_a_second_run_place_nothing_new(ready, project):
    before = placed(project)
    assert before.height > 0
    assert before["times"].max() == 1
    assert project.runner.execute_pending_signals(project.market) == []
    job = project.defs.resolve_job_def(f"{MARKET}_execution_job")
    tags = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
    assert job.execute_in_process(instance=project.instance, tags=tags).success
    assert placed(project).equals(before)
    for layer in ("orders", "fills", "positions"):
        assert project.store.catalogue.current(f"{MARKET}/{layer}") == ready.store.catalogue.current(
            f"{MARKET}/{layer}"
        )


def test_a_signal_that_changed_after_its_order_is_a_conflict_never_a_second_order(project):
    before = placed(project)
    changed = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__STRATEGY__MAX_WEIGHT": "0.3"})
    assert changed.run("signals", first="2018-11", last="2018-11").success
    (outcome,) = changed.runner.execute_pending_signals(changed.market)
    assert outcome.success, outcome.error
    assert placed(changed).height == before.height
    orders = changed.store.read(f"{MARKET}/orders", ["2018-11"])
    assert orders["conflict"].any()
    check = dg.AssetCheckKey(dg.AssetKey([MARKET, "orders"]), "no_conflict")
    (latest,) = changed.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert latest.status.value == "FAILED"


def test_the_journal_chain_is_intact_and_names_the_runs(ready):
    journal = Journal.open(ready.settings.journal_url)
    assert journal.verify().ok
    runs = {row.run_id for row in journal.rows(market=MARKET, account="paper")}
    assert len(runs) == 1
    assert None not in runs
