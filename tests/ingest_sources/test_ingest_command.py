"""`tradepipe ingest`: from a venue to bars, by a market file of a few lines."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ingest_sources.scenes import HOURS, START, VenueScene, files
from tradepipe.chain import LandingIndex
from tradepipe.commands.ingest import IngestFailedError, show_ingests
from tradepipe.commands.project import Project
from tradepipe.ingest.sources import source_of
from tradepipe.ingest.sources.ingesting import ingest
from tradepipe.paths import source_checkout
from tradepipe.settings import load_settings
from tradepipe.settings.models import MarketSettings

EXAMPLE = source_checkout() / "docs/venues.md"


def example() -> dict:
    """The market file that the page shows."""
    text = EXAMPLE.read_text()
    return yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])


@pytest.fixture
def scene():
    made = VenueScene.of("binance", 3)
    # The command has the machine's clock; the venue's last bars are of today.
    made.time.now = dt.datetime.now(dt.UTC).timestamp()
    yield made
    made.close()


@pytest.fixture
def project(scene, tmp_path):
    """The example of the page as the only market, at the fake venue."""
    conf, universe = tmp_path / "conf", tmp_path / "coins.yaml"
    (conf / "markets").mkdir(parents=True)
    listed = [{"symbol": symbol, "name": symbol, "lot": "0.001", "tick": "0.01"} for symbol in scene.symbols]
    universe.write_text(yaml.safe_dump({"name": "coins", "version": "1.0.0", "instruments": listed}))
    told = example()
    symbols = {symbol: symbol.replace("USDT", "/USDT") for symbol in scene.symbols}
    told |= {"start": START.date(), "end": START.date() + dt.timedelta(days=HOURS // 24 - 1), "universe": str(universe)}
    told["fetch"] |= {"venue": "binance", "url": scene.venue.url, "symbols": symbols, "requests_per_second": 1000}
    told["fetch"] |= {"data": ["bars"], "attempts": 2}
    (conf / "markets" / f"{told['name']}.yaml").write_text(yaml.safe_dump(told))
    for name in ("base.yaml", "dev.yaml"):
        (conf / name).write_text((source_checkout() / "conf" / name).read_text())
    environ = {"TRADEPIPE_CONF": str(conf), "TRADEPIPE_HOME": str(tmp_path / "home")}
    return Project(load_settings(environ=environ)), environ


def test_the_example_of_the_page_is_a_market_and_names_no_mapping():
    told = example()
    assert "source" not in told
    base = yaml.safe_load((source_checkout() / "conf/base.yaml").read_text())["market_defaults"]
    settings = MarketSettings(**(base | told))
    assert settings.source.pattern == f"{told['name']}/bars/**/*.parquet"
    assert settings.source.time_format == "epoch_ms"


def test_what_a_venue_says_becomes_raw_bars(project, scene):
    project, _ = project
    [market] = project.chosen(None)
    done = ingest(market, project.store, project.settings.landing_folder)
    assert (done.fetched, done.rows, done.failures) == (6, 3 * HOURS, [])
    assert len(done.landed) == 6
    index = project.landing(market)
    assert isinstance(index, LandingIndex)
    raw = index.rows_of(project.keys(market))
    assert raw.refused.is_empty()
    assert raw.rows.height == 3 * HOURS
    bars = raw.rows.sort("symbol", "open_time")
    said = [row for coin in scene.venue.listed for row in scene.venue.bars[coin, "bars"][:HOURS]]
    assert bars["close"].to_list() == [float(row[4]) for row in said]
    assert bars["open_time"].dt.epoch("ms").to_list() == [row[0] for row in said]
    assert ingest(market, project.store, project.settings.landing_folder).landed == []


def test_a_failure_is_named_with_its_remedy_and_everything_else_lands(project, scene, capsys):
    from rich.console import Console

    project, _ = project
    scene.poison("C01USDT")
    with pytest.raises(IngestFailedError) as failed:
        show_ingests(project, None, Console(width=120), full=False)
    assert str(failed.value).startswith("1 could not be fetched, everything else has landed:\n  ")
    assert "bars C01USDT: HTTP 500" in str(failed.value)
    assert "Remedy: run again" in str(failed.value)
    shown = capsys.readouterr().out
    assert "4 files fetched" in shown
    assert "C02USDT" in shown


@pytest.mark.slow
def test_the_command_ends_with_1_where_a_symbol_failed_and_0_where_none_did(project, scene):
    _, environ = project
    command = [str(Path(sys.executable).with_name("tradepipe")), "ingest"]
    environ = {**os.environ, **environ}
    scene.poison("C01USDT")
    first = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert first.returncode == 1, first.stderr
    assert "C01USDT" in first.stderr
    assert "Traceback" not in first.stderr
    scene.venue.faults.clear()
    second = subprocess.run(
        [*command, example()["name"], "--full"], env=environ, capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stderr
    assert "2 new" in second.stdout


@pytest.mark.slow
def test_a_venue_that_is_not_there_is_said(project, tmp_path):
    project, _ = project
    [market] = project.chosen(None)
    gone = market.settings.model_copy(
        update={"fetch": market.settings.fetch.model_copy(update={"url": "http://127.0.0.1:9"})}
    )
    [failure] = ingest(type(market)(gone), project.store, project.settings.landing_folder).failures
    assert "venue http://127.0.0.1:9" in failure.reason
    assert "check the network" in failure.remedy
    assert files(tmp_path / "home" / "landing") == {}


def test_files_that_others_deliver_have_no_source(project):
    project, _ = project
    [market] = project.chosen(None)
    others = market.settings.model_copy(update={"fetch": type(market.settings.fetch)()})
    assert source_of(type(market)(others), project.store) is None
    assert not ingest(type(market)(others), project.store, project.settings.landing_folder).has_source


def test_chunk_and_page_are_set_by_the_environment_too(project):
    _, environ = project
    prefix = "TRADEPIPE_MARKETS__BINANCE_PERPETUALS__FETCH__"
    settings = load_settings(environ=environ | {f"{prefix}CHUNK": "7", f"{prefix}PAGE_BARS": "70"})
    fetch = settings.markets["binance_perpetuals"].fetch
    assert (fetch.chunk, fetch.page_bars) == (7, 70)
