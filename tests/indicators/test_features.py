"""Longer intervals, a benchmark and what is fetched beside bars: as last known, and the same alone and in a range."""

import dataclasses
import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest

from tests.markets.building import MINUTES, build_market
from tradepipe.bars import resample
from tradepipe.chain.features import indicator_reads, indicators_of
from tradepipe.contracts import FUNDING, MARK_PRICES, OPEN_INTEREST
from tradepipe.indicators import (
    Beside,
    IndicatorError,
    Windowed,
    compute_indicators,
    configured,
    features_of,
    parse_features,
    registry,
)
from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.registry import indicator_named
from tradepipe.settings.sources import FetchSettings
from tradepipe.store.content import content_hash

UTC = dt.UTC
FIRST, DAYS = dt.date(2024, 1, 1), 4
SYMBOLS = ["AAA", "BBB", "CCC"]
KEY = ["symbol", "session", "open_time", "close_time", "known_at"]
ASKED = (
    "returns",
    "sma(5)@1h",
    "ema(5)@15m",
    "cross_rank(sma(3)@15m)",
    "cross_zscore(returns)",
    "mean_benchmark(20)",
    "mean_benchmark(4)@15m as float64",
)
FETCHED = ("mean_funding_rate(2)", "mean_mark_price(3)", "mean_open_interest(2)", "mean_mark_price(2)@1h")
DELAY = dt.timedelta(minutes=2)


@pytest.fixture(scope="module", autouse=True)
def means():
    """Means of each input from outside: indicators of which a test can say what they must be."""
    sma = indicator_named("sma")
    made = {f"mean_{name}": dataclasses.replace(sma, name=f"mean_{name}", inputs=(name,)) for name in OUTSIDE_INPUTS}
    with pytest.MonkeyPatch.context() as patch:
        for name, one in made.items():
            patch.setitem(registry._REGISTERED, name, one)
        yield
    configured._parsed.cache_clear()


def identical(one, other):
    return content_hash(one) == content_hash(other)


def market_of(*indicators, **changes):
    told = {
        "interval": "5m",
        "intervals": ("15m", "1h", "1d"),
        "start": FIRST,
        "end": FIRST + dt.timedelta(days=DAYS - 1),
        "benchmark": "BBB",
        "publication_delay": DELAY,
    }
    return build_market(SYMBOLS, **(MINUTES | told | {"indicators": indicators or ASKED} | changes))


@pytest.fixture(scope="module")
def bars():
    """Five-minute bars around the clock with holes, and one in fifty known late."""
    draw = np.random.default_rng(11)
    opens = pl.datetime_range(
        dt.datetime(2024, 1, 1, tzinfo=UTC),
        dt.datetime(2024, 1, DAYS, 23, 55, tzinfo=UTC),
        "5m",
        time_unit="us",
        eager=True,
    )
    parts = []
    for symbol in SYMBOLS:
        close = 100 * np.exp(np.cumsum(draw.normal(0, 1e-3, len(opens))))
        late = np.where(draw.random(len(opens)) < 0.02, draw.integers(1, 200, len(opens)), 0)
        parts.append(
            pl.DataFrame({"open_time": opens, "close": close, "late": late})
            .with_columns(
                symbol=pl.lit(symbol),
                interval=pl.lit("5m"),
                session=pl.col("open_time").dt.date(),
                close_time=pl.col("open_time") + pl.duration(minutes=5),
                open=pl.col("close") * 0.9995,
                high=pl.col("close") * 1.001,
                low=pl.col("close") * 0.999,
                volume=pl.lit(10.0),
                quality=pl.lit("ok"),
            )
            .with_columns(known_at=pl.col("close_time") + DELAY + pl.duration(minutes=pl.col("late")))
            .filter(pl.Series(draw.random(len(opens)) > 0.03))
        )
    return pl.concat(parts)


