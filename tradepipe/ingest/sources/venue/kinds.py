"""The kinds of data a venue gives: what of each is missing, and how it is asked for."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.venue import pages
from tradepipe.ingest.sources.venue.client import Client
from tradepipe.ingest.sources.windows import epoch, milliseconds
from tradepipe.markets import Market

_HOUR = 3_600_000  # milliseconds
_EIGHT_HOURS = 8 * _HOUR  # between funding payments, until a symbol's own show another spacing
_COUNTED = {
    "binanceusdm": ("1d", "4h", "1h", "15m", "5m"),
    "okx": ("1h", "5m"),
    "bybit": ("1d", "4h", "1h", "15m", "5m"),
}
_KEPT_BY_BINANCE = 30 * 24 * _HOUR  # of open interest


class Kind(Protocol):
    """One kind of data of one market. Times are epoch milliseconds."""

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> dict[str, type[pl.DataType]]: ...
    @property
    def time(self) -> str: ...
    @property
    def yearly(self) -> bool: ...

    def missing(self, landed: Landed, symbol: str, now: int) -> tuple[int, int] | None:
        """From where to where rows can exist that have not landed; None where there are none."""
        ...

    def locate(self, client: Client, listed: str, start: int) -> int:
        """A time from `start` on before which the venue has nothing."""
        ...

    def rows(self, client: Client, symbol: str, listed: str, start: int, stop: int) -> Iterable[pages.Row]:
        """Rows of [start, stop), in time order. May raise RequestFault."""
        ...


@dataclass(frozen=True)
class Bars:
    """Bars of the market's interval: traded prices, or mark prices."""

    market: Market
    name: str = "bars"
    price: str | None = None
    schema = pages.BAR_SCHEMA
    time = "open_time"

    @property
    def yearly(self) -> bool:
        return self.market.settings.interval == "1d"

    @property
    def _step(self) -> int:
        return milliseconds(self.market.settings.interval)

    def missing(self, landed: Landed, symbol: str, now: int) -> tuple[int, int] | None:
        newest = landed.newest(self.name, symbol)
        start = (
            epoch(self.market.settings.start)
            if newest is None
            else _epoch(newest) // self._step * self._step + self._step
        )
        stop = _bounded(self.market, now) // self._step * self._step  # the open bar is not complete
        return (start, stop) if start < stop else None

    def locate(self, client: Client, listed: str, start: int) -> int:
        found = pages.first_listed(client, listed, self.market.settings.interval, start)
        return max(start, found // self._step * self._step)

    def rows(self, client: Client, symbol: str, listed: str, start: int, stop: int) -> Iterable[pages.Row]:
        fetch = self.market.settings.fetch
        page = min(fetch.page_bars, pages.LARGEST_PAGE[str(fetch.venue)])
        span = range(start, stop, self._step)
        return pages.bar_rows(client, symbol, listed, self.market.settings.interval, span, page, self.price)


@dataclass(frozen=True)
class Funding:
    """Funding payments, with the times at which they were made, to the millisecond."""

    market: Market
    name = "funding"
    schema = pages.FUNDING_SCHEMA
    time = "funding_time"
    yearly = True

    def missing(self, landed: Landed, symbol: str, now: int) -> tuple[int, int] | None:
        stop = _bounded(self.market, now)
        newest = landed.newest(self.name, symbol)
        if newest is None:
            start = epoch(self.market.settings.start)
            return (start, stop) if start < stop else None
        last, spacing = _epoch(newest), _spacing(landed, symbol)
        return (last + 1000, stop) if last + spacing <= stop else None

    def locate(self, client: Client, listed: str, start: int) -> int:
        return max(start, client.exchange.market(listed).get("created") or 0)

    def rows(self, client: Client, symbol: str, listed: str, start: int, stop: int) -> Iterable[pages.Row]:
        fetch = self.market.settings.fetch
        return pages.funding_rows(client, symbol, listed, range(start, stop), fetch.page_bars)


@dataclass(frozen=True)
class OpenInterest:
    """Contracts open, once in each of the market's intervals, or as often as the venue counts them.

    OKX's days begin at 16:00 UTC and its periods are named by their beginning: what it says of one counts
    as of its end, so that nothing is known too early.
    """

    market: Market
    name = "open_interest"
    schema = pages.OPEN_INTEREST_SCHEMA
    time = "taken_at"

    @property
    def yearly(self) -> bool:
        return self._period == "1d"

    @property
    def _period(self) -> str:
        """The longest period that the venue counts in and that parts the market's interval; else its shortest."""
        periods = _COUNTED.get(str(self.market.settings.fetch.venue), ("5m",))
        interval = milliseconds(self.market.settings.interval)
        return next((one for one in periods if interval % milliseconds(one) == 0), periods[-1])

    def missing(self, landed: Landed, symbol: str, now: int) -> tuple[int, int] | None:
        step, newest = milliseconds(self._period), landed.newest(self.name, symbol)
        start = epoch(self.market.settings.start) if newest is None else _epoch(newest) + 1
        if self.market.settings.fetch.venue == "binanceusdm":  # it refuses to be asked for what it no longer has
            start = max(start, now - _KEPT_BY_BINANCE + step)
        start = -(-start // step) * step
        stop = _bounded(self.market, now) // step * step + 1
        return (start, stop) if start < stop else None

    def locate(self, client: Client, listed: str, start: int) -> int:
        step = milliseconds(self._period)
        return max(start, -(-int(client.exchange.market(listed).get("created") or 0) // step) * step)

    def rows(self, client: Client, symbol: str, listed: str, start: int, stop: int) -> Iterable[pages.Row]:
        fetch, step = self.market.settings.fetch, milliseconds(self._period)
        first = -(-start // step) * step
        late = step if fetch.venue == "okx" else 0
        return pages.open_interest_rows(
            client, symbol, listed, self._period, range(first, stop, step), fetch.page_bars, late
        )


@dataclass(frozen=True)
class Book:
    """Snapshots of the order book, at most one in each of the market's intervals."""

    market: Market
    name = "book"
    schema = pages.BOOK_SCHEMA
    time = "taken_at"
    yearly = False

    def missing(self, landed: Landed, symbol: str, now: int) -> tuple[int, int] | None:
        step = milliseconds(self.market.settings.interval)
        newest = Landed(landed.folder, landed.market).newest(self.name, symbol)  # the past cannot be asked for again
        due = newest is None or _epoch(newest) // step < now // step
        return (now // step * step, now + 1) if due and _bounded(self.market, now) == now else None

    def locate(self, client: Client, listed: str, start: int) -> int:  # noqa: ARG002 - a snapshot is of now
        return start

    def rows(self, client: Client, symbol: str, listed: str, start: int, stop: int) -> Iterable[pages.Row]:  # noqa: ARG002
        return pages.book_rows(client, symbol, listed)


KINDS: dict[str, Callable[[Market], Kind]] = {
    "bars": Bars,
    "mark": lambda market: Bars(market, "mark", "mark"),
    "funding": Funding,
    "open_interest": OpenInterest,
    "book": Book,
}


def _spacing(landed: Landed, symbol: str) -> int:
    """Milliseconds between the symbol's last two payments, to the hour; eight hours where that cannot be told."""
    times: set[int] = set()
    for _, _, path in landed.spans("funding", symbol)[-2:]:  # a payment may be alone in its file
        try:
            times |= set(pl.read_parquet(path, columns=["funding_time"], glob=False)["funding_time"].tail(2))
        except (pl.exceptions.PolarsError, OSError):
            return _EIGHT_HOURS
    before, last = [0, *sorted(times)][-2:] if times else (0, 0)
    hours = round((last - before) / _HOUR) if before else 0
    return hours * _HOUR or _EIGHT_HOURS


def _bounded(market: Market, now: int) -> int:
    end = market.settings.end
    return min(now, epoch(end + dt.timedelta(days=1))) if end else now


def _epoch(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
