"""Many symbols and indicators at once, bar by bar, say what the batch says."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indicators.made import arrays_of, with_outside_inputs
from tradepipe.indicators import IndicatorError, IndicatorInputError, indicators, parse_indicator, parse_indicators
from tradepipe.indicators.batch.compute import compute_indicators, run_kernel
from tradepipe.indicators.batch.universe import cross_section
from tradepipe.indicators.inputs import INPUTS, OUTSIDE_INPUTS
from tradepipe.indicators.live.live import Live
from tradepipe.indicators.parsing import parse_features

ALL = parse_indicators(indicators())
SYMBOLS = ("AAA", "BBB", "CCC")
MONDAY = dt.datetime(2024, 1, 1, 14, 30, tzinfo=dt.UTC)


def walk(seed, rows, missing=0.0):
    """Bars on cents with jumps and flat stretches; some lack an input from outside, NaN there."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 1, -1, 7, -7, 300, -290], rows, p=[0.4, 0.2, 0.2, 0.09, 0.09, 0.01, 0.01])
    close = np.maximum(10_000 + np.cumsum(steps), 50)
    low, high = close - rng.integers(0, 20, rows), close + rng.integers(0, 20, rows)
    frame = pl.DataFrame(
        {
            "symbol": ["X"] * rows,
            "session": pl.Series(np.arange(rows) // 6 + 19_000, dtype=pl.Int32).cast(pl.Date),
            "open": rng.integers(low, high + 1) / 100,
            "high": high / 100,
            "low": low / 100,
            "close": close / 100,
            "volume": rng.integers(0, 5, rows) * 100.0,
        }
    )
    arrays = {name: np.array(values) for name, values in arrays_of(with_outside_inputs(frame)).items()}
    for name in OUTSIDE_INPUTS:
        arrays[name][rng.random(rows) < missing] = np.nan
    return arrays


def expected(bound, arrays):
    """What the batch says: of the bars that have all the indicator's inputs, nothing on the others."""
    whole = np.all([~np.isnan(arrays[name]) for name in bound.inputs], axis=0)
    chosen = {name: values[whole] for name, values in arrays.items()}
    for values in chosen.values():
        values.flags.writeable = False
    found = [np.full(len(whole), np.nan) for _ in bound.described]
    for column, values in zip(found, run_kernel(bound, chosen, np.array([0, int(whole.sum())])), strict=True):
        column[whole] = values
    return found


def bars_at(series, chosen, turns):
    """The next bar of each chosen symbol, a column an input."""
    bars = {name: [series[slot][name][turns[slot]] for slot in chosen] for name in INPUTS}
    return {**bars, "open_time": [MONDAY + dt.timedelta(minutes=int(turns[slot])) for slot in chosen]}


def play(live, series, rounds, *, every=None, as_bytes=False):
    """Feed rounds of symbols; every so often the state is saved and another goes on."""
    turns, found = [0] * len(series), [[] for _ in series]
    for number, chosen in enumerate(rounds):
        if every is not None and number % every == every - 1:
            kept = live.to_bytes() if as_bytes else json.dumps(live.save(), allow_nan=False)
            live.update(bars_at(series, range(len(series)), turns))  # must not reach the restored one
            wanted = live.features
            live = Live.from_bytes(wanted, kept) if as_bytes else Live.restore(wanted, json.loads(kept))
        values = live.update(bars_at(series, chosen, turns), [live.symbols[slot] for slot in chosen])
        assert tuple(values) == live.columns
        rows = np.array(list(values.values())).T
        for slot, row in zip(chosen, rows, strict=True):
            turns[slot] += 1
            found[slot].append(row)
    return [np.array(rows).reshape(-1, len(live.columns)).T for rows in found]


def assert_equals_batch(bound, found, series):
    for values, arrays in zip(found, series, strict=True):
        played = {name: array[: values.shape[1]].copy() for name, array in arrays.items()}
        names = iter(values)
        for one in bound:
            for output, others in zip(one.described, expected(one, played), strict=True):
                np.testing.assert_allclose(next(names), others, rtol=1e-12, atol=0, err_msg=output.name)


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    rounds=st.lists(st.permutations(range(3)).flatmap(lambda p: st.integers(0, 3).map(lambda n: p[:n])), max_size=120),
    every=st.integers(15, 80),
    as_bytes=st.booleans(),
    missing=st.sampled_from([0.0, 0.2]),
)
def test_any_bars_in_any_company_equal_the_batch(seed, rounds, every, as_bytes, missing):
    series = [walk(seed + place, len(rounds) + 1, missing) for place in range(3)]
    found = play(Live(ALL, SYMBOLS), series, rounds, every=every, as_bytes=as_bytes)
    assert_equals_batch(ALL, found, series)