def layer_of(market, bars, keys, others=None):
    """The indicators layer of `keys`: every layer gives no more than those partitions look back on."""
    reads, others = indicator_reads(market), others or {}

    def windows(layer):
        return market.partitions.windows(keys, reads[layer])

    def rows(layer):
        frame = bars if layer == "bars" else others.get(layer)
        if layer == "intervals":
            frame = resample(bars, market.calendar, market.settings.intervals)
        first, last = windows(layer)["anchor_session"].min(), windows(layer)["last_session"].max()
        return frame.filter(pl.col("session").is_between(first, last))

    return indicators_of(market, rows("bars"), rows, windows)


def days(first, last):
    return [str(FIRST + dt.timedelta(days=day)) for day in range(first, last + 1)]


def test_a_longer_interval_stands_beside_the_bars_that_knew_it(bars):
    market = market_of("sma(5)@1h as float64")
    in_order = bars.with_columns(known_at=pl.col("close_time") + DELAY)
    found = layer_of(market, in_order, days(0, 3)).sort("symbol", "open_time")
    hours = resample(in_order, market.calendar, ("1h",)).filter(~pl.col("is_partial")).sort("symbol", "open_time")
    hours = hours.with_columns(sma=pl.col("close").rolling_mean(5).over("symbol"))
    checked = found.filter(pl.col("session") >= FIRST + dt.timedelta(days=1)).gather_every(17)
    for row in checked.to_dicts():
        there = hours.filter(
            pl.col("symbol") == row["symbol"],
            pl.col("close_time") <= row["close_time"],
            pl.col("known_at") <= row["known_at"],
        )
        assert row["sma_5_1h"] == pytest.approx(there["sma"][-1], rel=1e-12)
    assert checked.height > 100
    assert found.schema["sma_5_1h"] == pl.Float64


def test_a_bar_that_is_still_forming_says_nothing(bars):
    market = market_of("sma(2)@1h")
    whole = bars.filter(symbol="AAA").with_columns(known_at=pl.col("close_time") + DELAY)
    cut = whole.filter(pl.col("open_time") != dt.datetime(2024, 1, 2, 9, 55, tzinfo=UTC))  # 9:00 has no end now
    asked = pl.col("open_time").is_between(
        dt.datetime(2024, 1, 2, 9, tzinfo=UTC), dt.datetime(2024, 1, 2, 10, 50, tzinfo=UTC)
    )
    found = layer_of(market, cut, days(1, 1)).filter(asked)
    # Of hours that end at 9:00 and before, until the one that ends at 11:00.
    assert found["sma_2_1h"].n_unique() == 1
    assert layer_of(market, whole, days(1, 1)).filter(asked)["sma_2_1h"].n_unique() >= 2


def test_the_lookback_reaches_days_for_a_daily_interval():
    market = market_of("sma(3)@1d", "rsi(14)", "mean_benchmark(20)@1h")
    assert indicator_reads(market) == {"bars": 2, "intervals": 3}
    assert indicator_reads(market_of("rsi(14)")) == {"bars": 2}
    assert indicator_reads(market_of("sma(3)@1d")) == {"bars": 0, "intervals": 3}


def test_a_benchmark_that_has_no_bar_is_the_last_one_known(bars, one_window):
    mine = bars.filter(symbol="AAA").head(40).with_columns(known_at=pl.col("close_time") + DELAY)
    index = mine.with_columns(symbol=pl.lit("BBB"), close=pl.col("close") * 2).filter(pl.int_range(pl.len()) % 3 != 1)
    asked = parse_features(["mean_benchmark(2) as float64"])
    found = compute_indicators(pl.concat([mine, index]), one_window, asked, Beside(benchmark="BBB"))
    last = (mine["close"] * 2).to_list()
    last = [last[row - 1] if row % 3 == 1 else value for row, value in enumerate(last)]
    means = [None, *((one + other) / 2 for one, other in itertools.pairwise(last))]
    assert found.filter(symbol="AAA").sort("open_time")["mean_benchmark_2"].to_list() == pytest.approx(means)


