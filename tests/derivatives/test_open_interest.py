"""Open interest: from three venues' own protocols over landing to its contract, without knowing anything too early."""

import datetime as dt

import polars as pl
import pytest

from tests.derivatives.test_files import DAY, HOUR, MS, landed, market_of
from tests.ingest_sources.scenes import HOURS, START_MS, VenueScene
from tests.ingest_sources.scenes import market_of as market_at
from tradepipe.contracts import OPEN_INTEREST, validate
from tradepipe.derivatives import aggregate, read_files
from tradepipe.ingest.sources import Delivery, Failure, Landed, land

VENUES = ("binanceusdm", "okx", "bybit")
SCHEMA = {"symbol": pl.String, "taken_at": pl.Int64, "open_interest": pl.String}


@pytest.fixture
def scene_of():
    opened = []

    def build(name, count=1):
        scene = VenueScene.of(name, count)
        opened.append(scene)
        for seed, coin in enumerate(scene.venue.listed):
            times = range(START_MS, START_MS + (HOURS + 40) * HOUR, HOUR // 12)
            scene.venue.interest[coin] = [(at, f"{1000 + seed}.{number:05d}0") for number, at in enumerate(times)]
        return scene

    yield build
    for scene in opened:
        scene.close()


def fetch(scene, folder, **told):
    market = scene.market(data=("open_interest",), **told)
    source = scene.source(market)
    found = list(source.deliveries(Landed(folder, market.name)))
    source.close()
    land((one for one in found if isinstance(one, Delivery)), folder)
    return market, [one for one in found if isinstance(one, Failure)]


def landed_rows(folder):
    return pl.concat([pl.read_parquet(path, glob=False) for path in sorted(folder.rglob("*.parquet"))]).sort(
        "symbol", "taken_at"
    )


@pytest.mark.slow
@pytest.mark.parametrize("venue", VENUES)
def test_what_the_venue_counted_lands_as_it_said_it_page_after_page(venue, scene_of, tmp_path):
    scene = scene_of(venue, 2)
    _, failed = fetch(scene, tmp_path, page_bars=50)
    assert failed == []
    rows = landed_rows(tmp_path)
    assert rows.schema == SCHEMA
    # OKX names a period by its beginning: what it says of one stands at its end.
    late = HOUR if venue == "okx" else 0
    for seed, symbol in enumerate(scene.symbols):
        every_hour = scene.venue.interest[list(scene.venue.listed)[seed]][::12]
        told = [(symbol, at + late, said) for at, said in every_hour if at + late <= scene.venue.now()]
        assert rows.filter(symbol=symbol).rows() == told
        assert len(told) == HOURS + 1 - bool(late)


@pytest.mark.parametrize("venue", VENUES)
def test_only_the_missing_tail_is_asked_for(venue, scene_of, tmp_path):
    scene = scene_of(venue)
    fetch(scene, tmp_path)
    first = landed_rows(tmp_path).height
    scene.forget()
    fetch(scene, tmp_path)
    assert scene.venue.data_requests() == []
    scene.grow()
    _, failed = fetch(scene, tmp_path)
    assert failed == []
    rows = landed_rows(tmp_path)
    assert rows.height == first + 30
    assert rows["taken_at"].diff().drop_nulls().unique().to_list() == [HOUR]


def test_binance_is_not_asked_for_what_it_refuses_to_say(scene_of, tmp_path):
    """It keeps thirty days, and answers 400 to an older start: it would never go on."""
    scene = scene_of("binanceusdm")
    coin = next(iter(scene.venue.listed))
    fetch(scene, tmp_path)
    scene.fill(HOURS + 60 * 24)
    now = scene.venue.now()
    scene.venue.interest[coin] = [(at, "7") for at in range(START_MS, now, HOUR)]
    _, failed = fetch(scene, tmp_path)
    assert failed == []
    new = landed_rows(tmp_path).filter(pl.col("taken_at") > START_MS + (HOURS + 1) * HOUR)["taken_at"]
    assert now - 30 * 24 * HOUR <= new.min() < now - 30 * 24 * HOUR + 2 * HOUR
    assert new.max() == now // HOUR * HOUR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("venue", "interval", "period"),
    [
        ("binanceusdm", "1m", "5m"),
        ("binanceusdm", "1d", "1d"),
        ("okx", "15m", "5m"),
        ("okx", "1d", "1H"),
        ("bybit", "4h", "4h"),
        ("bybit", "1m", "5min"),
    ],
)
def test_it_is_counted_as_often_as_the_interval_and_the_venue_allow(venue, interval, period, scene_of, tmp_path):
    scene = scene_of(venue)
    told = scene.market(data=("open_interest",)).settings.fetch.model_dump(exclude_unset=True)
    market = market_at(told, scene.symbols, interval=interval)
    source = scene.source(market)
    found = list(source.deliveries(Landed(tmp_path, market.name)))
    source.close()
    assert found
    assert all(isinstance(one, Delivery) for one in found)
    asked = [query for path, query in scene.venue.data_requests() if "interest" in path.lower()]
    assert {query.get("period") or query.get("intervalTime") for query in asked} == {period}