@pytest.mark.slow
def test_long_series_equal_the_batch():
    """Beyond every context, so that the rows of bars have moved more than once."""
    rng = np.random.default_rng(7)
    assert max(one.context for one in ALL) < 200  # a row is 364 places then, and moves after 164 more
    rounds = [np.flatnonzero(rng.random(3) < [1.0, 0.9, 0.3]).tolist() for _ in range(700)]
    series = [walk(place, 701, 0.05) for place in range(3)]
    found = play(Live(ALL, SYMBOLS), series, rounds, every=200, as_bytes=True)
    assert_equals_batch(ALL, found, series)


def two(live=None):
    live = live or Live(parse_indicators(["sma(2)", "atr(2)"]), ["AAA", "BBB"])
    for minute in range(3):
        live.update(quiet(minute))
    return live


def quiet(minute, **changed):
    prices = {"open": [1.0, 2.0], "high": [1.5, 2.5], "low": [0.5, 1.5], "close": [1.0, 2.0], "volume": [5.0, 0.0]}
    return {"open_time": MONDAY + dt.timedelta(minutes=minute), **prices, **changed}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"close": [1.0, np.nan]}, r"close of BBB is nan; indicators need finite numbers"),
        ({"high": [np.inf, 1.0]}, r"high of AAA is inf; indicators need finite numbers"),
        ({"low": [None, 1.0]}, r"low of AAA is nan; indicators need"),
        ({"close": ["1", "x"]}, r"close holds what is no number: \['1', 'x'\]"),
        ({"close": None}, r"the bars lack close"),
        ({"close": [1.0, 2.0, 3.0]}, r"close holds 3 values for 2 symbols; give one each, or one for all"),
        ({"open_time": None}, r"the bars lack open_time"),
        ({"open_time": "now"}, r"open_time holds what is no time: 'now'"),
        (
            {"open_time": MONDAY + dt.timedelta(minutes=2)},
            r"open_time of AAA is 2024-01-01 14:32:00 UTC, which does not come after that of 2024-01-01 14:32:00 UTC",
        ),
        (
            {"open_time": [MONDAY + dt.timedelta(minutes=9), MONDAY]},
            r"open_time of BBB is 2024-01-01 14:30:00 UTC, which does not come after",
        ),
        ({"open_time": [MONDAY + dt.timedelta(minutes=9), None]}, r"open_time of BBB is missing"),
    ],
)
def test_a_bar_refused_names_symbol_and_column_and_changes_nothing(changed, said):
    live = two()
    before = live.to_bytes()
    with pytest.raises(IndicatorInputError, match=said):
        live.update(quiet(3, **changed))
    assert live.to_bytes() == before
    live.update(quiet(3))


def test_symbols_are_known_and_come_once():
    live = two()
    before = live.to_bytes()
    with pytest.raises(IndicatorInputError, match="the symbol ZZZ is not among the 2 declared"):
        live.update(quiet(3), ["AAA", "ZZZ"])
    with pytest.raises(IndicatorInputError, match="the symbol AAA comes twice in one update"):
        live.update(quiet(3), ["AAA", "AAA"])
    with pytest.raises(IndicatorInputError, match="a slot is outside 0 to 1"):
        live.update(quiet(3), np.array([0, 2]))
    with pytest.raises(IndicatorError, match="the symbol AAA comes twice; give each once"):
        Live(live.features, ["AAA", "BBB", "AAA"])
    assert live.to_bytes() == before