def test_a_bar_before_anything_is_known_of_an_input_is_no_part_of_its_series(bars, one_window):
    mine = bars.filter(symbol="AAA").head(10)
    given = mine.with_columns(mark_price=pl.Series([None, 1.0, 2.0, None, None, 4.0, 8.0, None, 9.0, None]))
    found = compute_indicators(given, one_window, parse_features(["mean_mark_price(2)", "sma(2)"]))
    assert found["mean_mark_price_2"].to_list() == [None, None, 1.5, None, None, 3.0, 6.0, None, 8.5, None]
    assert found["sma_2"].null_count() == 1


def test_without_a_bar_of_the_benchmark_there_are_no_values(bars, one_window):
    asked = parse_features(["mean_benchmark(2)", "sma(2)"])
    found = compute_indicators(bars.head(50), one_window, asked, Beside(benchmark="ZZZ"))
    assert found["mean_benchmark_2"].null_count() == 50
    assert found["sma_2"].null_count() == 1


@pytest.mark.parametrize("name", OUTSIDE_INPUTS)
def test_an_input_that_nothing_gives_is_refused(name, bars, one_window):
    with pytest.raises(IndicatorError, match=rf"mean_{name}\(2\): {name} is needed. Remedy: give it as a column, or"):
        compute_indicators(bars, one_window, parse_features([f"mean_{name}(2)"]))


def fetched_data():
    """Funding each eight hours, mark prices each five minutes, open interest each hour; some known late."""
    draw = np.random.default_rng(5)

    def every(step, contract, **columns):
        opens = pl.datetime_range(
            dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, DAYS, 23, 59, tzinfo=UTC), step,
            time_unit="us", eager=True,
        )  # fmt: skip
        parts = []
        for symbol in SYMBOLS:
            late = np.where(draw.random(len(opens)) < 0.1, draw.integers(1, 700, len(opens)), 0)
            parts.append(
                pl.DataFrame({"at": opens, "late": late, "n": np.arange(len(opens), dtype=float)}).with_columns(
                    symbol=pl.lit(symbol), session=pl.col("at").dt.date(), file=pl.lit("f"), **columns
                )
            )
        frame = pl.concat(parts)
        known = pl.max_horizontal("at", *([pl.col("close_time")] if "close_time" in frame.columns else []))
        return contract.arrange(frame.with_columns(known_at=known + DELAY + pl.duration(minutes=pl.col("late"))))

    at = pl.col("at")
    return {
        "funding": every("8h", FUNDING, scheduled_at=at, paid_at=at, rate=pl.col("n") * 1e-5),
        "mark_prices": every(
            "5m", MARK_PRICES, interval=pl.lit("5m"), open_time=at, close_time=at + pl.duration(minutes=5),
            **{name: 100 + pl.col("n") / 1000 for name in ("open", "high", "low", "close")},
        ),
        "open_interest": every("1h", OPEN_INTEREST, taken_at=at, open_interest=1000 + pl.col("n")),
    }  # fmt: skip


@pytest.fixture(scope="module")
def fetched():
    return fetched_data()


def fetching(*indicators):
    return market_of(*indicators, fetch=FetchSettings(data=("bars", "funding", "mark", "open_interest")))


def test_what_is_fetched_stands_beside_the_bars_that_knew_it(bars, fetched):
    market = fetching("mean_funding_rate(2) as float64", "mean_open_interest(2)")
    found = layer_of(market, bars, days(1, 3), fetched)
    rates = fetched["funding"].filter(symbol="AAA").with_columns(at=pl.col("scheduled_at"))
    for row in found.filter(symbol="AAA").gather_every(41).to_dicts():
        # The bar and the one before it mostly see one payment: made before the close, known when the bar was.
        there = rates.filter(pl.col("at") < row["close_time"], pl.col("known_at") <= row["known_at"]).sort("at")
        assert row["mean_funding_rate_2"] <= there["rate"][-1]
        assert row["mean_funding_rate_2"] > there["rate"][-1] - 4e-5
    assert found["mean_open_interest_2"].null_count() < found.height / 10


def test_each_layer_is_read_as_far_back_as_its_values_hold():
    reads = indicator_reads(fetching(*ASKED, *FETCHED))
    assert reads["funding"] == reads["mark_prices"] == reads["open_interest"] == reads["bars"] + 2
    assert indicator_reads(fetching("mean_mark_price(2)")).keys() == {"bars", "mark_prices"}


