"""The derivatives sensor: what lands beside the bars becomes partitions, once for each content."""

import datetime as dt
import shutil

import dagster as dg
import polars as pl
import pytest
import yaml

from tests.projects import MARKET, SmallProject
from tradepipe.chain.derivatives import next_derivative, publish_derivative, stale_derivatives
from tradepipe.commands.project import Project
from tradepipe.commands.run import update
from tradepipe.ingest.sources.landed import folder_of, span_name
from tradepipe.markets import load_markets
from tradepipe.paths import conf_folder

PERPETUALS = "perpetuals"
DAY = dt.datetime(2018, 12, 3, tzinfo=dt.UTC)
NOW = dt.datetime(2019, 1, 3, tzinfo=dt.UTC)


@pytest.fixture
def small(tmp_path) -> SmallProject:
    """A project with one more market: perpetual futures that a venue is asked for."""
    conf = tmp_path / "conf"
    shutil.copytree(conf_folder(), conf)
    told = yaml.safe_load((conf / "markets" / f"{MARKET}.yaml").read_text())
    for key in ("source", "timezone", "corporate_actions"):
        told.pop(key, None)
    fetch = {"kind": "venue", "venue": "okx", "data": ["bars", "funding", "mark"]}
    told |= {"name": PERPETUALS, "calendar": "24/7", "interval": "1h", "partition": "session"}
    told |= {"start": "2018-12-01", "end": "2018-12-31", "fetch": fetch}
    (conf / "markets" / f"{PERPETUALS}.yaml").write_text(yaml.safe_dump(told))
    return SmallProject.at(tmp_path / "home", {"TRADEPIPE_CONF": str(conf)})


def market_of(small: SmallProject):
    return load_markets(small.settings)[PERPETUALS]


