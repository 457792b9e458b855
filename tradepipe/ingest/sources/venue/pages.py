"""Rows of one symbol between two times, a page at a time, as the venue said them."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from tradepipe.ingest.sources.venue.client import Client, Said
from tradepipe.ingest.sources.venue.faults import Refused

BAR_SCHEMA = {"symbol": pl.String, "open_time": pl.Int64} | dict.fromkeys(
    ("open", "high", "low", "close", "volume"), pl.String
)
FUNDING_SCHEMA = {"symbol": pl.String, "funding_time": pl.Int64, "rate": pl.String}
OPEN_INTEREST_SCHEMA = {"symbol": pl.String, "taken_at": pl.Int64, "open_interest": pl.String}
BOOK_SCHEMA = {
    "symbol": pl.String,
    "taken_at": pl.Int64,
    "sequence": pl.String,
    "side": pl.String,
    "level": pl.Int64,
    "price": pl.String,
    "quantity": pl.String,
}
LARGEST_PAGE = {"binance": 1000, "binanceusdm": 1000, "okx": 100, "bybit": 1000}
_LARGEST_FUNDING_PAGE = {"binanceusdm": 1000, "okx": 100, "bybit": 200}
_LEAST_OF_A_BAR = 5  # time, open, high, low, close: mark prices have no volume
_LARGEST_OPEN_INTEREST_PAGE = {"binanceusdm": 500, "okx": 100, "bybit": 200}
_EIGHT_HOURS = 8 * 3_600_000
BOOK_LEVELS = 100

Row = tuple[Any, ...]


def bar_rows(  # noqa: PLR0913, PLR0917 - what to ask for
    client: Client, symbol: str, listed: str, interval: str, span: range, page: int, price: str | None
) -> Iterator[Row]:
    """Closed bars whose open time lies in `span` (epoch milliseconds, its step the interval's length).

    `symbol` is ours and stands in the rows, `listed` the venue's. `price`: "mark" for mark prices.

    Raises:
        RequestFault: the venue refused, or did not answer as often as it was asked.
    """
    more = {"price": price} if price else {}
    for start in range(span.start, span.stop, page * span.step):
        stop = min(start + page * span.step, span.stop)
        count = -(-(stop - start) // span.step)
        said = client.ask(client.exchange.fetch_ohlcv, listed, interval, start, count, {"until": stop - 1, **more})
        closed = client.now() * 1000 - span.step
        for row in _checked(said, client.answer.rows(), symbol):
            if start <= row[1] < stop and row[1] <= closed:
                yield row


def _checked(said: list[Any], rows: list[Any], symbol: str) -> list[Row]:
    """What ccxt made of `rows`, in time order, if each is a bar."""
    for row, bar in zip(rows, said, strict=True):
        if not isinstance(row, list) or len(row) < _LEAST_OF_A_BAR or not isinstance(bar[0], int):
            raise Refused(f"a bar is expected, found {str(row)[:100]}")
    return sorted(((symbol, bar[0], *map(_text, bar[1:6])) for bar in said), key=lambda row: row[1])


def funding_rows(client: Client, symbol: str, listed: str, span: range, page: int) -> Iterator[Row]:
    """Funding payments in `span` (epoch milliseconds), in time order.

    Venues give at most a page, some the newest, some the oldest of what is asked for: a full page is
    asked for again in halves, until none is full.

    Raises:
        RequestFault: the venue refused, or did not answer as often as it was asked.
    """
    venue = str(client.exchange.id)
    largest = min(page, _LARGEST_FUNDING_PAGE.get(venue, page))

    def ask(start: int, stop: int) -> Iterator[Row]:
        until = {"after": stop} if venue == "okx" else {"until": stop - 1}
        said = client.ask(client.exchange.fetch_funding_rate_history, listed, start, largest, until)
        if len(said) != len(client.answer.rows()) or any(not isinstance(one["timestamp"], int) for one in said):
            raise Refused("a funding payment without a time was found, or outside of what was asked for")
        if len(said) >= largest and stop - start > 1:
            middle = (start + stop) // 2
            yield from ask(start, middle)
            yield from ask(middle, stop)
            return
        for one in sorted(said, key=lambda one: one["timestamp"]):
            if start <= one["timestamp"] < stop:
                yield symbol, one["timestamp"], _text(one["fundingRate"])

    # Half a page of the usual eight hours: full pages are the exception.
    for start in range(span.start, span.stop, _EIGHT_HOURS * largest // 2):
        yield from ask(start, min(start + _EIGHT_HOURS * largest // 2, span.stop))


def open_interest_rows(  # noqa: PLR0913, PLR0917 - what to ask for
    client: Client, symbol: str, listed: str, period: str, span: range, page: int, late: int
) -> Iterator[Row]:
    """Open interest, in base units, that was counted in `span` (epoch milliseconds, its step the period's length).

    `late`: milliseconds from the time that the venue says to the moment that it counted at.

    Raises:
        RequestFault: the venue refused, or did not answer as often as it was asked.
    """
    count = min(page, _LARGEST_OPEN_INTEREST_PAGE.get(str(client.exchange.id), page))
    for start in range(span.start, span.stop, count * span.step):
        stop = min(start + count * span.step, span.stop)
        until = {"until": stop - late - 1}
        said = client.ask(client.exchange.fetch_open_interest_history, listed, period, start - late, count, until)
        if any(not isinstance(one["timestamp"], int) for one in said) or len(said) != len(client.answer.rows()):
            raise Refused("open interest without a time was found, or outside of what was asked for")
        linear, now = client.exchange.market(listed)["linear"], client.now() * 1000
        for one in sorted(said, key=lambda one: one["timestamp"]):
            # OKX counts contracts and says the base units beside; the others count linear contracts in base units.
            amount = one["openInterestAmount"] if one.get("baseVolume") is None else one["baseVolume"]
            if amount is None or not linear:
                raise Refused(f"open interest in base units is expected, found {str(one['info'])[:100]}")
            if start <= one["timestamp"] + late < stop and one["timestamp"] + late <= now:
                yield symbol, one["timestamp"] + late, _text(amount)


def book_rows(client: Client, symbol: str, listed: str) -> list[Row]:
    """A snapshot of the order book, best price first on each side.

    `taken_at` is the venue's time of it, or its clock's at our request where it says none.
    """
    book = client.ask(client.exchange.fetch_order_book, listed, BOOK_LEVELS)
    taken = book["timestamp"] or int(client.now() * 1000)
    sequence = None if book["nonce"] is None else str(book["nonce"])
    return [
        (symbol, taken, sequence, side, level, _text(price), _text(quantity))
        for side, levels in (("bid", book["bids"]), ("ask", book["asks"]))
        for level, (price, quantity, *_) in enumerate(levels)
    ]


def first_listed(client: Client, listed: str, interval: str, start: int) -> int:
    """A time (epoch milliseconds) from `start` on before which the venue has no bars: spares empty pages."""
    created = client.exchange.market(listed).get("created")
    if created:
        return max(start, int(created))
    if str(client.exchange.id).startswith("binance"):  # without an end it answers with the first there is
        said = client.ask(client.exchange.fetch_ohlcv, listed, interval, start, 1)
        return max(start, said[0][0]) if said and isinstance(said[0][0], int) else start
    return start


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.text if isinstance(value, Said) else str(value)
