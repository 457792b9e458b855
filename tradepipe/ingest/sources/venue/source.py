"""A venue as a source: bars, mark prices, funding, open interest and books land as Parquet, values as its text."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import polars as pl

from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.model import Delivery, Failure, SourceFailedError
from tradepipe.ingest.sources.venue.client import Client
from tradepipe.ingest.sources.venue.credentials import credentials, variables
from tradepipe.ingest.sources.venue.faults import Banned, RequestFault, fault_of
from tradepipe.ingest.sources.venue.kinds import KINDS, Kind
from tradepipe.ingest.sources.venue.limiter import Timing
from tradepipe.ingest.sources.venue.pages import Row
from tradepipe.ingest.sources.windows import time_of, windows
from tradepipe.markets import Market

REMEDY = "run again, only what is missing is asked for; if it stays, check the symbol and `fetch` in the market's file"
Result = TypeVar("Result")
Asked = tuple[str, int, int]  # symbol, from, to (epoch milliseconds)


class VenueSource:
    """History and snapshots of a market's symbols. `environ` holds the credentials, where there are any."""

    def __init__(
        self,
        market: Market,
        *,
        environ: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._market, self._fetch = market, market.settings.fetch
        self._environ = os.environ if environ is None else environ
        self._timing = timing or Timing()
        self._client: Client | None = None

    def deliveries(self, landed: Landed, *, limit: int | None = None) -> Iterator[Delivery | Failure]:
        """See `Source`: kinds of data in the settings' order, then months, then symbols.

        A symbol that fails is left out from there on, so that what is missing of it stays a tail.

        Raises:
            SourceFailedError: the venue cannot be reached at all, or has shut this address out.
        """
        given = 0
        at_once = min(self._fetch.chunk, limit or self._fetch.chunk)
        with ThreadPoolExecutor(self._fetch.workers, "venue") as pool:
            for data in self._fetch.data:
                for found in self._of_kind(KINDS[data](self._market), landed, pool, at_once):
                    yield found
                    given += isinstance(found, Delivery)
                    if given == limit:
                        return

    def close(self) -> None:
        """Close the pooled connections, if there are any."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _of_kind(
        self, kind: Kind, landed: Landed, pool: ThreadPoolExecutor, at_once: int
    ) -> Iterator[Delivery | Failure]:
        now = int((self._client.now() if self._client else self._timing.clock()) * 1000)
        spans = {symbol: kind.missing(landed, symbol, now) for symbol in self._market.universe.symbols}
        missing = {symbol: span for symbol, span in spans.items() if span is not None}
        if not missing:
            return
        client = self._opened()
        stop = max(stop for _, stop in missing.values())
        starts = {symbol: start for symbol, (start, _) in missing.items()}
        unseen = [symbol for symbol in starts if landed.newest(kind.name, symbol) is None]
        located = pool.map(lambda symbol: self._located(client, kind, symbol, starts[symbol]), unseen)
        for symbol, found in zip(unseen, list(located), strict=True):
            if isinstance(found, Failure):
                del starts[symbol]
                yield found
            else:
                starts[symbol] = found
        for start, end in windows(min(starts.values(), default=stop), stop, years=kind.yearly):
            tasks = iter([(symbol, max(start, own), end) for symbol, own in starts.items() if own < end])
            while batch := list(islice(tasks, at_once)):
                fetched = pool.map(lambda asked: self._fetched(client, kind, asked, landed), batch)
                for (symbol, _, _), outcome in zip(batch, fetched, strict=True):
                    if isinstance(outcome, Failure):
                        del starts[symbol]
                    if outcome is not None:
                        yield outcome

    def _located(self, client: Client, kind: Kind, symbol: str, start: int) -> int | Failure:
        """Where `symbol`'s history begins, so that the time before it was listed is not asked for."""
        return self._safely(kind, symbol, lambda: kind.locate(client, self._listed(client, symbol), start))

    def _fetched(self, client: Client, kind: Kind, asked: Asked, landed: Landed) -> Delivery | Failure | None:
        """The file of one symbol and month; None where there is nothing new."""
        symbol, start, stop = asked
        return self._safely(
            kind,
            symbol,
            lambda: self._file(
                kind, symbol, kind.rows(client, symbol, self._listed(client, symbol), start, stop), landed
            ),
        )

    def _file(self, kind: Kind, symbol: str, rows: Iterable[Row], landed: Landed) -> Delivery | None:
        frame = pl.DataFrame(list(rows), schema=kind.schema, orient="row").unique(maintain_order=True)
        frame = landed.news(kind.name, symbol, frame.sort(kind.time, maintain_order=True), time=kind.time)
        if frame.is_empty():
            return None
        first, last = (time_of(moment) for moment in frame[kind.time].gather([0, -1]))
        name = landed.name(kind.name, symbol, first, last)
        return Delivery(name, _parquet(frame), symbol, frame.height, first, last)

    def _safely(self, kind: Kind, symbol: str, work: Callable[[], Result]) -> Result | Failure:
        try:
            return work()
        except Banned as fault:
            raise self._failed(fault) from None
        except RequestFault as fault:
            return Failure(f"{self._market.name} {kind.name} {symbol}", str(fault), REMEDY)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            pl.exceptions.PolarsError,
        ) as error:
            reason = f"an answer of a shape that is not understood ({type(error).__name__}: {error})"
            return Failure(f"{self._market.name} {kind.name} {symbol}", reason, REMEDY)

    def _listed(self, client: Client, symbol: str) -> str:
        """The venue's name of our symbol.

        Raises:
            RequestFault: the venue does not list it.
        """
        try:
            return str(client.exchange.market(self._fetch.symbols.get(symbol, symbol))["symbol"])
        except Exception as error:  # noqa: BLE001 - ccxt's own classes, which are not imported here
            raise fault_of(error, client.answer) from None

    def _opened(self) -> Client:
        if self._client is None:
            told = credentials(str(self._fetch.venue), self._environ)
            try:
                self._client = Client(self._fetch, told, self._timing)
            except RequestFault as fault:
                raise self._failed(fault) from None
        return self._client

    def _failed(self, fault: RequestFault) -> SourceFailedError:
        where = self._fetch.url or self._fetch.venue
        key = variables(str(self._fetch.venue))[0]
        return SourceFailedError(
            f"{self._market.name}: venue {where}: {fault}. Nothing more is asked of it now, what landed stays. "
            f"Remedy: run again later; if it stays, check the network, fetch.url and, if {key} is set, that key."
        )


def _parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file, compression="zstd", statistics=True)
    return file.getvalue()
