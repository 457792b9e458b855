"""Cleaning what was known at a time gives what full cleaning gives up to that time."""

import datetime as dt
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
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


@pytest.fixture(scope="module")
def dirty(raw):
    """The demo's raw bars with broken, repeated, restated and lost rows, all over the years."""
    choose = random.Random(5)  # noqa: S311 - which rows are spoilt, not a secret
    rows = list(range(raw.height))
    lost, broken, again, changed, restated = (pl.Series(choose.sample(rows, 300)) for _ in range(5))
    numbered = raw.with_row_index("n")
    spoilt = numbered.with_columns(
        close=pl.when(pl.col("n").is_in(broken.implode())).then(-pl.col("close")).otherwise("close"),
        volume=pl.when(pl.col("n").is_in(changed.implode())).then(0.0).otherwise("volume"),
    ).filter(~pl.col("n").is_in(lost.implode()))
    line = (pl.col("n") + 2).cast(pl.Int64)  # one line a row also in the files that gather many months
    repeats = numbered.filter(pl.col("n").is_in(again.implode())).with_columns(file=pl.lit("z1.csv"), line=line)
    restatements = numbered.filter(pl.col("n").is_in(restated.implode())).with_columns(
        pl.col("volume") + 1, file=pl.lit("z2.csv"), line=line
    )
    together = pl.concat([spoilt, repeats, restatements]).drop("n")
    return together.sample(fraction=1, shuffle=True, seed=1).select(raw.columns)


def test_the_demo_is_clean_but_for_two_bars_without_volume(raw, market):
    cleaned = clean_bars(raw, market)
    assert cleaned.bars.height == 10_062
    assert cleaned.refused.is_empty()
    assert cleaned.gaps.is_empty()  # every XNYS session of twenty years is there
    odd = cleaned.bars.filter(pl.col("quality") != "ok").select("symbol", "session", "quality").rows()
    assert odd == [("IXIC", dt.date(2015, 5, 12), "zero_volume"), ("IXIC", dt.date(2018, 1, 9), "zero_volume")]


def test_the_dirty_rows_exercise_every_verdict(dirty, market):
    cleaned = clean_bars(dirty, market)
    assert cleaned.bars.height + cleaned.refused.height == dirty.height
    assert set(cleaned.refused["reason"]) == {"price_not_positive", "duplicate_row", "superseded_row"}
    assert set(cleaned.gaps["reason"]) == {"missing", "price_not_positive"}
    assert dirty.drop("partition").schema == RAW_BARS.polars_schema


@pytest.mark.parametrize("seed", range(CUTS))
def test_what_comes_later_changes_nothing(dirty, market, seed):
    known = dirty["known_at"].unique().sort()
    cut = random.Random(seed).choice(known.to_list())  # noqa: S311
    whole = clean_bars(dirty, market)
    until = clean_bars(dirty.filter(pl.col("known_at") <= cut), market)
    assert_frame_equal(until.bars, whole.bars.filter(pl.col("known_at") <= cut))
    keys = dirty.filter(pl.col("known_at") <= cut).select("file", "line")
    assert_frame_equal(until.refused, whole.refused.join(keys, on=["file", "line"], how="semi", maintain_order="left"))
    # A gap is known as such once a later bar of the symbol has come.
    newest = until.bars.group_by("symbol").agg(pl.max("open_time").alias("newest"))
    earlier = whole.gaps.join(newest, on="symbol", maintain_order="left").filter(pl.col("open_time") < pl.col("newest"))
    assert_frame_equal(until.gaps, earlier.drop("newest"))
