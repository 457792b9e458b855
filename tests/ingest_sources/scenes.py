"""The sources as the conformance suite sees them: what they hold, how it grows, what they were asked."""

import datetime as dt
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from tests.markets.building import build_market
from tests.venues import IDS, UNIFIED, FakeVenue, asked_symbols, hourly
from tradepipe.contracts import BARS
from tradepipe.ingest.sources.s3 import S3Source
from tradepipe.ingest.sources.stored import ReplaySource
from tradepipe.ingest.sources.venue import VenueSource
from tradepipe.ingest.sources.venue.limiter import Timing
from tradepipe.store import PartitionStore

START = dt.datetime(2024, 1, 25, tzinfo=dt.UTC)  # a week before a month's turn
START_MS = int(START.timestamp() * 1000)
HOURS = 10 * 24
VENUES = ("binance", "binanceusdm", "okx", "bybit")


class Time:
    """A clock that moves only when somebody sleeps, or is told to."""

    def __init__(self, now: float) -> None:
        self.now, self.slept, self._lock = now, [], threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds

    @property
    def timing(self) -> Timing:
        return Timing(clock=lambda: self.now, monotonic=lambda: self.now, sleep=self.sleep, chance=lambda: 0.5)


def bases(count: int) -> list[str]:
    return [f"C{number:02d}" for number in range(count)]


def market_of(fetch: dict, symbols: list[str], **more):
    """An hourly market around the clock that begins at START and still trades."""
    told = {"name": "here", "calendar": "24/7", "interval": "1h", "partition": "session", "start": START.date()}
    told |= {"end": None, "source": {"pattern": "here/**/*.csv"} if fetch["kind"] == "s3" else {}, "fetch": fetch}
    return build_market(symbols=symbols, **(told | more))


@dataclass
class VenueScene:
    """A fake venue with hourly bars of `count` coins."""

    venue: FakeVenue
    count: int
    time: Time = field(default_factory=lambda: Time(START.timestamp() + HOURS * 3600 + 300))
    can_fail = True

    @classmethod
    def of(cls, name: str, count: int, **more) -> "VenueScene":
        ids = {IDS[name].format(base): base for base in bases(count)}
        scene = cls(FakeVenue(name, ids, created=START_MS, **more), count)
        scene.venue.now = lambda: int(scene.time.now * 1000)
        scene.fill(HOURS)
        scene.venue.start()
        return scene

    def fill(self, hours: int) -> None:
        """So many hours after its start."""
        self.time.now = START.timestamp() + hours * 3600 + 300
        for seed, symbol in enumerate(self.venue.listed):  # one more than closed: the open bar
            self.venue.bars[symbol, "bars"] = hourly(hours + 1, START_MS, seed)

    @property
    def symbols(self) -> list[str]:
        return [f"{base}USDT" for base in bases(self.count)]

    def market(self, **fetch):
        unified = {f"{base}USDT": UNIFIED[self.venue.name].format(base) for base in bases(self.count)}
        told = {"kind": "venue", "venue": self.venue.name, "url": self.venue.url, "symbols": unified}
        return market_of(told | {"requests_per_second": 1e9} | fetch, self.symbols)

    def source(self, market):
        return VenueSource(market, environ={}, timing=self.time.timing)

    def grow(self) -> None:
        """Thirty hours go by."""
        self.fill(HOURS + 30)

    def poison(self, symbol: str) -> None:
        coin = IDS[self.venue.name].format(symbol.removesuffix("USDT"))
        self.venue.fail("500", times=None, symbol=coin)

    def asked(self) -> Counter:
        ours = {IDS[self.venue.name].format(base): f"{base}USDT" for base in bases(self.count)}
        return Counter({ours[symbol]: count for symbol, count in asked_symbols(self.venue).items()})

    def forget(self) -> None:
        self.venue.forget()

    def close(self) -> None:
        self.venue.stop()