def test_one_value_may_be_for_all_and_names_and_slots_are_the_same():
    one, other = two(), two()
    bars = {**quiet(4), "close": 3.0}
    found = one.update(bars, ["BBB", "AAA"])
    assert found["sma_2"].tolist() == [2.5, 2.0]
    again = other.update({**bars, "open_time": np.datetime64("2024-01-01T14:34")}, other.slots(["BBB", "AAA"]))
    assert {name: values.tolist() for name, values in again.items()} == {
        name: values.tolist() for name, values in found.items()
    }
    assert one.to_bytes() == other.to_bytes()


def test_no_bars_no_symbols_no_indicators():
    assert two().update({"open_time": MONDAY, "open": [], "high": [], "low": [], "close": []}, [])["sma_2"].size == 0
    assert Live(ALL, []).update({name: [] for name in ["open_time", *INPUTS]} | {"open_time": MONDAY}).keys() == set(
        Live(ALL, []).columns
    )
    assert Live([], ["AAA"]).update({"open_time": MONDAY}) == {}


def test_a_polars_frame_gives_its_columns():
    live = two()
    frame = pl.DataFrame({**quiet(3), "symbol": ["AAA", "BBB"], "session": [dt.date(2024, 1, 1)] * 2})
    assert live.update(frame.to_dict(), frame["symbol"])["sma_2"].tolist() == [1.0, 2.0]


def test_a_state_is_restored_by_its_own_indicators_only():
    live = two()
    with pytest.raises(
        IndicatorError, match=r"the saved state is of \['sma\(2\)', 'atr\(2\)'\], not of \['sma\(3\)'\]"
    ):
        Live.restore(parse_indicators(["sma(3)"]), live.save())
    saved = live.save()
    del saved["bars_0"][0][0]
    with pytest.raises(IndicatorError, match=r"the saved state has another form \(its bars_0\); start anew"):
        Live.restore(live.features, saved)
    whole = live.to_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(IndicatorError, match="the saved state is damaged"):
            Live.from_bytes(live.features, whole[:cut])
    for place in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[place] ^= 16
        with pytest.raises(IndicatorError, match="the saved state is damaged"):
            Live.from_bytes(live.features, bytes(broken))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kernels": ["0" * 64] * 2}, r"the kernel of sma\(2\), atr\(2\) has changed since the state was saved; start"),
        ({"kernels": None}, "has another form"),
        ({"form": 1}, "is of"),
        ({"seen_0": [-5, 3]}, r"the saved state is damaged \(its seen_0\); start anew"),
        ({"memory_0": [[None, None], [0.0, 0.0]]}, r"the saved state is damaged \(its memory_0\)"),
        ({"bars_0": None}, r"has another form \(its bars_0\)"),
        ({"symbols": 3}, r"has another form \(its symbols\)"),
        ({"symbols": ["AAA", "AAA"]}, r"has another form \(its symbols\)"),
    ],
)
def test_a_state_that_no_kernel_wrote_is_refused(changed, said):
    live = two()
    with pytest.raises(IndicatorError, match=said):
        Live.restore(live.features, {**live.save(), **changed})
    for nothing in (None, [], {}):
        with pytest.raises(IndicatorError, match="the saved state is of None"):
            Live.restore(live.features, nothing)