@pytest.mark.parametrize(
    "body", [{"code": "0", "msg": "", "data": [["x", "1", "2", "3"]]}, {"code": "0", "data": None}]
)
def test_an_answer_of_another_shape_is_a_failure_that_is_named(body, scene_of, tmp_path):
    scene = scene_of("okx")
    scene.venue.fail("poison", times=None, path="open-interest", body=body)
    _, [failure] = fetch(scene, tmp_path)
    assert "open_interest C00USDT" in str(failure)
    assert not list(tmp_path.rglob("*.parquet"))


def test_rows_keep_their_contract_and_what_cannot_be_read_is_refused(tmp_path):
    rows = [("A", MS, "10.5"), ("A", MS + HOUR, "-1"), ("A", MS + 2 * HOUR, None), ("A", None, "1"), ("B", MS, "1")]
    rows += [("A", MS + 3 * HOUR, "0")]
    parsed = read_files("open_interest", [landed(tmp_path, "1.parquet", rows, SCHEMA)], market_of("A"))
    found = parsed.rows.select("taken_at", "known_at", "open_interest", "session").rows()
    delay = dt.timedelta(minutes=30)
    three = DAY + dt.timedelta(hours=3)
    assert found == [(DAY, DAY + delay, 10.5, DAY.date()), (three, three + delay, 0.0, DAY.date())]
    assert dict(parsed.refused.select("line", "reason").rows()) == {
        2: "open_interest_out_of_range", 3: "number_unreadable", 4: "time_unreadable", 5: "unknown_symbol",
    }  # fmt: skip
    validate(OPEN_INTEREST.arrange(parsed.rows), OPEN_INTEREST, market="m", layer="open_interest", partition="-")


def test_later_rows_do_not_change_earlier_ones(tmp_path):
    rows = [("A", MS + k * HOUR, f"{k}.5") for k in range(30)]
    whole = read_files("open_interest", [landed(tmp_path, "w.parquet", rows, SCHEMA)], market_of("A")).rows
    for cut in range(1, 30, 7):
        part = read_files("open_interest", [landed(tmp_path, "w.parquet", rows[:cut], SCHEMA)], market_of("A")).rows
        assert part.equals(whole.head(cut))


def test_a_longer_interval_has_the_last_of_the_shorter_ones(tmp_path):
    rows = [("A", MS + k * HOUR, f"{k}.5") for k in range(24)]
    hours = read_files("open_interest", [landed(tmp_path, "w.parquet", rows, SCHEMA)], market_of("A")).rows
    day = aggregate(hours, "taken_at", dt.timedelta(hours=1), dt.timedelta(days=1), {"open_interest": "last"})
    assert day.select("open_interest", "complete").rows() == [(23.5, True)]
