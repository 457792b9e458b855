"""What goes wrong on the way to a venue, and what is made of it. Nothing here really waits."""

import datetime as dt
import json
import logging
import threading

import polars as pl
import pytest

from tests.ingest_sources import scenes
from tests.ingest_sources.scenes import HOURS, START, Time, VenueScene
from tests.venues import HOUR
from tradepipe.ingest.sources import Delivery, Failure, Landed, SourceFailedError, land
from tradepipe.ingest.sources.landed import folder_of, span_name
from tradepipe.ingest.sources.venue import VenueSource, variables
from tradepipe.ingest.sources.venue.kinds import KINDS
from tradepipe.ingest.sources.venue.limiter import Limiter


@pytest.fixture(params=scenes.VENUES)
def scene(request):
    made = VenueScene.of(request.param, 3)
    yield made
    made.close()


@pytest.fixture
def okx():
    made = VenueScene.of("okx", 3)
    yield made
    made.close()


def fetch(scene, folder, environ=None, **settings):
    market = scene.market(**settings)
    source = VenueSource(market, environ=environ or {}, timing=scene.time.timing)
    try:
        found = list(source.deliveries(Landed(folder, market.name)))
    finally:
        source.close()
    land([one for one in found if isinstance(one, Delivery)], folder)
    return found


def rows(folder):
    frames = [pl.read_parquet(path, glob=False) for path in sorted(folder.rglob("*.parquet"))]
    return pl.concat(frames).sort("symbol", "open_time")


def whole(scene):
    """Every closed bar of every coin, as the venue has it."""
    return [
        (symbol, *row)
        for symbol, coin in zip(scene.symbols, scene.venue.listed, strict=True)
        for row in scene.venue.bars[coin, "bars"][:HOURS]
    ]


def test_values_land_as_the_text_that_the_venue_said(scene, tmp_path):
    fetch(scene, tmp_path)
    assert rows(tmp_path).rows() == whole(scene)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["500", "503", "html", "truncated", "broken", "reset"])
def test_what_passes_is_asked_again(kind, scene, tmp_path):
    for path in ("time", "", "nstrument" if scene.venue.name in ("okx", "bybit") else "exchangeInfo"):
        scene.venue.fail(kind, times=2, path=path)
    found = fetch(scene, tmp_path)
    assert not [one for one in found if isinstance(one, Failure)]
    assert rows(tmp_path).rows() == whole(scene)


@pytest.mark.slow
def test_an_answer_that_does_not_come_is_asked_for_again(okx, tmp_path):
    okx.venue.fail("slow", times=1, path="candles", retry_after=1.5)
    fetch(okx, tmp_path, timeout=0.4)
    assert rows(tmp_path).rows() == whole(okx)


def test_waits_between_attempts_double_with_jitter_up_to_the_longest(okx, tmp_path):
    okx.venue.fail("500", times=None, symbol="C01-USDT-SWAP")
    fetch(okx, tmp_path, attempts=6, longest_wait=3, workers=1)
    # Chance says a half each time: of 0.5, 1, 2 and then of no more than 3 seconds.
    assert okx.time.slept == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_the_venue_says_how_long_to_wait(scene, tmp_path):
    scene.venue.fail("429", retry_after=7, path="time")
    scene.venue.fail("429", retry_after=11, symbol=list(scene.venue.listed)[1])
    started = scene.time.now
    fetch(scene, tmp_path, workers=1)
    assert scene.time.slept == [7, 11]
    assert scene.time.now == started + 18
    assert rows(tmp_path).rows() == whole(scene)


@pytest.mark.slow
def test_a_short_ban_is_sat_out(scene, tmp_path):
    scene.venue.fail("418", retry_after=30, symbol=list(scene.venue.listed)[2])
    fetch(scene, tmp_path, workers=1)
    assert scene.time.slept == [30]
    assert rows(tmp_path).rows() == whole(scene)


def test_a_long_ban_ends_everything_at_once_and_says_so(scene, tmp_path):
    fault = scene.venue.fail("418", times=None, retry_after=7200, symbol=list(scene.venue.listed)[1])
    with pytest.raises(SourceFailedError, match=r"here: venue .*too many requests.*7200 s.*Remedy: run again later"):
        fetch(scene, tmp_path, workers=1)
    refused = [query for _, query in scene.venue.data_requests() if fault.symbol in query.values()]
    last = scene.venue.data_requests()[-1][1]
    assert len(refused) == 1
    assert fault.symbol in last.values()
    assert scene.time.slept == []


def test_while_one_waits_all_wait():
    """A pause that one thread was told holds for the requests of the others."""
    time = Time(0.0)
    limiter = Limiter(1000.0, time.timing)
    limiter.acquire()
    limiter.pause(5.0)
    limiter.acquire()
    assert time.now == 5.0
    assert time.slept == [5.0]


