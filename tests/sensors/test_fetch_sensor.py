"""The fetch sensor: what waits at a source lands, and what lands is worked in, without a person.

The source is a replay: the finished small project is played into a second market of the same code.
"""

import datetime as dt
import shutil

import dagster as dg
import pytest
import yaml

from tests.ingest_sources.scenes import START, market_of
from tests.projects import MARKET, SmallProject
from tradepipe.ingest.sources import land, waiting
from tradepipe.ingest.sources.landed import folder_of, span_name
from tradepipe.ingest.sources.model import Delivery
from tradepipe.paths import conf_folder

HOUR = dt.timedelta(hours=1)
PLAYED = "played"


@pytest.fixture
def playing(project, tmp_path) -> SmallProject:
    """The finished project with a second market that replays the first."""
    conf = tmp_path / "conf"
    shutil.copytree(conf_folder(), conf)
    told = yaml.safe_load((conf / "markets" / f"{MARKET}.yaml").read_text())
    del told["source"]
    told |= {"name": PLAYED, "start": "2018-11-01", "fetch": {"kind": "replay", "market": MARKET}}
    (conf / "markets" / f"{PLAYED}.yaml").write_text(yaml.safe_dump(told))
    return SmallProject.at(project.home, {"TRADEPIPE_CONF": str(conf)})


def tick(small: SmallProject, name: str):
    with dg.build_sensor_context(
        instance=small.instance, definitions=small.defs, sensor_name=name, resources=small.defs.resources
    ) as context:
        return small.defs.resolve_sensor_def(name).evaluate_tick(context)


def fetch(small: SmallProject, request) -> dg.ExecuteInProcessResult:
    job = small.defs.resolve_job_def(f"{PLAYED}_fetch_job")
    return job.execute_in_process(
        instance=small.instance, tags={**request.tags, "dagster/run_key": request.run_key}, raise_on_error=False
    )


@pytest.mark.slow
def test_what_waits_lands_and_what_lands_becomes_bars(playing):
    fetched = 0
    while requests := tick(playing, f"{PLAYED}_fetch_sensor").run_requests:
        assert fetch(playing, requests[0]).success
        fetched += 1
        assert fetched < 10
    assert fetched
    (request,) = tick(playing, f"{PLAYED}_landing_sensor").run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2018-11"
    job = playing.defs.resolve_job_def(f"{PLAYED}_research")
    wanted = [dg.AssetKey([PLAYED, layer]) for layer in ("raw_bars", "bars")]
    assert job.execute_in_process(instance=playing.instance, tags=request.tags, asset_selection=wanted).success
    values = ["symbol", "open_time", "open", "high", "low", "close", "volume"]
    months = ["2018-11", "2018-12"]
    played = playing.store.read(f"{PLAYED}/bars", months, columns=values)
    assert played.height == 2 * 40
    assert played.equals(playing.store.read(f"{MARKET}/bars", months, columns=values))


@pytest.mark.slow
def test_the_same_wait_asks_under_the_same_key_and_a_failed_fetch_is_tried_again(playing, monkeypatch):
    from tradepipe.ingest.sources import ingesting

    first, second = (tick(playing, f"{PLAYED}_fetch_sensor").run_requests[0].run_key for _ in range(2))
    assert first == second
    monkeypatch.setattr(ingesting, "land", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
    assert not fetch(playing, tick(playing, f"{PLAYED}_fetch_sensor").run_requests[0]).success
    (again,) = tick(playing, f"{PLAYED}_fetch_sensor").run_requests
    assert again.run_key != first


@pytest.mark.slow
def test_a_market_that_is_delivered_to_has_no_fetch_sensor(playing):
    names = {sensor.name for sensor in playing.defs.get_repository_def().sensor_defs}
    assert f"{PLAYED}_fetch_sensor" in names
    assert f"{MARKET}_fetch_sensor" not in names
    schedule = playing.defs.resolve_schedule_def(f"{PLAYED}_after_close")
    assert schedule.job_name == f"{PLAYED}_fetch_job"


def test_a_venue_is_waited_for_once_a_bar_can_be_known(tmp_path):
    market = market_of({"kind": "venue", "venue": "binance"}, ["C00", "C01"], publication_delay=dt.timedelta(minutes=5))
    for symbol in ("C00", "C01"):
        name = f"{folder_of('here', 'bars', symbol)}/{span_name(START, START + HOUR)}"
        land([Delivery(name, b"rows")], tmp_path)
    closes = START + 3 * HOUR
    assert waiting(market, None, tmp_path, closes + dt.timedelta(minutes=4, seconds=59)) is None
    told = waiting(market, None, tmp_path, closes + dt.timedelta(minutes=5))
    assert told is not None
    assert waiting(market, None, tmp_path, closes + dt.timedelta(minutes=50)) == told
    assert waiting(market, None, tmp_path, closes + dt.timedelta(minutes=65)) not in (told, None)
    land([Delivery(f"{folder_of('here', 'bars', 'C00')}/{span_name(closes - HOUR, closes - HOUR)}", b"rows")], tmp_path)
    assert waiting(market, None, tmp_path, closes + dt.timedelta(minutes=50)) not in (told, None)


def test_two_markets_that_wait_for_the_same_ask_under_two_keys(tmp_path):
    one, other = (market_of({"kind": "venue", "venue": "binance"}, ["C00"], name=name) for name in ("one", "other"))
    assert waiting(one, None, tmp_path, START + 2 * HOUR) != waiting(other, None, tmp_path, START + 2 * HOUR)


@pytest.mark.slow
def test_the_sensor_takes_a_batch_and_the_schedule_all_there_is(playing, monkeypatch):
    from sensors import fetch as module

    limits = []
    ingest = module.ingest
    monkeypatch.setattr(module, "ingest", lambda *args, limit: limits.append(limit) or ingest(*args, limit=limit))
    (request,) = tick(playing, f"{PLAYED}_fetch_sensor").run_requests
    assert fetch(playing, request).success
    schedule = playing.defs.resolve_schedule_def(f"{PLAYED}_after_close")
    job = playing.defs.resolve_job_def(schedule.job_name)
    assert job.execute_in_process(instance=playing.instance).success
    assert limits == [50, None]
