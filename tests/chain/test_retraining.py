"""Retraining ahead of the run: what blocks keep is what member forecasts need, and nothing else changes."""

import datetime as dt

import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tests.projects import FIRST, LAST, MARKET, SmallProject
from tradepipe.chain import dataset
from tradepipe.chain.members import publish_members
from tradepipe.chain.retraining import Block, BlockDone, blocks_of, due, fit_block, gathered
from tradepipe.chain.run import LayerRun
from tradepipe.markets import load_markets
from tradepipe.settings import load_settings

pytestmark = pytest.mark.slow

NOW = dt.datetime(2019, 1, 5, tzinfo=dt.UTC)
ONE_EACH = {"TRADEPIPE_MARKETS__US_INDICES__FORECASTS__RETRAINING__BLOCK": "1"}


def with_settings(ready, **more):
    home = {"TRADEPIPE_HOME": str(ready.home)}
    from tests.projects import SMALL

    prefix = "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__"
    told = {prefix + name: value for name, value in more.items()}
    return load_markets(load_settings(environ={**SMALL, **home, **told}))[MARKET]


def retrained(ready, market, keys, *, threads=1):
    cache = KeptFits()
    done = [fit_block(ready.store, market, one, cache, threads=threads) for one in blocks_of(market, keys)]
    return cache, done


def test_blocks_hold_every_chain_once_and_a_multivariate_member_all_symbols(ready):
    market = with_settings(ready, RETRAINING__BLOCK="1")
    keys = market.partitions.keys("2018-06", "2018-10")
    blocks = blocks_of(market, keys)
    assert [one.name for one in blocks] == [
        "arma_garch_0000",
        "arma_garch_0001",
        "samossa_0000",
        "samossa_0001",
    ]
    assert [one.symbols for one in blocks[:2]] == [("IXIC",), ("SPX",)]
    assert [(one.first, one.last) for one in blocks] == [
        ("2018-06", "2018-10"),
        ("2018-06", "2018-10"),
        ("2018-06", "2018-08"),
        ("2018-09", "2018-10"),
    ]
    assert all(one.symbols == ("IXIC", "SPX") for one in blocks[2:])
    assert [Block.from_json(one.to_json()) for one in blocks] == blocks


@pytest.mark.parametrize(("refit", "block", "first"), [("day", "50", "2018-10"), ("month", "1", "2018-08")])
def test_after_retraining_the_forecasts_fit_nothing_and_are_the_same(ready, project: SmallProject, refit, block, first):
    # Drift that asks for refits often, so that chains which it begins are among what is fitted ahead.
    market = with_settings(ready, REFIT=refit, RETRAINING__BLOCK=block, DRIFT__BARS="5", DRIFT__LOG_LIKELIHOOD="0.1")
    keys = market.partitions.keys(first, "2018-10")
    cache, done = retrained(ready, market, keys)
    assert sum(one.made for one in done) == sum(one.chains for one in done) == len(cache) > 0
    cache.put = cache.found = 0
    cold = KeptFits()
    reports, *_ = publish_members(LayerRun(project.store, market, "member_forecasts", keys), cold)
    warm, *_ = publish_members(LayerRun(project.store, market, "member_forecasts", keys), cache)
    assert (cache.put, cache.found) == (0, len(cold))
    assert dict(cache) == dict(cold)
    assert [one.content for one in warm] == [one.content for one in reports]
    if refit == "month":
        fits = project.store.read(dataset(MARKET, "member_forecasts.fits"), keys, columns=["trigger"])
        assert "drift" in set(fits["trigger"])


def test_a_second_delivery_changes_nothing_and_answers_the_same(ready):
    market = with_settings(ready, RETRAINING__BLOCK="1")
    keys = market.partitions.keys("2018-09", "2018-10")
    cache, first = retrained(ready, market, keys, threads=2)
    kept = dict(cache)
    again = [fit_block(ready.store, market, one, cache) for one in blocks_of(market, keys)]
    assert dict(cache) == kept
    assert [one.digest for one in again] == [one.digest for one in first]
    assert {one.made for one in again} == {0}
    whole = gathered(market, first)
    assert gathered(market, list(reversed(again))).digest == whole.digest
    assert [BlockDone.from_json(one.to_json()) for one in first] == first


def test_other_data_gives_another_digest(project: SmallProject):
    market = project.market
    keys = market.partitions.keys("2018-10", "2018-10")
    _, before = retrained(project, market, keys)
    project.restate("2018-10")
    assert project.run("raw_bars", "bars", "indicators", first="2018-10", last="2018-10").success
    _, after = retrained(project, market, keys)
    assert [one.digest for one in after] != [one.digest for one in before]


def test_nothing_is_due_where_all_follows_and_age_asks_after_its_time(ready):
    market = ready.market
    week = market.settings.forecasts.retraining.every
    assert due(ready.store, market, NOW, NOW, limit=100) == []
    assert due(ready.store, market, NOW, NOW - week + dt.timedelta(seconds=1), limit=100) == []
    (old,) = due(ready.store, market, NOW, NOW - week, limit=100)
    assert (old.first, old.last) == (LAST, LAST)
    assert "nothing was retrained for 7 days" in old.reason
    (never,) = due(ready.store, market, NOW, None, limit=100)
    assert "ever" in never.reason
    (later,) = due(ready.store, market, NOW + week, NOW, limit=100)
    assert later.digest != old.digest


def test_new_data_is_due_in_parts_with_a_digest_of_its_content(project: SmallProject):
    market = project.market
    project.restate("2018-11")
    assert project.run("raw_bars", "bars", "indicators", first="2018-11", last="2018-12").success
    parts = due(project.store, market, NOW, NOW, limit=1)
    assert [(one.first, one.last) for one in parts] == [("2018-11", "2018-11"), ("2018-12", "2018-12")]
    (whole,) = due(project.store, market, NOW, NOW, limit=100)
    assert (whole.first, whole.last) == ("2018-11", "2018-12")
    assert len({whole.digest, *(one.digest for one in parts)}) == 3
    assert due(project.store, market, NOW, NOW, limit=100) == [whole]
    project.restate("2018-11")
    assert project.run("raw_bars", "bars", "indicators", first="2018-11", last="2018-12").success
    assert due(project.store, market, NOW, NOW, limit=100)[0].digest != whole.digest


def test_other_settings_are_due_for_all_partitions(ready):
    market = with_settings(ready, TRAIN_BARS="110")
    (one,) = due(ready.store, market, NOW, NOW, limit=1000)
    assert (one.first, one.last) == (FIRST, LAST)


def test_drift_in_the_newest_partition_is_due_once(project: SmallProject):
    market = with_settings(project, REFIT="month", DRIFT__BARS="5", DRIFT__LOG_LIKELIHOOD="0.1")
    keys = market.partitions.keys(FIRST, LAST)
    publish_members(LayerRun(project.store, market, "member_forecasts", keys), None)
    fits = project.store.read(dataset(MARKET, "member_forecasts.fits"), [LAST], columns=["symbol", "trigger"])
    drifted = fits.filter(pl.col("trigger") == "drift")["symbol"].n_unique()
    assert drifted > 0
    (one,) = due(project.store, market, NOW, NOW, limit=100)
    assert (one.first, one.reason) == (LAST, f"{drifted} symbols drifted in {LAST}")
