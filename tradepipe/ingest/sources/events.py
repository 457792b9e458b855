"""Stored bars as a feed: each as an event at its close, in time order, at a chosen speed.

The event's JSON schema is docs/schemas/market_event.json; `python -m tradepipe.ingest.sources.events`
writes it.
"""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from tradepipe.markets import Market
from tradepipe.settings.sources import NEEDED
from tradepipe.store import PartitionStore

SCHEMA_VERSION = 1
_COLUMNS = ("symbol", "interval", "open_time", "close_time", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class MarketEvent:
    """One closed bar as it is told to listeners.

    `open_time` and `close_time` are UTC, the second exclusive. Prices are in the market's currency,
    volume in shares or base units. `source` says who tells it: a venue's name, or `replay:` and a market.
    """

    symbol: str
    interval: str
    open_time: dt.datetime
    close_time: dt.datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    source: str

    def to_json(self) -> str:
        """One line of JSON; times in ISO 8601 with offset, numbers so that they read back the same."""
        told = asdict(self) | {"open_time": _written(self.open_time), "close_time": _written(self.close_time)}
        return json.dumps({"schema_version": SCHEMA_VERSION} | told, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The event that `to_json` wrote.

        Raises:
            ValueError: another schema version, a missing or unknown key, a time without offset.
        """
        told: dict[str, Any] = json.loads(text)
        if told.pop("schema_version", None) != SCHEMA_VERSION:
            raise ValueError(f"a market event of schema version {SCHEMA_VERSION} is expected: {text[:200]}")
        if set(told) != set(cls.__dataclass_fields__):
            raise ValueError(
                f"keys {', '.join(sorted(set(told) ^ set(cls.__dataclass_fields__)))} are missing or unknown"
            )
        told |= {name: _read(told[name]) for name in ("open_time", "close_time")}
        told |= {name: float(told[name]) for name in NEEDED}
        return cls(**told)


def replay(  # noqa: PLR0913 - a range, a speed, and what tests inject
    store: PartitionStore,
    market: Market,
    first: dt.datetime,
    last: dt.datetime,
    *,
    speed: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[MarketEvent]:
    """Bars that close in (first, last] (aware), by close time, then symbol.

    At `speed` 1 an event comes when its bar would have closed had `first` been the moment of the first
    request; 60: sixty times as fast; 0: as fast as they are taken. A listener that is slow delays what
    follows, it loses nothing. Memory holds one partition.

    Raises:
        DatasetNotFound: the market has no bars.
        ValueError: a time without zone, or a speed below zero.
    """
    if first.tzinfo is None or last.tzinfo is None or speed < 0:
        raise ValueError(f"replay: aware times and a speed of 0 or more are expected, not {first}, {last}, {speed}")
    started = clock()
    for event in _stored(store, market, first, last):
        if speed:
            wait = (event.close_time - first).total_seconds() / speed - (clock() - started)
            if wait > 0:
                sleep(wait)
        yield event


def _stored(store: PartitionStore, market: Market, first: dt.datetime, last: dt.datetime) -> Iterator[MarketEvent]:
    name, source = f"{market.name}/bars", f"replay:{market.name}"
    # A bar's session starts at most a day before or after the UTC date of its close.
    day = dt.timedelta(days=1)
    for partition in market.partitions.keys(first.date() - day, last.date() + day):
        bars = store.read(name, [partition], columns=_COLUMNS).filter(
            pl.col("close_time") > first, pl.col("close_time") <= last
        )
        rows = bars.sort("close_time", "symbol", maintain_order=True)
        for told in rows.to_dicts():
            yield MarketEvent(**told, source=source)


def market_event_schema() -> Mapping[str, Any]:
    """JSON schema (2020-12) of what `MarketEvent.to_json` writes."""
    moment = {"type": "string", "format": "date-time", "description": "UTC, ISO 8601"}
    number = {"type": "number"}
    properties: dict[str, Any] = {
        "schema_version": {"const": SCHEMA_VERSION},
        "symbol": {"type": "string", "minLength": 1, "description": "symbol within the market's universe"},
        "interval": {"enum": ["1m", "5m", "15m", "1h", "4h", "1d"]},
        "open_time": moment | {"description": "start of the bar, inclusive, UTC, ISO 8601"},
        "close_time": moment | {"description": "end of the bar, exclusive, UTC, ISO 8601; the bar is complete"},
        **{
            name: number | {"description": f"{name} price, market's currency"}
            for name in ("open", "high", "low", "close")
        },
        "volume": number | {"minimum": 0, "description": "shares or base units"},
        "source": {"type": "string", "minLength": 1, "description": "a venue's name, or replay: and a market"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MarketEvent",
        "description": "One closed bar, as it is told to listeners.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _written(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat()


def _read(text: object) -> dt.datetime:
    moment = dt.datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"{text}: a time with offset is expected")
    return moment.astimezone(dt.UTC)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(market_event_schema(), indent=2) + "\n")
