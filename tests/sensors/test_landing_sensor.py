"""The landing sensor: new, changed and late files are worked in, once for each content, without a person."""

import shutil

import dagster as dg
import pytest

from tests.projects import FIRST, LAST, LAYERS, MARKET, SmallProject

pytestmark = pytest.mark.slow


def tick(small: SmallProject):
    sensor = small.defs.resolve_sensor_def(f"{MARKET}_landing_sensor")
    with dg.build_sensor_context(
        instance=small.instance,
        definitions=small.defs,
        sensor_name=sensor.name,
        resources=small.defs.resources,
    ) as context:
        return sensor.evaluate_tick(context)


def contents(small: SmallProject) -> dict[tuple[str, str], str]:
    catalogue = small.store.catalogue
    return {
        (layer, key): generation.content
        for layer in LAYERS
        for key, generation in catalogue.current(f"{MARKET}/{layer}").items()
    }


def layers_of(request) -> list[str]:
    return [key.path[-1] for key in request.asset_selection]


def test_an_empty_landing_folder_asks_for_nothing(tmp_path):
    result = tick(SmallProject.at(tmp_path / "home"))
    assert not result.run_requests
    assert "Every landed file has been worked in" in result.skip_message


def test_delivered_files_ask_for_one_run_of_every_layer_and_then_for_nothing(fresh, ready):
    (request,) = tick(fresh).run_requests
    assert layers_of(request) == list(LAYERS)
    assert (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]) == (
        FIRST,
        LAST,
    )
    outcomes = fresh.runner.work_in_arrivals(fresh.market)
    assert [outcome.success for outcome in outcomes] == [True]
    assert contents(fresh) == contents(ready)
    assert not tick(fresh).run_requests


def test_the_same_content_asks_under_the_same_key(fresh):
    keys = {tick(fresh).run_requests[0].run_key for _ in range(3)}
    assert len(keys) == 1


def test_history_before_the_first_landed_file_is_left_alone(fresh):
    for month in ("2018-01", "2018-02"):
        fresh.landing(month).unlink()
    (request,) = tick(fresh).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2018-03"


def test_files_that_were_worked_in_and_are_gone_are_worked_out(project):
    """Of the first months too, and of all: what stands there was read from nothing that is there."""
    project.landing("2018-01").unlink()
    (request,) = tick(project).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2018-01"
    for file in project.landing("2018-02").parent.glob("*.csv"):
        file.unlink()
    (request,) = tick(project).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2018-01"
    assert project.run("raw_bars").success
    assert project.store.read(f"{MARKET}/raw_bars").is_empty()
    (request,) = tick(project).run_requests
    assert layers_of(request)[0] == "bars"
    assert project.run().success
    assert not tick(project).run_requests


def test_a_late_file_and_a_restated_one_are_worked_in_everywhere_they_reach(fresh, ready, tmp_path):
    late = tmp_path / "late.csv"
    shutil.move(fresh.landing("2018-06"), late)
    assert all(outcome.success for outcome in fresh.runner.work_in_arrivals(fresh.market))
    assert fresh.store.read(f"{MARKET}/bars", ["2018-06"]).is_empty()
    shutil.move(late, fresh.landing("2018-06"))
    (request,) = tick(fresh).run_requests
    assert layers_of(request)[0] == "raw_bars"
    assert request.tags["dagster/asset_partition_range_end"] == "2018-06"
    assert all(outcome.success for outcome in fresh.runner.work_in_arrivals(fresh.market))
    assert contents(fresh) == contents(ready)


def test_content_that_comes_back_after_another_is_worked_in_again(fresh):
    assert fresh.run(*LAYERS[:2]).success
    said = fresh.landing("2018-12").read_bytes()
    asked = set()
    for content in (b"restated", said, b"restated", said):
        if content == said:
            fresh.landing("2018-12").write_bytes(said)
        else:
            fresh.restate("2018-12")
        (request,) = tick(fresh).run_requests
        asked.add(request.run_key)
        assert layers_of(request)[0] == "raw_bars"
        assert fresh.run("raw_bars", "bars", first="2018-12", last="2018-12").success
    assert len(asked) == 4


def test_a_failed_run_is_tried_again_five_times_and_then_named(fresh, monkeypatch):
    from tradepipe.chain.landing import LandingIndex

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(LandingIndex, "rows_of", full)
    keys, outcome = set(), None
    for _ in range(5):
        (request,) = tick(fresh).run_requests
        keys.add(request.run_key)
        (outcome,) = fresh.runner.work_in_arrivals(fresh.market)
        assert "No space left on device" in outcome.error
    assert len(keys) == 5
    result = tick(fresh)
    assert not result.run_requests
    assert outcome.run_id in result.skip_message


def test_a_tick_looks_at_a_bounded_batch_of_new_files_and_the_rest_follows(fresh, ready):
    small = SmallProject.at(fresh.home, {"TRADEPIPE_MARKETS__US_INDICES__FETCH__BATCH": "5"})
    tick(small)
    known = small.store.read(f"{MARKET}/landing")["file"]
    assert known.to_list() == [f"{MARKET}/2018-{month:02}.csv" for month in range(1, 6)]
    assert all(outcome.success for outcome in small.runner.work_in_arrivals(small.market))
    assert contents(small) == contents(ready)