@dataclass
class S3Scene:
    """A bucket with a file a coin and day."""

    store: object
    url: str
    endpoint: str
    count: int
    monkeypatch: object
    _asked: Counter = field(default_factory=Counter)
    _poisoned: str | None = None
    can_fail = True

    @classmethod
    def of(cls, count: int, server, monkeypatch) -> "S3Scene":
        import obstore
        from obstore.store import S3Store

        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        # One bucket for all, since each takes volumes of the server, of which there are few.
        prefix = f"vendor/{uuid.uuid4().hex}"
        store = S3Store("sources", prefix=prefix, endpoint=server.endpoint, client_options={"allow_http": True})
        scene = cls(store, f"s3://sources/{prefix}", server.endpoint, count, monkeypatch)
        for day in range(2):
            scene._put(day)
        get = obstore.get

        def counted(opened, key, **more):
            scene._asked[scene._symbol(key)] += 1
            if scene._symbol(key) == scene._poisoned:  # gone since it was listed
                obstore.delete(scene.store, key)
            return get(opened, key, **more)

        monkeypatch.setattr(obstore, "get", counted)
        return scene

    @staticmethod
    def _symbol(key: str) -> str:
        return key.rsplit("/", 1)[-1].removesuffix(".csv")

    def _put(self, day: int) -> None:
        import obstore

        for seed, symbol in enumerate(self.symbols):
            lines = [f"2024-01-{day + 1:02d},{seed},{seed + 1},{seed},{seed}.5,{day}"]
            obstore.put(self.store, f"2024-01-{day + 1:02d}/{symbol}.csv", "\n".join(["Date,Open", *lines]).encode())

    @property
    def symbols(self) -> list[str]:
        return [f"{base}USDT" for base in bases(self.count)]

    def market(self, **fetch):
        return market_of({"kind": "s3", "url": self.url, "endpoint": self.endpoint} | fetch, self.symbols)

    def source(self, market):
        return S3Source(market)

    def grow(self) -> None:
        self._put(2)

    def poison(self, symbol: str) -> None:
        self._poisoned = symbol

    def asked(self) -> Counter:
        return Counter(self._asked)

    def forget(self) -> None:
        self._asked.clear()

    def close(self) -> None:
        self.monkeypatch.undo()


@dataclass
class ReplayScene:
    """Stored bars of another market."""

    store: PartitionStore
    count: int
    can_fail = False
    _asked: Counter = field(default_factory=Counter)

    @classmethod
    def of(cls, count: int, folder) -> "ReplayScene":
        scene = cls(
            PartitionStore.open(folder / "store", f"sqlite:///{folder}/catalogue.sqlite", dt.timedelta(hours=1)), count
        )
        scene._publish(range(HOURS // 24))
        return scene

    def _publish(self, days: range) -> None:
        frames = {}
        for day in days:
            first = START + dt.timedelta(days=day)
            frames[f"{first:%Y-%m-%d}"] = played(self.symbols, first)
        inputs = dict.fromkeys(frames, ())
        self.store.publish("played/bars", frames, BARS, code_version="1", inputs=inputs)

    @property
    def symbols(self) -> list[str]:
        return [f"{base}USDT" for base in bases(self.count)]

    def market(self, **fetch):
        return market_of({"kind": "replay", "market": "played"} | fetch, self.symbols)

    def source(self, market):
        return ReplaySource(market, self.store)

    def grow(self) -> None:
        self._publish(range(HOURS // 24, HOURS // 24 + 1))

    def asked(self) -> Counter:
        return Counter()  # nothing goes over a wire

    def forget(self) -> None:
        pass

    def close(self) -> None:
        self.store.close()


def played(symbols: list[str], first: dt.datetime) -> pl.DataFrame:
    """A day of hourly bars, keeping the BARS contract."""
    opens = pl.datetime_range(first, first + dt.timedelta(days=1), "1h", closed="left", eager=True)
    seeds = pl.DataFrame({"symbol": symbols, "seed": range(len(symbols))})
    frame = seeds.join(pl.DataFrame({"open_time": opens}), how="cross").with_columns(
        open=100.1 + pl.col("seed") + pl.col("open_time").dt.hour() / 7
    )
    whole = frame.with_columns(
        interval=pl.lit("1h"),
        session=pl.col("open_time").dt.date(),
        close_time=pl.col("open_time") + dt.timedelta(hours=1),
        high=pl.col("open") + 1,
        low=pl.col("open") - 1,
        close=pl.col("open") + 0.3,
        volume=pl.lit(1000.0) / 3,
        quality=pl.lit("ok"),
        known_at=pl.col("open_time") + dt.timedelta(hours=1),
    )
    return BARS.arrange(whole.select(pl.col(name).cast(dtype) for name, dtype in BARS.polars_schema.items()))


def files(folder) -> dict[str, bytes]:
    """Everything that landed: name -> bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def content(folder) -> object:
    """What the landed files say, however they are parted."""
    found = sorted(folder.rglob("*.parquet"))
    if not found:
        return files(folder)
    rows = pl.concat([pl.read_parquet(path, glob=False) for path in found])
    return rows.sort("symbol", "open_time").rows()
