"""Replay: stored bars of a market, as a source that lands into another market."""

import datetime as dt
import io
from collections.abc import Iterator

import polars as pl

from tradepipe.contracts import BARS
from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.model import Delivery, Failure, SourceFailedError
from tradepipe.markets import Market
from tradepipe.store import Generation, PartitionStore

_PRICES = ("open", "high", "low", "close", "volume")


class ReplaySource:
    """The bars of market `fetch.market` that lie in this market's dates, for this market's symbols.

    Nothing goes over a network, so all is read from the catalogue's current generations as of one
    moment, a partition at a time.
    """

    def __init__(self, market: Market, store: PartitionStore) -> None:
        self._market, self._store = market, store

    def deliveries(self, landed: Landed, *, limit: int | None = None) -> Iterator[Delivery | Failure]:
        """See `Source`: partitions of the played market in time order, then symbols.

        Raises:
            SourceFailedError: the played market has no bars.
        """
        played = f"{self._market.settings.fetch.market}/bars"
        current = self._store.catalogue.current(played)
        if not current:
            raise SourceFailedError(
                f"{self._market.name}: nothing to replay: the store has no {played}. "
                f"Remedy: name a market with stored bars in fetch.market, or run that market first."
            )
        newest = {symbol: landed.newest("bars", symbol) for symbol in self._market.universe.symbols}
        given = 0
        for generation in current.values():
            for symbol, rows in self._rows(generation, newest):
                fresh = landed.news("bars", symbol, rows, time="open_time")
                if fresh.is_empty():
                    continue
                yield self._delivery(landed, symbol, fresh)
                given += 1
                if given == limit:
                    return

    def close(self) -> None:
        """Nothing is held open."""

    def _rows(
        self, generation: Generation, newest: dict[str, dt.datetime | None]
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        told = self._market.settings
        inside = pl.col("session").is_between(pl.lit(told.start), pl.lit(told.end or dt.date.max))
        bars = self._store.read_generations([generation], BARS, symbols=list(newest)).filter(
            inside & (pl.col("interval") == told.interval)
        )
        for symbol, after in newest.items():
            rows = bars.filter(pl.col("symbol") == symbol, pl.col("open_time") > after if after else pl.lit(value=True))
            if not rows.is_empty():
                yield symbol, landed_rows(rows)

    def _delivery(self, landed: Landed, symbol: str, rows: pl.DataFrame) -> Delivery:
        times = pl.from_epoch(rows["open_time"].gather([0, -1]), time_unit="ms").dt.replace_time_zone("UTC")
        first, last = times.to_list()
        file = io.BytesIO()
        rows.write_parquet(file, compression="zstd", statistics=True)
        name = landed.name("bars", symbol, first, last)
        return Delivery(name, file.getvalue(), symbol, rows.height, first, last)


def landed_rows(bars: pl.DataFrame) -> pl.DataFrame:
    """Stored bars in the shape in which a venue's land: epoch milliseconds, and numbers as text."""
    return bars.select(
        "symbol",
        pl.col("open_time").dt.epoch("ms"),
        # The shortest text that reads back as the same number.
        *[pl.col(name).cast(pl.String) for name in _PRICES],
    ).sort("open_time")
