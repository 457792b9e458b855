"""What is odd about a bar is found, causally, and what is not odd is left alone."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.bars.series import START, changed, market_of, scaled, series, walk
from tradepipe.bars import clean_bars, findings
from tradepipe.chain import LAYERS
from tradepipe.contracts import BARS, validate
from tradepipe.markets import Instrument, Universe
from tradepipe.settings.models import CleaningSettings

MARKET = market_of("A", "B", "C")
N = 60


def quality(cleaned, symbol="A"):
    rows = cleaned.bars.filter(pl.col("symbol") == symbol).with_row_index("n")
    return {n: word for n, word in rows.select("n", "quality").rows() if word != "ok"}


def refused_lines(cleaned, reason):
    return sorted(cleaned.refused.filter(pl.col("reason") == reason)["line"])


def test_a_quiet_series_has_no_finding():
    cleaned = clean_bars(series(MARKET, "A", walk(1, 250)), MARKET)
    assert quality(cleaned) == {}
    assert cleaned.refused.is_empty()


def test_a_spike_is_flagged_and_the_return_from_it_is_not():
    raw = scaled(series(MARKET, "A", walk(1, N)), [40], 1.5)
    assert quality(clean_bars(raw, MARKET)) == {40: "spike"}


def test_a_spike_within_the_bar_is_flagged():
    raw = changed(series(MARKET, "A", walk(1, N)), [40], low=pl.col("low") * 0.6)
    assert quality(clean_bars(raw, MARKET)) == {40: "spike"}


def test_what_a_wild_series_does_every_day_is_no_spike():
    assert quality(clean_bars(series(MARKET, "A", walk(1, 250, volatility=0.08)), MARKET)) == {}


def test_a_lasting_change_of_level_is_one_spike():
    raw = scaled(series(MARKET, "A", walk(1, N)), range(40, N), 0.43)  # what a spin-off did to EBAY
    assert quality(clean_bars(raw, MARKET)) == {40: "spike"}


def test_the_first_five_bars_are_not_judged():
    closes = walk(1, N)
    assert quality(clean_bars(scaled(series(MARKET, "A", closes), [4], 1.5), MARKET)) == {}
    assert quality(clean_bars(scaled(series(MARKET, "A", closes), [6], 1.5), MARKET)) == {6: "spike"}


def test_spikes_can_be_switched_off_and_refused():
    raw = scaled(series(MARKET, "A", walk(1, N)), [40], 1.5)
    off = market_of("A", cleaning=CleaningSettings(spike_scale=0))
    assert quality(clean_bars(raw, off)) == {}
    refusing = market_of("A", cleaning=CleaningSettings(refuse=("spike",)))
    assert refused_lines(clean_bars(raw, refusing), "spike") == [42]


@pytest.mark.parametrize("factor", [100, 0.01, 130, 1000, 0.0001])
def test_a_price_in_another_unit_is_refused(factor):
    raw = scaled(series(MARKET, "A", walk(1, N)), [30, 31, 32], factor)
    cleaned = clean_bars(raw, MARKET)
    assert refused_lines(cleaned, "wrong_unit") == [32, 33, 34]
    assert cleaned.bars.height == N - 3
    assert "unit" in cleaned.refused["detail"][0]


@pytest.mark.parametrize("factor", [1 / 7, 1 / 8, 8, 1 / 10, 10, 1 / 20, 1 / 4, 20, 50, 3 / 2, 2 / 3])
def test_splits_are_not_refused(factor):
    """AAPL split 7:1; 10:1 splits both ways are common; 20:1 and 1:50 happen."""
    raw = scaled(series(MARKET, "A", walk(1, N)), range(30, N), factor)
    cleaned = clean_bars(raw, MARKET)
    assert cleaned.refused.is_empty()
    assert quality(cleaned) == {30: "spike"}


def test_a_slipped_decimal_within_a_bar_is_refused():
    raw = changed(series(MARKET, "A", walk(1, N)), [30], low=pl.col("low") / 10)
    assert refused_lines(clean_bars(raw, MARKET), "wrong_unit") == [32]


@pytest.mark.parametrize("start", [30, 40])
def test_a_series_that_changes_its_unit_for_good_is_accepted_after_half_a_window(start):
    raw = scaled(series(MARKET, "A", walk(1, N)), range(start, N), 100)
    lines = refused_lines(clean_bars(raw, MARKET), "wrong_unit")
    assert lines == list(range(start + 2, start + 12))


def test_a_released_row_passes_its_finding_but_no_rule():
    raw = scaled(series(MARKET, "A", walk(1, N)), [30, 31], 100)
    raw = changed(raw, [31], low=pl.col("high") * 2)
    released = pl.DataFrame(
        {"file": ["A.csv"] * 2, "line": [32, 33], "reason": ["wrong_unit", "low_above_open_or_close"]}
    )
    cleaned = clean_bars(raw, MARKET, released)
    assert cleaned.refused.select("line", "reason").rows() == [(33, "high_below_low")]
    assert quality(cleaned)[30] == "wrong_unit"
    other = released.with_columns(reason=pl.lit("spike"))
    assert refused_lines(clean_bars(raw, MARKET, other), "wrong_unit") == [32]
    elsewhere = released.with_columns(sha256=pl.lit("1" * 64))
    assert refused_lines(clean_bars(raw, MARKET, elsewhere), "wrong_unit") == [32]


def test_equal_bars_with_volume_are_stale_from_the_fifth():
    raw = series(MARKET, "A", walk(1, N), volumes=np.full(N, 1000.0))
    still = {name: pl.col(name).gather(pl.lit(30)) for name in ("open", "high", "low", "close")}
    cleaned = clean_bars(changed(raw, range(30, 38), **still), MARKET)
    assert quality(cleaned) == dict.fromkeys(range(34, 38), "stale")


def test_equal_bars_without_volume_are_not_stale():
    raw = series(MARKET, "A", np.full(N, 100.0), volumes=np.zeros(N))
    assert set(clean_bars(raw, MARKET).bars["quality"]) == {"zero_volume"}
    flat = raw.with_columns(high=pl.col("close"), low=pl.col("close"))
    assert quality(clean_bars(flat, MARKET)) == {}
    late = changed(flat, [3], known_at=pl.col("known_at") + dt.timedelta(days=90))  # every bar is looked at
    assert quality(clean_bars(late, MARKET)) == {}


def test_a_gap_ends_a_run_of_equal_bars():
    raw = series(MARKET, "A", np.full(12, 100.0), volumes=np.full(12, 1000.0))
    cleaned = clean_bars(raw.filter(pl.int_range(pl.len()) != 6), MARKET)
    assert quality(cleaned) == {4: "stale", 5: "stale", 10: "stale"}


@pytest.mark.parametrize(("factor", "word"), [(150, "volume_unit"), (1 / 150, "volume_unit"), (50, None)])
def test_a_volume_in_another_unit_is_flagged(factor, word):
    raw = changed(series(MARKET, "A", walk(1, N)), [30], volume=pl.col("volume") * factor)
    assert quality(clean_bars(raw, MARKET)) == ({30: word} if word else {})


def test_twins_are_flagged_from_the_tenth_equal_bar_and_others_are_not():
    closes, volumes = walk(1, N), np.arange(1, N + 1) * 10.0
    a = series(MARKET, "A", closes, volumes=volumes)
    b = changed(series(MARKET, "B", closes, volumes=volumes), [40], close=closes[40] * 1.0005)
    c = series(MARKET, "C", closes * 2, volumes=volumes)
    cleaned = clean_bars(pl.concat([a, b, c]), MARKET)
    twins = dict.fromkeys([*range(9, 40), *range(50, N)], "twin")
    assert quality(cleaned, "A") == quality(cleaned, "B") == twins
    assert quality(cleaned, "C") == {}


@pytest.mark.parametrize("start", range(1, 12))
def test_ten_equal_bars_are_twins_wherever_they_lie(start):
    closes, volumes = walk(1, 40), np.arange(1, 41) * 10.0
    equal = np.isin(np.arange(40), range(start, start + 10))
    b = series(MARKET, "B", np.where(equal, closes, closes * 1.0007), volumes=volumes)
    cleaned = clean_bars(pl.concat([series(MARKET, "A", closes, volumes=volumes), b]), MARKET)
    assert quality(cleaned) == {start + 9: "twin"}


def test_a_gap_ends_a_run_of_twin_bars():
    closes, volumes = walk(1, 30), np.arange(1, 31) * 10.0
    both = [series(MARKET, name, closes, volumes=volumes).filter(pl.int_range(pl.len()) != 15) for name in "AB"]
    assert quality(clean_bars(pl.concat(both), MARKET)) == dict.fromkeys([*range(9, 15), *range(24, 29)], "twin")


def test_of_twins_delivered_at_two_times_only_the_later_is_flagged():
    closes, volumes = walk(1, N), np.arange(1, N + 1) * 10.0
    a = series(MARKET, "A", closes, volumes=volumes)
    b = series(MARKET, "B", closes, volumes=volumes).with_columns(pl.col("known_at") + dt.timedelta(hours=1))
    cleaned = clean_bars(pl.concat([a, b]), MARKET)
    assert quality(cleaned, "A") == {}
    assert quality(cleaned, "B") == dict.fromkeys(range(9, N), "twin")


def test_prices_at_or_below_zero_are_kept_where_the_universe_says_so():
    raw = changed(series(MARKET, "A", walk(1, N)), [40], low=-40.32, close=-37.63)
    assert refused_lines(clean_bars(raw, MARKET), "price_not_positive") == [42]
    market = market_of("A")
    oil = Instrument(symbol="A", name="oil", lot="1", tick="0.01", may_be_negative=True)
    market.__dict__["universe"] = Universe(name="listed", version="1.0.0", instruments=(oil,))
    cleaned = clean_bars(raw, market)
    assert cleaned.refused.is_empty()
    assert quality(cleaned) == {40: "non_positive"}
    validate(BARS.arrange(cleaned.bars), BARS, market="here", layer="bars", partition="-")


def test_the_most_serious_finding_is_the_quality():
    raw = changed(scaled(series(MARKET, "A", walk(1, N)), [40], 1.5), [40], volume=1e6)
    assert quality(clean_bars(raw, MARKET)) == {40: "spike"}


def test_a_restated_bar_is_judged_by_what_was_known_then():
    """A later correction of the window changes no finding that was made before it."""
    raw = scaled(series(MARKET, "A", walk(1, N)), [40], 1.5)
    later = raw["known_at"][50]
    corrected = series(MARKET, "A", walk(1, N), file="B.csv")[35:45].with_columns(
        pl.col("open", "high", "low", "close") * 1.5, known_at=pl.lit(later), delivered_at=pl.lit(later)
    )
    cleaned = clean_bars(pl.concat([raw, corrected]), MARKET)
    # Judged with the corrected bars around it, bar 40 would be none; it was one when it came, and stays one.
    assert quality(cleaned) == {35: "spike", 40: "spike"}
    assert cleaned.history.height == 9
    until = clean_bars(pl.concat([raw, corrected]).filter(pl.col("known_at") < later), MARKET)
    assert quality(until) == {40: "spike"}


def test_a_session_reads_as_far_back_as_its_findings_reach():
    market = market_of("A", "B", partition="session", cleaning=CleaningSettings(twin_bars=25, stale_bars=30))
    closes, volumes = walk(1, 32), np.full(32, 1000.0)
    closes[10:12] *= 1.1
    raw = pl.concat([series(market, name, closes, volumes=volumes) for name in "AB"])
    whole = clean_bars(raw, market)
    for key in raw["partition"].unique().sort().to_list()[-8:]:
        read = LAYERS["bars"].input_partitions(market, [key])["raw_bars"][key]
        alone = clean_bars(raw.filter(pl.col("partition").is_in(read)), market)
        mine = pl.col("partition") == key
        assert set(alone.bars.filter(mine)["quality"]) == {"twin"}
        assert_frame_equal(alone.bars.filter(mine), whole.bars.filter(mine))


prices = st.lists(
    st.sampled_from([100.0, 100.0, 100.0, 101.0, 99.0, 100.5, 160.0, 10_000.0, 1.0, 10.0]), min_size=6, max_size=45
)
volumes = st.sampled_from([0.0, 100.0, 100.0, 120.0, 1e6, 0.5])
moments = st.lists(st.integers(0, 12), min_size=45, max_size=45)


def deliveries(names, closes, drawn, delays):
    frames = []
    for name, told in zip(names, closes, strict=True):
        raw = series(MARKET, name, told, volumes=[drawn[n % len(drawn)] for n in range(len(told))])
        late = pl.Series("late", [dt.timedelta(days=days if days > 9 else 0) for days in delays[: len(told)]])
        again = raw.with_columns(file=pl.lit(f"again-{name}.csv"), close=pl.col("open"), high=pl.col("high") * 1.01)
        again = again.with_columns(pl.col("known_at") + dt.timedelta(days=3)).filter(pl.col("line") % 5 == 0)
        frames += [raw.with_columns(pl.col("known_at") + late), again]
    return pl.concat(frames)


@pytest.mark.slow
@settings(max_examples=min(20, settings().max_examples))
@given(st.lists(prices, min_size=1, max_size=3), st.lists(volumes, min_size=1, max_size=7), moments)
def test_judging_only_what_is_suspect_changes_nothing(closes, drawn, delays):
    raw = deliveries("ABC"[: len(closes)], closes, drawn, delays)
    quick = clean_bars(raw, MARKET)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("price_suspects", "volume_suspects", "stale_suspects", "twin_suspects"):
            patch.setattr(findings, name, lambda told, *_: np.ones(told.close.size, np.bool_))
        slow = clean_bars(raw, MARKET)
    for name in ("bars", "refused", "history"):
        assert_frame_equal(getattr(quick, name), getattr(slow, name))


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(prices, min_size=2, max_size=3), st.lists(volumes, min_size=1, max_size=7), moments, st.integers(0, 60))
def test_as_of_is_what_cleaning_gave_then(closes, drawn, delays, day):
    raw = deliveries("ABC"[: len(closes)], closes, drawn, delays)
    moment = dt.datetime.combine(START, dt.time(22), dt.UTC) + dt.timedelta(days=day)
    whole, then = clean_bars(raw, MARKET), clean_bars(raw.filter(pl.col("known_at") <= moment), MARKET)
    known = pl.col("known_at") <= moment
    since = whole.history.filter(known, pl.col("superseded_at") > moment).drop("superseded_at")
    expected = pl.concat([whole.bars.filter(known), since]).sort("partition", "symbol", "open_time")
    assert_frame_equal(then.bars, expected)


@pytest.mark.slow
@settings(max_examples=30)
@given(prices, st.lists(volumes, min_size=1, max_size=7), moments)
def test_one_bad_symbol_changes_no_other(closes, drawn, delays):
    bad = deliveries("A", [closes], drawn, delays)
    good = series(MARKET, "B", walk(3, 45), volumes=np.arange(45) + 7.0)
    together, alone = clean_bars(pl.concat([bad, good]), MARKET), clean_bars(good, MARKET)
    assert_frame_equal(together.bars.filter(pl.col("symbol") == "B"), alone.bars)
    assert_frame_equal(together.refused.filter(pl.col("symbol") == "B"), alone.refused)


def reference(closes, highs, lows, told, at):
    """The spike rule, bar by bar, in plain Python: the specification the arrays are held against."""
    window = [value for value in closes[max(0, at - told.window) : at] if value > 0]
    if len(window) < findings.FEWEST + 1:
        return None
    returns = np.diff(np.log(window))
    scale = max(findings.NORMAL * np.median(np.abs(returns - np.median(returns))), findings.LEAST_SCALE)
    jump = max(np.log(highs[at] / window[-1]), np.log(window[-1] / lows[at]))
    off = max(np.log(highs[at] / np.median(window)), np.log(np.median(window) / lows[at]))
    return bool(min(jump, off) >= told.spike_scale * scale)


def test_the_arrays_keep_the_rule():
    source = np.random.default_rng(11)
    closes = walk(2, 250) * np.where(source.uniform(size=250) < 0.1, source.uniform(0.7, 1.4, 250), 1)
    raw = series(MARKET, "A", closes)
    found = quality(clean_bars(raw, MARKET))
    told = MARKET.settings.cleaning
    expected = {n for n in range(250) if reference(closes, raw["high"], raw["low"], told, n)}
    assert len(expected) > 5
    assert {n for n, word in found.items() if word == "spike"} == expected