def fund(small: SmallProject, first: dt.datetime, *rates: str, name: str | None = None):
    """Land payments of every eight hours from `first` on."""
    symbol = market_of(small).universe.symbols[0]
    times = [first + k * dt.timedelta(hours=8) for k in range(len(rates))]
    folder = small.settings.landing_folder / folder_of(PERPETUALS, "funding", symbol)
    rows = [(symbol, int(time.timestamp() * 1000) + 3, rate) for time, rate in zip(times, rates, strict=True)]
    path = folder / (name or span_name(times[0], times[-1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=["symbol", "funding_time", "rate"], orient="row").write_parquet(path)
    return path


def tick(small: SmallProject):
    sensor = small.defs.resolve_sensor_def(f"{PERPETUALS}_derivatives_sensor")
    with dg.build_sensor_context(
        instance=small.instance, definitions=small.defs, sensor_name=sensor.name, resources=small.defs.resources
    ) as context:
        return sensor.evaluate_tick(context)


def work(small: SmallProject, request) -> dg.ExecuteInProcessResult:
    job = small.defs.resolve_job_def(f"{PERPETUALS}_derivatives")
    tags = {**request.tags, "dagster/run_key": request.run_key}
    return job.execute_in_process(
        instance=small.instance, tags=tags, asset_selection=request.asset_selection, raise_on_error=False
    )


def rates(small: SmallProject) -> list[float]:
    return small.store.read(f"{PERPETUALS}/funding").sort("paid_at")["rate"].to_list()


def asked(request) -> tuple[str, str, list[str]]:
    span = [request.tags[f"dagster/asset_partition_range_{edge}"] for edge in ("start", "end")]
    return (*span, [key.path[-1] for key in request.asset_selection])


@pytest.mark.slow
def test_what_lands_is_asked_for_once_and_a_restatement_again(small):
    assert "Every landed file" in tick(small).skip_message
    fund(small, DAY, "0.1", "0.2", "0.3", "0.4")
    (request,), (same,) = tick(small).run_requests, tick(small).run_requests
    assert request.run_key == same.run_key
    assert asked(request) == ("2018-12-03", "2018-12-04", ["funding"])
    assert work(small, request).success
    assert rates(small) == [0.1, 0.2, 0.3, 0.4]
    assert not tick(small).run_requests

    fund(small, DAY, "0.9", name=f"restated-000001/{span_name(DAY, DAY)}")
    (request,) = tick(small).run_requests
    assert asked(request) == ("2018-12-03", "2018-12-03", ["funding"])
    assert work(small, request).success
    assert rates(small) == [0.9, 0.2, 0.3, 0.4]
    assert not tick(small).run_requests


@pytest.mark.slow
def test_a_failed_run_is_tried_again_five_times_and_then_named(small, monkeypatch):
    import tradepipe.chain.derivatives as module

    fund(small, DAY, "0.1")
    monkeypatch.setattr(module, "QUARANTINE", None)  # publishing breaks
    keys = set()
    for _ in range(5):
        (request,) = tick(small).run_requests
        keys.add(request.run_key)
        failed = work(small, request)
        assert not failed.success
    assert len(keys) == 5
    assert failed.run_id in tick(small).skip_message


@pytest.mark.slow
def test_a_run_by_hand_brings_them_up_to_date_and_a_second_does_nothing(small):
    fund(small, DAY, "0.1", "0.2")
    project = Project(small.settings)
    project.__dict__["runner"] = small.runner
    market = market_of(small)
    assert update(project, market, first="2018-12-03", last="2018-12-04").partitions["funding"] == 1
    assert rates(small) == [0.1, 0.2]
    assert "funding" not in update(project, market, first="2018-12-03", last="2018-12-04").partitions


def stale(small: SmallProject) -> dict[str, str]:
    market = market_of(small)
    keys = market.partitions.keys(market.settings.start, NOW.date())
    found = stale_derivatives(small.store.catalogue, market, small.settings.landing_folder, keys)
    return {one.partition: one.reason for one in found if one.layer == "funding"}


def publish(small: SmallProject, *keys: str):
    return publish_derivative(small.store, market_of(small), "funding", small.settings.landing_folder, keys)


@pytest.mark.slow
def test_a_file_that_says_nothing_new_is_worked_in_too(small):
    path = fund(small, DAY, "0.1")
    publish(small, "2018-12-03")
    assert stale(small) == {}
    again = fund(small, DAY, "0.1", name=path.name.replace(".parquet", "~0001aaaaaaaa.parquet"))
    assert list(stale(small)) == ["2018-12-03"]
    publish(small, "2018-12-03")
    assert rates(small) == [0.1]
    assert stale(small) == {}
    again.unlink()
    assert "is gone" in stale(small)["2018-12-03"]


@pytest.mark.slow
def test_a_payment_shortly_before_midnight_is_read_with_the_day_on_which_it_is_due(small):
    fund(small, DAY - dt.timedelta(seconds=1), "0.1")
    assert list(stale(small)) == ["2018-12-02", "2018-12-03"]
    publish(small, "2018-12-02", "2018-12-03")
    assert small.store.read(f"{PERPETUALS}/funding", ["2018-12-03"])["rate"].to_list() == [0.1]


def test_what_lies_outside_the_markets_dates_is_refused_not_lost(small):
    fund(small, dt.datetime(2018, 11, 1, tzinfo=dt.UTC), "0.1")
    assert list(stale(small)) == ["2018-12-01"]
    publish(small, "2018-12-01")
    assert small.store.read(f"{PERPETUALS}/funding.quarantine")["reason"].to_list() == ["outside_market_dates"]


@pytest.mark.slow
def test_a_step_is_bounded_and_what_lies_beyond_it_changes_nothing(small):
    fund(small, DAY, "0.1")
    market = market_of(small)
    folder = small.settings.landing_folder
    first = next_derivative(small.store.catalogue, market, folder, NOW, limit=10)
    assert (first.step.first, first.step.last, first.step.layers) == ("2018-12-03", "2018-12-03", ("funding",))
    fund(small, DAY + dt.timedelta(days=1), "0.1")
    more = next_derivative(small.store.catalogue, market, folder, NOW, limit=1)
    assert (more.step, more.digest) == (first.step, first.digest)
