"""Futures metrics of many symbols and intervals at once: one query an interval, however many symbols."""

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import polars as pl

from tradepipe.contracts.model import Contract
from tradepipe.derivatives.aggregation import How, aggregate
from tradepipe.store import PartitionStore


class MetricReader:
    """Reads one dataset of metrics, aggregated to intervals.

    What was read is kept while the generations it came from are current; `kept` results at most, the
    one not used longest goes first. `queries` counts reads of files, `hits` results that were kept.
    Not thread-safe.

    Args:
        store: where the dataset is.
        dataset: e.g. `binance_usdm/mark_prices`.
        contract: its contract.
        time: column with the start of the interval, or the time of the event.
        every: length of the dataset's own intervals.
        rules: how columns become longer intervals', see `aggregate`.
        kept: how many results to keep.
    """

    def __init__(  # noqa: PLR0913 - a dataset, and how it is aggregated
        self,
        store: PartitionStore,
        dataset: str,
        contract: Contract,
        *,
        time: str,
        every: dt.timedelta,
        rules: Mapping[str, How],
        kept: int = 32,
    ) -> None:
        self._store, self._dataset, self._contract = store, dataset, contract
        self._time, self._every, self._rules = time, every, rules
        self._kept: OrderedDict[tuple[object, ...], pl.DataFrame] = OrderedDict()
        self._most = kept
        self.queries = self.hits = 0

    def read(
        self,
        intervals: Sequence[dt.timedelta],
        partitions: Sequence[str],
        symbols: Sequence[str] | None = None,
    ) -> dict[dt.timedelta, pl.DataFrame]:
        """Each interval's metrics of `symbols` (None: all) in `partitions`; see `aggregate` for the columns.

        All intervals are of one moment's generations.
        """
        current = list(self._store.catalogue.current(self._dataset, partitions).values())
        chosen = None if symbols is None else tuple(sorted(symbols))
        moment = (tuple(generation.id for generation in current), chosen)
        found = {}
        for interval in intervals:
            key = (interval, *moment)
            if key in self._kept:
                self.hits += 1
                self._kept.move_to_end(key)
            else:
                self.queries += 1
                columns = ["symbol", self._time, *self._rules]
                rows = self._store.read_generations(current, self._contract, columns=columns, symbols=chosen)
                self._kept[key] = aggregate(rows, self._time, self._every, interval, self._rules)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            found[interval] = self._kept[key]
        return found