def test_slots_of_narrow_integers_do_not_run_over():
    """900 times a row's width is more than 16 bits hold: bars went to the rows of other symbols."""
    symbols = [f"S{place}" for place in range(1000)]
    live = Live(parse_indicators(["sma(20)"]), symbols)
    for minute in range(20):
        bar = {"open_time": MONDAY + dt.timedelta(minutes=minute), "close": [1.0, 2.0]}
        found = live.update(bar, np.array([900, 901], np.uint16 if minute % 2 else np.int16))
    assert found["sma_20"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("members", [np.ones(2, np.bool_), [True] * 4, [1, 1, 1], [None, True, True], True])
def test_members_that_are_not_booleans_one_a_symbol_change_nothing(members):
    live = Live(parse_features(["cross_rank(sma(2))"]), SYMBOLS)
    before = live.to_bytes()
    bar = {"open_time": MONDAY, "close": [1.0, 2.0, 3.0]}
    with pytest.raises(IndicatorInputError, match="members must be 3 booleans, one a symbol"):
        live.update(bar, members=members)
    assert live.to_bytes() == before
    live.update(bar, members=[True, True, False])


def test_after_an_interruption_halfway_nothing_goes_on(monkeypatch):
    """The first indicator had seen the bar, the second had not: the same bar again would count twice in one."""
    live = Live(parse_indicators(["sma(2)", "beta(3)"]), ["AAA"])
    saved = live.save()
    bar = {"open_time": MONDAY, "close": 1.0, "benchmark": 1.0}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(live._buffers[1], "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        live.update(bar)
    monkeypatch.undo()
    for attempt in (lambda: live.update(bar), live.save, live.to_bytes):
        with pytest.raises(IndicatorError, match="an update was interrupted halfway; restore the state"):
            attempt()
    Live.restore(live.features, saved).update(bar)


def test_symbols_may_change_when_a_state_is_restored():
    live = two()
    other = Live.restore(live.features, live.save(), ["BBB", "CCC"])
    found = other.update(quiet(3, close=[4.0, 4.0], high=[4.0, 4.0]))
    assert found["sma_2"].tolist()[0] == 3.0
    assert np.isnan(found["sma_2"][1])
    with pytest.raises(IndicatorInputError, match="AAA is not among"):
        other.update(quiet(4), ["AAA", "BBB"])


def test_longer_intervals_need_bars_of_their_own():
    with pytest.raises(IndicatorError, match=r"sma\(2\)@1h is computed from 1h bars; make another Live for sma\(2\)"):
        Live(parse_features(["sma(2)@1h"]), ["AAA"])


def test_cross_sections_are_over_the_members_whose_bar_has_come():
    symbols = [f"S{place}" for place in range(8)]
    wanted = parse_features(["cross_rank(sma(2))", "sma(2)", "cross_zscore(sma(2))"])
    live = Live(wanted, symbols)
    rng = np.random.default_rng(3)
    close = rng.integers(1, 6, (6, 8)).astype(float)
    member = rng.random((6, 8)) < 0.8
    mean = np.vstack([np.full(8, np.nan), (close[1:] + close[:-1]) / 2])
    for minute in range(6):
        time = MONDAY + dt.timedelta(minutes=minute)
        early, late = np.arange(0, 5), np.arange(5, 8)
        if minute == 3:  # saved between the two
            live = Live.restore(wanted, json.loads(json.dumps(live.save(), allow_nan=False)))
        for came, known in ((early, early), (late, np.arange(8))):
            found = live.update({"open_time": time, "close": close[minute, came]}, came, member[minute, came])
            if minute == 3 and len(known) < 8:
                live = Live.from_bytes(wanted, live.to_bytes())
            rows = pl.DataFrame({"open_time": [time] * len(known), "known_at": [time] * len(known)})
            for across in ("cross_rank", "cross_zscore"):
                others = cross_section(rows, mean[minute, known], member[minute, known], across)[
                    known.searchsorted(came)
                ]
                np.testing.assert_allclose(found[f"{across}_sma_2"], others, rtol=1e-12)
            np.testing.assert_array_equal(found["sma_2"], mean[minute, came])


@pytest.mark.slow
def test_live_values_are_those_that_are_stored(index_bars, one_window):
    """Bit for bit, over a partition's whole window of real bars, for every indicator."""
    wanted = parse_features(indicators())
    frame = index_bars.group_by("symbol", maintain_order=True).head(400)
    stored = compute_indicators(frame, one_window, wanted)
    live = Live(wanted, sorted(frame["symbol"].unique()))
    rows = []
    for (_,), bars in frame.sort("open_time", "symbol").group_by("open_time", maintain_order=True):
        values = live.update(bars.to_dict(), bars["symbol"], stored=True)
        rows.append(bars.select("symbol", "open_time").with_columns(pl.Series(name, v) for name, v in values.items()))
    played = pl.concat(rows).sort("symbol", "open_time").fill_nan(None)
    for name in live.columns:
        assert played[name].dtype == stored[name].dtype
        assert played[name].equals(stored[name]), name


def test_saving_is_of_this_moment():
    """What was saved does not move with the state."""
    live = two()
    saved = live.save()
    text = json.dumps(saved)
    live.update(quiet(3, close=[9.0, 9.0]))
    assert json.dumps(saved) == text
    assert parse_indicator("sma(2)").text == saved["features"][0]
