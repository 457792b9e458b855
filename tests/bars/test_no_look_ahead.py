"""Cleaning what was known at a time gives what full cleaning gives up to that time."""

import datetime as dt
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.chain import LAYERS
from tradepipe.contracts import RAW_BARS
from tradepipe.ingest import raw_bars, scan, write_demo_files
from tradepipe.settings.sources import FileSource

CUTS = 50


@pytest.fixture(scope="module")
def market():
    return build_market(source=FileSource(pattern="us_indices/*.csv", symbol_column="Symbol"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory, market):
    folder = tmp_path_factory.mktemp("landing")
    write_demo_files(folder)
    return raw_bars(scan(folder, market.settings.source.pattern), market).rows


PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def dirty(raw):
    """The demo's raw bars, rows broken, repeated, restated, lost, late, stale and a hundredfold, over all years."""
    choose = random.Random(5)  # noqa: S311 - which rows are spoilt, not a secret
    rows = list(range(raw.height))
    kinds = ("lost", "broken", "again", "changed", "restated", "hundredfold", "late", "jumped")
    chosen = {kind: pl.col("n").is_in(choose.sample(rows, 300)) for kind in kinds}
    stale = pl.col("n").is_in([start + n for start in choose.sample(rows[:-8], 30) for n in range(8)])
    numbered = raw.sort("symbol", "open_time").with_row_index("n").with_columns(line=(pl.col("n") + 2).cast(pl.Int64))
    days_later = pl.col("known_at") + pl.duration(days=pl.col("n") % 40 + 1)
    factor = pl.when(chosen["hundredfold"]).then(100.0).when(chosen["jumped"]).then(1.3).otherwise(1.0)
    spoilt = (
        numbered.with_columns(pl.col(*PRICES) * factor)
        .with_columns(
            pl.when(stale).then(pl.col(name).gather(pl.col("n") // 8 * 8)).otherwise(name).alias(name)
            for name in (*PRICES, "volume")
        )
        .with_columns(
            close=pl.when(chosen["broken"]).then(-pl.col("close")).otherwise("close"),
            volume=pl.when(chosen["changed"]).then(0.0).otherwise("volume"),
            known_at=pl.when(chosen["late"]).then(days_later).otherwise("known_at"),
        )
        .filter(~chosen["lost"])
    )
    repeats = numbered.filter(chosen["again"]).with_columns(file=pl.lit("z1.csv"), known_at=days_later)
    at_once = numbered.filter(chosen["restated"]).with_columns(pl.col("volume") + 1, file=pl.lit("z2.csv"))
    later = numbered.filter(chosen["restated"] | chosen["jumped"] | chosen["hundredfold"]).with_columns(
        pl.col(*PRICES) * pl.when(pl.col("n") % 7 == 0).then(100.0).otherwise(1.01),
        file=pl.lit("z3.csv"),
        known_at=days_later,
        delivered_at=days_later,
    )
    together = pl.concat([spoilt, repeats, at_once, later]).drop("n")
    return together.sample(fraction=1, shuffle=True, seed=1).select(raw.columns)


@pytest.fixture(scope="module")
def whole(dirty, market):
    return clean_bars(dirty, market)


def as_of(cleaned, moment):
    """What the bars were at a moment: those known by then, and versions restated only since."""
    known = pl.col("known_at") <= moment
    restated_since = cleaned.history.filter(known & (pl.col("superseded_at") > moment)).drop("superseded_at")
    return pl.concat([cleaned.bars.filter(known), restated_since]).sort("partition", "symbol", "open_time")


@pytest.mark.slow
def test_the_demo_is_clean_but_for_what_happened_in_its_markets(raw, market):
    cleaned = clean_bars(raw, market)
    assert cleaned.bars.height == 10_062
    assert cleaned.refused.is_empty()
    assert set(cleaned.gaps["reason"]) == {"holiday", "half_day"}  # every XNYS session of twenty years is there
    odd = cleaned.bars.filter(pl.col("quality") != "ok").select("symbol", "session", "quality").rows()
    assert odd == [
        ("IXIC", dt.date(2015, 5, 12), "zero_volume"),
        ("IXIC", dt.date(2018, 1, 9), "zero_volume"),
    ]


def test_the_dirty_rows_exercise_every_verdict(dirty, whole):
    assert set(whole.refused["reason"]) == {"price_not_positive", "superseded_row", "wrong_unit"}
    assert set(whole.gaps["reason"]) == {"holiday", "half_day", "unknown", "refused", "late", "venue_outage"}
    assert whole.history.height > 100
    assert {"spike", "stale"} <= set(whole.bars["quality"])
    assert dirty.drop("partition").schema == RAW_BARS.polars_schema


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(CUTS))
def test_what_comes_later_changes_nothing(dirty, market, whole, seed):
    known = dirty["known_at"].unique().sort()
    cut = random.Random(seed).choice(known.to_list())  # noqa: S311
    rows = dirty.filter(pl.col("known_at") <= cut)
    until = clean_bars(rows, market)
    assert_frame_equal(until.bars, as_of(whole, cut))
    keys = rows.select("file", "line")
    assert_frame_equal(until.refused, whole.refused.join(keys, on=["file", "line"], how="semi", maintain_order="left"))
    assert_frame_equal(until.history, whole.history.filter(pl.col("superseded_at") <= cut), check_row_order=True)


@pytest.mark.parametrize("partition", ["1999-02", "2004-07", "2008-10", "2015-08", "2018-12"])
def test_a_partition_alone_is_what_it_is_in_the_range(dirty, market, whole, partition):
    layer = LAYERS["bars"]
    read = layer.input_partitions(market, [partition])["raw_bars"][partition]
    alone = clean_bars(dirty.filter(pl.col("partition").is_in(read)), market)
    for name in ("bars", "history", "gaps", "refused"):
        mine, its = getattr(alone, name), getattr(whole, name)
        assert_frame_equal(mine.filter(pl.col("partition") == partition), its.filter(pl.col("partition") == partition))


def test_gaps_are_those_of_what_was_there(dirty, market, whole):
    """Gaps of a partition that is over change no more, but for what is delivered late."""
    for cut in ("2003-06", "2011-01", "2016-12"):
        until = clean_bars(dirty.filter(pl.col("partition") <= cut), market)
        assert_frame_equal(until.gaps, whole.gaps.filter(pl.col("partition") <= cut))