def test_a_layer_is_read_no_further_than_what_reads_it():
    """Minutes of hundreds of days would be read for one average of days."""
    far = "sma(50)@1d"
    reads = indicator_reads(fetching(far, "mean_benchmark(2)@1h", "mean_mark_price(2)"))
    assert reads == {"bars": 1, "intervals": 50, "mark_prices": 3}
    assert indicator_reads(fetching(far, "mean_benchmark(2)@1d"))["bars"] == 2
    assert indicator_reads(fetching(far, "mean_funding_rate(30)@1d"))["funding"] == 32


@pytest.mark.slow
def test_nothing_is_known_before_its_time(bars, fetched):
    market = fetching(*ASKED, *FETCHED)
    # Base bars come in time: one that came late would be missing then from windows that it is part of now.
    on_time = bars.with_columns(known_at=pl.col("close_time") + DELAY)
    full = layer_of(market, on_time, days(0, 3), fetched)
    values = [name for name in full.columns if name not in {*KEY, "partition"}]
    assert full.select(values).null_count().transpose().max().item() < full.height / 4
    moments = on_time["known_at"].unique().sort()
    for cut in np.random.default_rng(50).choice(len(moments), 50, replace=False).tolist():
        by_then = pl.col("known_at") <= moments[cut]
        known = {name: rows.filter(by_then) for name, rows in fetched.items()}
        then = layer_of(market, on_time.filter(by_then), days(0, 3), known)
        assert then.height > 0
        assert identical(then, full.filter(by_then))


@pytest.mark.slow
def test_a_partition_is_the_same_alone_in_a_range_and_again(bars, fetched):
    market = fetching(*ASKED, *FETCHED)
    together = layer_of(market, bars, days(0, 3), fetched)
    shuffled = {name: rows.sample(fraction=1, shuffle=True, seed=3) for name, rows in fetched.items()}
    assert identical(together, layer_of(market, bars.sample(fraction=1, shuffle=True, seed=2), days(0, 3), shuffled))
    for day in days(0, 3):
        alone = layer_of(market, bars, [day], fetched)
        assert alone.height > 500
        assert identical(alone, together.filter(pl.col("partition") == day))


def test_a_payment_of_the_moment_a_bar_ends_belongs_to_the_next_bar(bars, fetched):
    market = fetching("mean_funding_rate(2) as float64")
    on_time = bars.filter(symbol="AAA").with_columns(known_at=pl.col("close_time") + DELAY)
    paid = fetched["funding"].with_columns(known_at=pl.col("scheduled_at") + DELAY)
    found = layer_of(market, on_time, days(1, 1), {"funding": paid})
    rates = dict(paid.filter(symbol="AAA").select("scheduled_at", "rate").rows())
    for hour in (8, 16, 24):
        end = dt.datetime(2024, 1, 2, tzinfo=UTC) + dt.timedelta(hours=hour)
        last = found.filter(pl.col("close_time") <= end)["mean_funding_rate_2"][-1]
        assert last == pytest.approx(rates[end - dt.timedelta(hours=8)], rel=1e-12)


def test_a_benchmark_is_not_looked_for_beyond_the_window(bars):
    market = market_of("mean_benchmark(2)")
    gone = bars.filter((pl.col("symbol") != "BBB") | (pl.col("session") == FIRST))
    together = layer_of(market, gone, days(0, 3))
    assert together.filter(partition=days(1, 1)[0])["mean_benchmark_2"].null_count() == 0
    last = together.filter(partition=days(3, 3)[0])
    assert last["mean_benchmark_2"].null_count() == last.height
    assert identical(last, layer_of(market, gone, days(3, 3)))