def test_requests_keep_the_pace_and_their_weights():
    time = Time(0.0)
    limiter = Limiter(2.0, time.timing, burst=3.0)
    time.now = 10.0  # a rest, worth no more than a burst
    for _ in range(5):
        limiter.acquire()
    assert time.now == 10.0 + 2 * 0.5
    limiter.acquire(4.0)  # may pass at once, what follows pays
    limiter.acquire()
    assert time.now == 10.0 + 3 * 0.5 + 4 * 0.5


def test_the_pace_holds_for_all_threads():
    time = Time(0.0)
    limiter = Limiter(10.0, time.timing)
    starts = []

    def ask():
        limiter.acquire()
        starts.append(time.now)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.now >= 1.9
    assert len(starts) == 20


def test_the_venues_own_limits_are_kept_where_settings_say_none(okx, tmp_path):
    fetch(okx, tmp_path, requests_per_second=None, page_bars=10, workers=1)
    assert len(okx.venue.asked) > 70
    # ccxt says 110 ms a unit of cost at OKX, and half a unit or more a request.
    assert okx.time.now - (START.timestamp() + HOURS * 3600 + 300) > 0.5 * 0.110 * (len(okx.venue.asked) - 10)


def test_a_clock_that_differs_is_measured_again(scene, tmp_path):
    scene.venue.fail("skew", symbol=next(iter(scene.venue.listed)))
    fetch(scene, tmp_path, workers=1)
    assert sum(path.endswith("time") for path, _ in scene.venue.asked) == 2
    assert rows(tmp_path).rows() == whole(scene)


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-90, 90])
def test_whether_a_bar_is_closed_is_for_the_venues_clock_to_say(minutes, scene, tmp_path):
    """Our clock is ahead, or behind; the open bar never lands, and the closed ones do by the next run."""
    true, scene.time.now = scene.time.now, scene.time.now + minutes * 60
    scene.venue.now = lambda: int(true * 1000)
    market = scene.market()
    source = VenueSource(market, environ={}, timing=scene.time.timing)
    for _ in range(2):  # the first request of all tells how far we are off
        land((one for one in source.deliveries(Landed(tmp_path, "here")) if isinstance(one, Delivery)), tmp_path)
    source.close()
    assert rows(tmp_path).rows() == whole(scene)


@pytest.mark.parametrize(
    "body", [{"surprise": 1}, [["never", "1", "2", "3", "4", "5"]], [[1]], ["text"], "text", None, 7]
)
def test_a_malformed_answer_is_named_and_stops_nobody(body, tmp_path):
    scene = VenueScene.of("binance", 3)
    try:
        coin = list(scene.venue.listed)[1]
        scene.venue.fail("poison", times=None, symbol=coin, path="klines", body=body)
        found = fetch(scene, tmp_path)
        [failure] = [one for one in found if isinstance(one, Failure)]
        assert failure.what == "here bars C01USDT"
        assert "fetch" in failure.remedy
        assert set(rows(tmp_path)["symbol"]) == {"C00USDT", "C02USDT"}
    finally:
        scene.close()


@pytest.mark.parametrize("body", [{}, {"code": "0", "data": []}, {"code": "0", "data": [{"ts": None}]}, [], 7])
def test_a_venue_that_does_not_tell_the_time_is_named(body, okx, tmp_path):
    okx.venue.fail("poison", times=None, path="public/time", body=body)
    with pytest.raises(SourceFailedError, match=r"here: venue .* Remedy: "):
        fetch(okx, tmp_path)


@pytest.mark.parametrize("stamp", ["99999999999999999", "100000000000000000000000", "-99999999999999999"])
def test_a_time_that_is_none_is_named_and_stops_nobody(stamp, okx, tmp_path):
    now = str(okx.venue.now())
    for coin in okx.venue.listed:
        levels = {"bids": [["99", "2", "0", "1"]], "asks": [["101", "2", "0", "1"]]}
        okx.venue.books[coin] = levels | {"ts": stamp if coin.startswith("C01") else now, "seqId": 5}
    found = fetch(okx, tmp_path, data=("book",))
    [failure] = [one for one in found if isinstance(one, Failure)]
    assert failure.what == "here book C01USDT"
    assert {one.symbol for one in found if isinstance(one, Delivery)} == {"C00USDT", "C02USDT"}


def test_a_landed_payment_that_cannot_be_read_stops_nobody(okx, tmp_path):
    for coin in okx.venue.listed:
        okx.venue.funding[coin] = [(okx.venue.created + k * 8 * HOUR, "0.0001") for k in range(10)]
    fetch(okx, tmp_path, data=("funding",))
    next((tmp_path / "here/funding/C01USDT").iterdir()).write_bytes(b"PAR1")
    for coin in okx.venue.listed:
        okx.venue.funding[coin] += [(okx.venue.created + 10 * 8 * HOUR, "0.0001")]
    found = fetch(okx, tmp_path, data=("funding",))
    assert {one.symbol for one in found} == set(okx.symbols)


