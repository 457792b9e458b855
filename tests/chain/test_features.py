"""What indicators read beside bars: in lineage, staleness, asset dependencies, as-of reads and the blast radius."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.features import indicators
from assets.layer import when_inputs_changed
from tests.markets.building import MINUTES, build_market
from tradepipe.chain import LAYERS, LayerRun, stale_partitions
from tradepipe.chain import ensemble as chain_ensemble
from tradepipe.chain.as_of import read_as_of
from tradepipe.chain.blast_radius import blast_radius
from tradepipe.chain.features import indicators_of
from tradepipe.chain.members import panel_of
from tradepipe.contracts import BARS, FUNDING
from tradepipe.markets import Instrument, Universe
from tradepipe.markets.universe import Spell
from tradepipe.settings.sources import FetchSettings
from tradepipe.store import PartitionStore

UTC = dt.UTC
FIRST = dt.date(2024, 1, 1)
KEYS = [str(FIRST + dt.timedelta(days=day)) for day in range(4)]
SYMBOLS = ["AAA", "BBB", "CCC"]
DELAY = dt.timedelta(minutes=1)
PLAIN = ("returns", "sma(3)")


def market_of(*asked, **changes):
    told = {
        "interval": "1h",
        "start": FIRST,
        "end": dt.date.fromisoformat(KEYS[-1]),
        "publication_delay": DELAY,
        "indicators": asked,
        "fetch": FetchSettings(data=("bars", "funding")),
    }
    return build_market(SYMBOLS, **(MINUTES | told | changes))


def hours(step="1h"):
    first, last = (dt.datetime.fromisoformat(key).replace(tzinfo=UTC) for key in (KEYS[0], KEYS[-1]))
    return pl.datetime_range(first, last + dt.timedelta(days=1), step, time_unit="us", closed="left", eager=True)


def bars():
    rows = pl.DataFrame({"symbol": SYMBOLS, "place": [0, 1, 2]}).join(hours().to_frame("open_time"), how="cross")
    price = 100 + pl.col("place") + (pl.int_range(pl.len()) * (pl.col("place") + 1)).sin()
    rows = rows.with_columns(interval=pl.lit("1h"), session=pl.col("open_time").dt.date(), close=price)
    rows = rows.with_columns(open="close", high="close", low="close", volume=pl.lit(1.0), quality=pl.lit("ok"))
    closed = rows.with_columns(close_time=pl.col("open_time") + pl.duration(hours=1))
    return BARS.arrange(closed.with_columns(known_at=pl.col("close_time") + DELAY))


def funding(scale=1e-5):
    rows = pl.DataFrame({"symbol": SYMBOLS}).join(hours("8h").to_frame("scheduled_at"), how="cross")
    rows = rows.with_columns(
        session=pl.col("scheduled_at").dt.date(),
        paid_at="scheduled_at",
        rate=pl.int_range(pl.len()) * scale,
        known_at=pl.col("scheduled_at") + DELAY,
        file=pl.lit("f"),
    )
    return FUNDING.arrange(rows)


def publish(store, layer, contract, rows):
    frames = {key: rows.filter(session=dt.date.fromisoformat(key)) for key in KEYS}
    store.publish(f"here/{layer}", frames, contract, code_version="1", inputs={})


def run(store, market, keys=KEYS):
    one = LayerRun(store, market, "indicators", keys)
    one.publish(indicators_of(market, one.read("bars"), one.read, one.windows))
    return {key: found.content for key, found in store.catalogue.current("here/indicators").items()}


@pytest.fixture
def store(tmp_path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path}/c.sqlite", dt.timedelta(hours=1)) as opened:
        publish(opened, "bars", BARS, bars())
        publish(opened, "funding", FUNDING, funding())
        yield opened


def stale(store, market):
    return {one.partition: one.reason for one in stale_partitions(store.catalogue, market, KEYS, None, ("indicators",))}


FUNDED = "funding(4)"


def test_funding_is_an_input_of_the_layer_when_an_indicator_reads_it(store):
    market = market_of(*PLAIN, FUNDED)
    run(store, market)
    current = store.catalogue.current("here/indicators")[KEYS[3]]
    read = {(one.dataset, one.partition) for one in store.catalogue.inputs([current.id])[current.id]}
    assert {key for name, key in read if name == "here/funding"} >= set(KEYS[1:])
    assert stale(store, market) == {}
    rate = pl.when(pl.col("session") == FIRST).then(0.01).otherwise("rate")
    publish(store, "funding", FUNDING, funding().with_columns(rate=rate))
    assert stale(store, market).keys() >= set(KEYS[:3])
    assert set(stale(store, market).values()) == {f"here/funding/{KEYS[0]} has other content"}


def test_funding_is_no_input_of_a_layer_without_such_an_indicator(store):
    market = market_of(*PLAIN)
    run(store, market)
    publish(store, "funding", FUNDING, funding(2e-5))
    assert stale(store, market) == {}
    deps = {dep.asset_key.path[-1] for spec in indicators(market).specs for dep in spec.deps}
    assert deps == {"bars"}


def test_the_asset_depends_on_what_its_indicators_read():
    market = market_of(*PLAIN, FUNDED, "sma(2)@4h", intervals=("4h",))
    mapped = {dep.asset_key.path[-1]: dep.partition_mapping for spec in indicators(market).specs for dep in spec.deps}
    assert mapped.keys() == {"bars", "intervals", "funding"}
    assert isinstance(mapped["funding"], dg.TimeWindowPartitionMapping)
    reads = LAYERS["indicators"].reads(market)
    assert mapped["funding"].start_offset == -reads["funding"]
    assert reads["funding"] == max(reads["bars"], reads["intervals"]) + 2


def test_the_asset_waits_for_bars_and_not_for_what_is_fetched():
    plain, funded = (next(iter(indicators(market_of(*asked)).specs)) for asked in (PLAIN, (*PLAIN, FUNDED)))
    assert plain.automation_condition == when_inputs_changed()
    assert funded.automation_condition == when_inputs_changed([dg.AssetKey(["here", "funding"])])


def test_a_partition_alone_and_twice_is_what_it_was_in_the_range(store):
    market = market_of(*PLAIN, FUNDED, "cross_rank(sma(3))")
    whole = run(store, market)
    ids = {key: one.id for key, one in store.catalogue.current("here/indicators").items()}
    for key in KEYS:
        assert run(store, market, [key]) == whole
    assert {key: one.id for key, one in store.catalogue.current("here/indicators").items()} == ids


@pytest.mark.slow
def test_what_was_computed_then_is_what_was_published_until_then(store):
    asked = (*PLAIN, FUNDED, "sma(2)@4h", "cross_zscore(sma(3))", "beta(20)")
    market = market_of(*asked, intervals=("4h",), benchmark="BBB")
    publish_intervals(store, market)
    run(store, market)
    published = store.read("here/indicators", KEYS[1:3])
    for moment in published["known_at"].unique().sort().gather_every(7):
        then = read_as_of(store, market, "indicators", KEYS[1:3], moment)
        assert_frame_equal(then, published.filter(pl.col("known_at") <= moment))


def publish_intervals(store, market):
    from tradepipe.bars import resample
    from tradepipe.contracts import RESAMPLED_BARS

    publish(store, "intervals", RESAMPLED_BARS, resample(bars(), market.calendar, market.settings.intervals))


def test_membership_and_benchmark_are_settings_of_the_layer_where_they_matter():
    ranked, plain = market_of("cross_rank(sma(3))"), market_of("sma(3)")
    versions = [LAYERS["indicators"].code_version(market) for market in (ranked, plain)]
    for market in (ranked, plain):
        listed = tuple(
            Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01", member=(Spell(start=FIRST),))
            for symbol in SYMBOLS
        )
        market.__dict__["universe"] = Universe(name="listed", version="1.0.1", instruments=listed)
    changed = [LAYERS["indicators"].code_version(market) for market in (ranked, plain)]
    assert changed[0] != versions[0]
    assert changed[1] == versions[1]
    compared = [LAYERS["indicators"].code_version(market_of("beta(20)", benchmark=one)) for one in ("AAA", "BBB")]
    assert compared[0] != compared[1]
    alone = [LAYERS["indicators"].code_version(market_of("sma(3)", benchmark=one)) for one in ("AAA", "BBB")]
    assert alone[0] == alone[1]


def test_forecasts_hear_who_was_a_member_when(monkeypatch):
    market, joins = market_of(*PLAIN), FIRST + dt.timedelta(days=2)
    names = ("member_forecasts", "forecasts")
    versions = [LAYERS[name].code_version(market) for name in names]
    values = bars().select("symbol", "session", "open_time", "known_at", log_return=pl.lit(0.0))
    assert panel_of(market, values, bars()).columns == [*values.columns, "close"]
    listed = [Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01") for symbol in SYMBOLS]
    listed[2] = listed[2].model_copy(update={"member": (Spell(start=joins),)})
    market.__dict__["universe"] = Universe(name="listed", version="1.0.1", instruments=tuple(listed))
    assert all(LAYERS[name].code_version(market) != one for name, one in zip(names, versions, strict=True))
    heard = []
    monkeypatch.setattr(chain_ensemble, "ensemble", lambda _members, told, *_args, **_more: heard.append(told))
    windows = market.partitions.windows(KEYS, 0)
    chain_ensemble.forecasts_of(market, values, bars(), windows)
    is_member = (pl.col("symbol") != "CCC") | (pl.col("session") >= joins)
    for told in (panel_of(market, values, bars()), *heard):
        assert told["is_member"].equals(told.select(is_member.alias("is_member")).to_series())
        assert set(told["is_member"]) == {True, False}
    assert len(heard) == 1


def test_the_same_indicators_in_other_words_leave_nothing_stale(store):
    publish_intervals(store, market_of(intervals=("4h",)))
    run(store, market_of("returns", "rsi(14)", "sma(4)@4h", "bollinger(20, 2)", intervals=("4h",)))
    other = market_of(" returns", "rsi", "sma( 4 ) @ 4h", "bollinger(20,2.0)", intervals=("4h",))
    assert stale(store, other) == {}
    changed = market_of("returns", "rsi(14) as float64", "sma(4)@4h", "bollinger(20, 2)", intervals=("4h",))
    assert stale(store, changed).keys() == set(KEYS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "symbols"),
    [(("sma(3)",), 1), (("cross_rank(sma(3))",), 3), (("beta(20)",), 3)],
)
def test_a_bar_reaches_the_rows_of_the_symbols_it_is_set_against(store, asked, symbols):
    market = market_of("returns", *asked, benchmark="BBB")
    run(store, market)
    found = blast_radius(store, market, "BBB", FIRST + dt.timedelta(days=1))
    touched = [one for one in found.partitions if one.layer == "indicators"]
    assert touched[0].partition == KEYS[1]
    assert touched[0].rows == 24 * symbols