def test_a_longer_bar_is_not_looked_for_beyond_the_window(bars):
    market = market_of("sma(2)@1h")
    hours = resample(bars.filter(session=FIRST), market.calendar, ("1h",))

    def layer(keys):
        base, longer = (
            market.partitions.windows(keys, indicator_reads(market)[name]) for name in ("bars", "intervals")
        )
        return compute_indicators(bars, base, features_of(market), Beside(intervals=Windowed(hours, longer)))

    together = layer(days(0, 3))
    assert together.filter(partition=days(1, 1)[0])["sma_2_1h"].null_count() == 0
    last = together.filter(partition=days(3, 3)[0])
    assert last["sma_2_1h"].null_count() == last.height > 0
    assert identical(last, layer(days(3, 3)))


def test_a_row_of_the_next_day_reaches_no_bar_of_this_one(bars, fetched):
    """A younger price of tomorrow, known before an older one of today, would otherwise hide that one in a range."""
    market = fetching("mean_mark_price(2)")
    today, tomorrow = days(1, 2)
    last = fetched["mark_prices"].with_columns(
        known_at=pl.when(pl.col("open_time").dt.time() == dt.time(23, 55))
        .then(pl.col("close_time") + pl.duration(minutes=9))
        .when(pl.col("open_time").dt.time() == dt.time(0, 0))
        .then(pl.col("close_time") - pl.duration(minutes=3))
        .otherwise("known_at")
    )
    late = bars.with_columns(known_at=pl.col("close_time") + pl.duration(minutes=15))
    together = layer_of(market, late, [today, tomorrow], {"mark_prices": last})
    alone = layer_of(market, late, [today], {"mark_prices": last})
    assert identical(alone, together.filter(partition=today))


@pytest.mark.parametrize(
    ("changes", "asked", "message"),
    [
        (
            {},
            "rsi(14)@4h",
            (
                "indicator 'rsi(14)@4h': the market has no interval 4h; it has 15m, 1h, 1d. Remedy: add 4h to its "
                "`intervals`"
            ),
        ),
        (
            {"intervals": ()},
            "rsi(14)@1h",
            (
                "indicator 'rsi(14)@1h': the market has no interval 1h; it has no longer intervals. Remedy: "
                "add 1h to its `intervals`"
            ),
        ),
        (
            {},
            "rsi(14)@5m",
            "indicator 'rsi(14)@5m': 5m is the market's base interval. Remedy: leave @5m out",
        ),
        (
            {"benchmark": None},
            "cross_rank(mean_benchmark(5))",
            (
                "indicator 'cross_rank(mean_benchmark(5))': it compares with a benchmark, and none is configured. "
                "Remedy: set `benchmark` to a symbol"
            ),
        ),
        (
            {},
            "mean_open_interest(5)",
            (
                "indicator 'mean_open_interest(5)': it reads open_interest, which the market does not fetch. Remedy: "
                "add open_interest to its `fetch.data`, or leave the indicator out"
            ),
        ),
        (
            {"benchmark": "ZZZ"},
            "sma(5)",
            (
                "benchmark 'ZZZ' is not in universe listed. Remedy: name one of its symbols; its bars are what the "
                "others are compared with."
            ),
        ),
        ({}, "rsii", "indicator 'rsii': there is no indicator 'rsii'. Did you mean rsi? Available: "),
    ],
)
def test_what_the_market_does_not_have_is_named_with_the_remedy(changes, asked, message):
    with pytest.raises(IndicatorError) as caught:
        features_of(market_of(asked, **changes))
    assert str(caught.value).startswith(f"conf/markets/here.yaml: {message}")


def test_a_longer_interval_needs_its_bars(bars, one_window):
    with pytest.raises(IndicatorError, match=r"sma\(2\)@1h: bars of 1h are needed. Remedy: give Beside\(intervals="):
        compute_indicators(bars, one_window, parse_features(["sma(2)@1h"]))


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_bars_give_nulls_not_errors(rows, bars, fetched):
    market = fetching(*ASKED, *FETCHED)
    found = layer_of(market, bars.head(rows), days(0, 0), fetched)
    assert found.height == rows
    assert found.columns == ["partition", *KEY, *[one.name for each in features_of(market) for one in each.outputs]]
    assert found.drop("partition", *KEY).null_count().sum_horizontal().sum() == rows * (found.width - 6)