def test_payments_that_landed_one_by_one_still_tell_their_spacing(okx, tmp_path):
    market = okx.market(data=("funding",))
    for hour in (0, 4):
        when = START + dt.timedelta(hours=hour)
        told = pl.DataFrame({"funding_time": [int(when.timestamp() * 1000)]})
        path = tmp_path / folder_of("here", "funding", "C00USDT") / span_name(when, when)
        path.parent.mkdir(parents=True, exist_ok=True)
        told.write_parquet(path)
    due = int((START + dt.timedelta(hours=8)).timestamp() * 1000)
    assert KINDS["funding"](market).missing(Landed(tmp_path, "here"), "C00USDT", due) is not None
    assert KINDS["funding"](market).missing(Landed(tmp_path, "here"), "C00USDT", due - 1) is None


def test_a_number_that_is_none_lands_as_it_was_said(tmp_path):
    """It is for quarantine to refuse it, with file and line."""
    scene = VenueScene.of("bybit", 1)
    scene.venue.bars["C00USDT", "bars"][5][2] = "abc"
    fetch(scene, tmp_path)
    scene.close()
    assert rows(tmp_path)["high"][5] == "abc"


def test_a_symbol_that_the_venue_does_not_list_is_named(okx, tmp_path):
    found = fetch(
        okx, tmp_path, symbols={"C01USDT": "NEVER/USDT:USDT", **{f"C0{n}USDT": f"C0{n}/USDT:USDT" for n in (0, 2)}}
    )
    [failure] = [one for one in found if isinstance(one, Failure)]
    assert failure.what == "here bars C01USDT"
    assert "NEVER/USDT:USDT" in failure.reason
    assert set(rows(tmp_path)["symbol"]) == {"C00USDT", "C02USDT"}


@pytest.mark.slow
def test_a_symbol_that_failed_is_asked_for_again_from_where_it_stopped(okx, tmp_path):
    """Its second month fails; the first has landed, and a later month would leave a hole."""
    okx.fill(HOURS + 70 * 24)
    february = 1706745600000
    fault = okx.venue.fail("500", times=None, symbol="C01-USDT-SWAP")
    matches = fault.matches
    fault.matches = lambda path, query: matches(path, query) and int(query.get("before", 0)) >= february - 1
    found = fetch(okx, tmp_path, attempts=1)
    assert sum(isinstance(one, Failure) for one in found) == 1
    failed = rows(tmp_path).filter(pl.col("symbol") == "C01USDT")
    assert failed["open_time"].max() == february - HOUR
    okx.venue.faults.clear()
    fetch(okx, tmp_path)
    assert rows(tmp_path).group_by("symbol").len()["len"].to_list() == [HOURS + 70 * 24] * 3


def test_no_key_is_ever_shown(scene, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    names = variables(scene.venue.name)
    environ = {name: f"very-{number}-secret" for number, name in enumerate(names)}
    coin = list(scene.venue.listed)[1]
    said = json.dumps(
        {"code": -2015, "retCode": 1, "msg": f"Invalid API-key {environ[names[0]]} signature=abc {environ[names[1]]}"}
    )
    scene.venue.fail("401", times=None, symbol=coin, body=json.loads(said))
    market = scene.market()
    found = fetch(scene, tmp_path, environ)
    [failure] = [one for one in found if isinstance(one, Failure)]
    shown = f"{failure} {failure!r} {market.settings} {caplog.text}"
    landed = b"".join(path.read_bytes() for path in tmp_path.rglob("*.parquet"))
    assert "secret" not in shown
    assert "signature=abc" not in shown
    assert b"secret" not in landed


def test_connections_are_kept(scene, tmp_path):
    fetch(scene, tmp_path, workers=2, page_bars=20)
    assert len(scene.venue.asked) > 30
    assert len(scene.venue.connections) <= 2 + 1  # the workers', and the first thread's own


@pytest.mark.slow
def test_forty_coins_eight_at_a_time_over_a_slow_line(tmp_path):
    """B4: never more than eight requests at once, eight at once indeed, and none too many."""
    scene = VenueScene.of("okx", 40, latency=0.1, gather=8)
    try:
        found = fetch(scene, tmp_path, workers=8, page_bars=300)
        assert scene.venue.most_at_once == 8
        months = {(query["instId"], query["before"] >= "1706745599999") for _, query in scene.venue.data_requests()}
        assert len(scene.venue.data_requests()) == 40 * (2 + 1)  # 168 and 72 hours, a hundred a page
        assert len(months) == 80
        assert [one.symbol for one in found] == scene.symbols * 2
    finally:
        scene.close()
