"""Bringing a project up to date: what went wrong once must not stay wrong quietly."""

from dataclasses import replace

import dagster as dg
import pytest

from tests.projects import MARKET, SMALL, SmallProject
from tradepipe.chain import LandingIndex, pending_signals
from tradepipe.commands.project import Project
from tradepipe.commands.run import update
from tradepipe.settings import load_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def opened():
    """A function that opens a small project as the command line does, with more variables."""

    def opens(small: SmallProject, **more: str) -> Project:
        told = {**SMALL, "TRADEPIPE_HOME": str(small.home), **more}
        one = Project(load_settings(environ=told))
        one.__dict__["runner"] = SmallProject.at(small.home, more).runner  # cached_property: on an instance of its own
        return one

    return opens


def test_rows_come_back_when_the_setting_that_hid_them_is_mended(fresh, opened):
    wrong = {"TRADEPIPE_MARKETS__US_INDICES__SOURCE__TIME_FORMAT": "%d.%m.%Y"}
    astray = opened(fresh, **wrong)
    update(astray, astray.market(MARKET), execute=False)
    assert fresh.store.read(f"{MARKET}/raw_bars").height == 0
    assert fresh.store.read(f"{MARKET}/landing.quarantine").height == 502
    right = opened(fresh)
    update(right, right.market(MARKET), execute=False)
    assert fresh.store.read(f"{MARKET}/raw_bars").height == 502
    assert fresh.store.read(f"{MARKET}/landing.quarantine").height == 0


def test_a_later_end_brings_the_rows_of_its_months(fresh, opened):
    short = opened(fresh, TRADEPIPE_MARKETS__US_INDICES__END="2018-03-15")
    update(short, short.market(MARKET), execute=False)
    assert fresh.store.read(f"{MARKET}/raw_bars", ["2018-03"]).height == 22
    whole = opened(fresh)
    update(whole, whole.market(MARKET), execute=False)
    assert fresh.store.read(f"{MARKET}/raw_bars", ["2018-03"]).height == 42
    assert fresh.store.read(f"{MARKET}/raw_bars").height == 502


def test_a_file_that_nothing_can_be_read_from_is_kept_in_quarantine(project, opened):
    project.landing("2018-13").write_text("this is\nno delivery\n")
    one = opened(project)
    done = update(one, one.market(MARKET))
    assert done.nothing_done
    kept = project.store.read(f"{MARKET}/landing.quarantine")
    assert kept["file"].unique().to_list() == [f"{MARKET}/2018-13.csv"]
    assert not LandingIndex.read(one.settings.landing_folder, one.market(MARKET), one.store).has_news


def test_a_range_takes_what_it_is_computed_from_along(project, opened):
    project.restate("2018-09")
    one = opened(project)
    done = update(one, one.market(MARKET), first="2018-12", execute=False)
    assert done.partitions["raw_bars"] == 1
    assert done.partitions["forecasts"] == 4


def test_fills_that_failed_make_their_partitions_pending_again(fresh, monkeypatch):
    from tradepipe.execution import projections

    assert fresh.run().success
    honest = projections.fills_frame

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(projections, "fills_frame", full)
    (failed,) = fresh.runner.execute_pending_signals(fresh.market)
    assert "disk full" in failed.error
    assert pending_signals(fresh.store.catalogue, fresh.market, limit=100) is not None
    monkeypatch.setattr(projections, "fills_frame", honest)
    (outcome,) = fresh.runner.execute_pending_signals(fresh.market)
    assert outcome.success, outcome.error
    assert fresh.store.read(f"{MARKET}/fills").height > 0


def test_stale_signals_are_not_executed(project):
    project.restate("2018-12")
    assert project.run("raw_bars", "bars", first="2018-12", last="2018-12").success
    assert pending_signals(project.store.catalogue, project.market, limit=100) is None
    job = project.defs.resolve_job_def(f"{MARKET}_execution_job")
    result = job.execute_in_process(instance=project.instance, partition_key="2018-12", raise_on_error=False)
    assert not result.success


def test_a_plot_that_fails_fails_no_asset(fresh, monkeypatch):
    from tradepipe.reporting import market_plots

    def broken(*_):
        raise ValueError("no ink")

    monkeypatch.setattr(market_plots, "bars", broken)
    assert replace(fresh, drawn=True).run("raw_bars", "bars", first="2018-01", last="2018-02").success
    newest = fresh.instance.get_latest_materialization_event(dg.AssetKey([MARKET, "bars"])).asset_materialization
    assert "no ink" in newest.metadata["plots"].value


def test_why_names_the_delivery_that_was_kept_not_one_that_was_refused(fresh):
    from tradepipe.chain.lineage import trace

    lines = fresh.landing("2018-12").read_text().splitlines()
    header = lines[0].split(",")
    last = dict(zip(header, lines[-1].split(","), strict=True))
    fresh.landing("2018-12z").write_text("\n".join([lines[0], ",".join({**last, "High": "1.0"}.values())]) + "\n")
    assert fresh.run().success
    assert "high_below_low" in set(fresh.store.read(f"{MARKET}/bars.quarantine")["reason"])
    signal = fresh.store.read(f"{MARKET}/signals", ["2018-12"]).filter(symbol=last["Symbol"]).row(-1, named=True)
    generation = fresh.store.catalogue.current(f"{MARKET}/signals")["2018-12"]
    _, origin = trace(
        fresh.store, fresh.market, fresh.settings.landing_folder,
        generation=generation.id, symbol=signal["symbol"], decided_at=signal["decided_at"],
    )  # fmt: skip
    assert origin.file == f"{MARKET}/2018-12.csv"
    assert origin.line == len(lines)
