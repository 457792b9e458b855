"""What rests on one bar: every partition, forecast, signal and order that was computed from it."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.chain.features import mixes_symbols
from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.chain.reach import Reach
from tradepipe.chain.words import Asked, Version, rows_since, said_of, versions, with_old_word
from tradepipe.execution import Journal
from tradepipe.execution.journal import Entry
from tradepipe.execution.orders import fold
from tradepipe.markets import Market
from tradepipe.store import Generation, PartitionStore
from tradepipe.store.users import users_of

_EACH_ALONE = frozenset({"raw_bars", "bars", "intervals", "regimes"})
"""Layers whose rows rest on bars of their own symbol."""


class NoSuchBarError(LookupError):
    """The bar that was asked about is not there, and never was."""


@dataclass(frozen=True)
class Touched:
    """A partition that was computed from the bar.

    `generations`: those that used it, oldest first. `current`: the one of now, None when retention evicted
    the partition. `recomputed`: the current generation is another one. `rows`: in the newest of
    `generations`, those that can have used it, from `first_session` on: of the bar's symbol, or of every
    symbol where a layer sets them against each other; None when its file was swept.
    """

    layer: str
    partition: str
    generations: tuple[int, ...]
    current: int | None
    recomputed: bool
    first_session: dt.date
    rows: int | None


@dataclass(frozen=True)
class ModelUse:
    """Forecasts of one model and horizon whose training window, past errors or origin can hold the bar.

    Of every symbol: past errors are pooled.
    """

    model: str
    horizon: int
    rows: int
    first_origin: dt.date
    last_origin: dt.date


@dataclass(frozen=True)
class SignalUse:
    """One intent that rests on the bar, as the newest generation that used it says."""

    symbol: str
    session: dt.date
    strategy: str
    target_weight: float
    generation: int


@dataclass(frozen=True)
class OrderUse:
    """One order that was decided on such an intent; `sent`: it went to the venue."""

    client_order_id: str
    symbol: str
    session: dt.date
    state: str
    quantity: str
    sent: bool
    signal_generation: int


@dataclass(frozen=True)
class BlastRadius:
    """Everything that used the old words on a bar; the current one, if nothing was restated.

    `bars_generations`: those of bars that hold such a word; a swept one counts, unless its content
    is known from another.
    """

    market: str
    symbol: str
    session: dt.date
    partition: str
    versions: tuple[Version, ...]
    restated: bool
    bars_generations: tuple[int, ...]
    partitions: tuple[Touched, ...]
    models: tuple[ModelUse, ...]
    signals: tuple[SignalUse, ...]
    orders: tuple[OrderUse, ...]


def blast_radius(
    store: PartitionStore, market: Market, symbol: str, session: dt.date, journal: Journal | None = None
) -> BlastRadius:
    """List what was computed from the bar (or bars) of `symbol` in `session`, directly or through other layers.

    Followed by the lineage of generations, and narrowed by the rows that each layer reads: a partition
    is left out when its lookback or training window does not reach the bar. What is listed can have
    used the bar; nothing that used it is left out. `journal` tells the orders; without it, none.

    Raises:
        NoSuchBarError: no such bar was ever published.
    """
    key = _partition_of(market, symbol, session)
    bars = store.catalogue.history(dataset(market.name, "bars"), key)
    asked = Asked(symbol, session, key)
    said = said_of(store, bars, asked)
    words = versions(store, market, asked, said)
    if not words:
        raise NoSuchBarError(
            f"{market.name}: no bar of {symbol} in session {session} was ever published. "
            f"Remedy: `tradepipe quarantine list --symbol {symbol}` shows whether it was refused."
        )
    old = with_old_word(bars, said)
    # All that say the same: what was computed from an earlier one stays, and names it.
    roots = old or [one.id for one in bars]
    walk = _Walk(store, market, symbol, session)
    used = walk.users(roots, [one.id for one in bars if one.id not in roots])
    return BlastRadius(
        market=market.name,
        symbol=symbol,
        session=session,
        partition=key,
        versions=words,
        restated=bool(old),
        bars_generations=tuple(roots),
        partitions=walk.touched(used),
        models=walk.models(used),
        signals=walk.signals(used),
        orders=walk.orders(used, journal) if journal else (),
    )


def _partition_of(market: Market, symbol: str, session: dt.date) -> str:
    if symbol not in market.universe.symbols:
        raise NoSuchBarError(f"{market.name}: {symbol!r} is not in universe {market.universe.name}")
    start, end = market.dates
    if not start <= session <= end or not market.calendar.is_session(session):
        raise NoSuchBarError(
            f"{market.name}: {session} is no session of calendar {market.settings.calendar} from {start} to {end}"
        )
    return str(pl.DataFrame({"session": [session]}).select(market.partitions.key_expr()).item())


class _Walk:
    """From the bars of one symbol and session on, along the lineage."""

    def __init__(self, store: PartitionStore, market: Market, symbol: str, session: dt.date) -> None:
        self.store, self.market, self.symbol, self.session = store, market, symbol, session
        self.layers = {dataset(market.name, name): name for name in LAYERS}
        self.current = store.catalogue.current_of(list(self.layers))
        keys = sorted({key for found in self.current.values() for key in found})
        self.reach = Reach(market, session, keys)

    def users(self, roots: Collection[int], others: Collection[int]) -> list[Generation]:
        """Generations computed from `roots`, directly or not, whose rows can reach the bar; oldest first.

        `others` are the generations of the same bars that say otherwise.
        """
        seen, edge = set(roots), self._delivered(roots, others) | set(roots)
        found: dict[int, Generation] = {}
        while edge:
            reached = {
                one.id: one
                for one in users_of(self.store.catalogue, edge)
                if one.dataset in self.layers and one.id not in seen and self._first(one) is not None
            }
            found |= reached
            seen |= reached.keys()
            edge = set(reached)
        return [found[number] for number in sorted(found)]

    def _delivered(self, roots: Collection[int], others: Collection[int]) -> set[int]:
        """Generations of raw bars that hold the bar as `roots` have it: bars of later partitions look back on them.

        Also those that no generation of the bars was computed from: a later partition's can be.
        """
        if not LAYERS["bars"].reads(self.market)["raw_bars"]:
            return set()
        key, raw = _partition_of(self.market, self.symbol, self.session), dataset(self.market.name, "raw_bars")
        used = self.store.catalogue.inputs([*roots, *others])

        def read_by(bars: Collection[int]) -> set[int]:
            read = [one for number in bars for one in used[number] if (one.dataset, one.partition) == (raw, key)]
            return {one.generation for one in read if one.generation is not None}

        unused = {one.id for one in self.store.catalogue.history(raw, key)} - read_by(others)
        return read_by(roots) | unused

    def _first(self, one: Generation) -> dt.date | None:
        return self.reach.first(self.layers[one.dataset], one.partition)

    def _rows(self, one: Generation) -> pl.DataFrame | None:
        """Rows that can have used the bar: of its symbol, of all where the layer sets symbols against each other."""
        layer, first = self.layers[one.dataset], self._first(one)
        contract = LAYERS[layer].contract(self.market)
        every = self._mixes(layer)
        return rows_since(self.store, one, contract, None if every else self.symbol, first=first) if first else None

    def _mixes(self, layer: str) -> bool:
        """Whether the bar changes rows of other symbols in `layer`."""
        if layer in _EACH_ALONE:
            return False
        told = self.market.settings.forecasts
        if layer == "indicators" or (layer == "member_forecasts" and "samossa" not in told.members):
            return mixes_symbols(self.market, self.symbol) and (layer == "indicators" or bool(told.exog))
        return True

    def touched(self, used: Sequence[Generation]) -> tuple[Touched, ...]:
        by_partition: dict[tuple[str, str], list[Generation]] = {}
        for one in used:
            by_partition.setdefault((one.dataset, one.partition), []).append(one)
        found = []
        for (name, partition), generations in by_partition.items():
            rows, now = self._rows(generations[-1]), self.current[name].get(partition)
            found.append(
                Touched(
                    layer=self.layers[name],
                    partition=partition,
                    generations=tuple(one.id for one in generations),
                    current=now.id if now else None,
                    recomputed=now is not None and now.id not in {one.id for one in generations},
                    first_session=self._first(generations[-1]) or self.session,
                    rows=None if rows is None else rows.height,
                )
            )
        order = {name: place for place, name in enumerate(LAYERS)}
        return tuple(sorted(found, key=lambda one: (order[one.layer], one.partition)))

    def models(self, used: Sequence[Generation]) -> tuple[ModelUse, ...]:
        parts = [rows for _, rows in self._newest(used, "forecasts")]
        if not parts:
            return ()
        found = pl.concat(parts).group_by("model", "horizon")
        spans = found.agg(
            pl.len().alias("rows"), pl.min("session").alias("first_origin"), pl.max("session").alias("last_origin")
        )
        return tuple(ModelUse(**row) for row in spans.sort("model", "horizon").to_dicts())

    def signals(self, used: Sequence[Generation]) -> tuple[SignalUse, ...]:
        return tuple(
            SignalUse(**row, generation=one.id)
            for one, rows in self._newest(used, "signals")
            for row in rows.select("symbol", "session", "strategy", "target_weight").to_dicts()
        )

    def orders(self, used: Sequence[Generation], journal: Journal) -> tuple[OrderUse, ...]:
        """Orders whose signal is of one of the generations: the journal says which."""
        signals = dataset(self.market.name, "signals")
        resting = {one.id: self._first(one) for one in used if one.dataset == signals}
        by_order: dict[str, list[Entry]] = {}
        account = self.market.settings.execution.account
        for row in journal.rows(market=self.market.name, account=account):
            if row.entry.client_order_id is not None:
                by_order.setdefault(row.entry.client_order_id, []).append(row.entry)
        records = [record for entries in by_order.values() if (record := fold(entries)) is not None]
        found = []
        for record in sorted(records, key=lambda record: (record.session, record.client_order_id)):
            generation: int = (record.opening["source"] or {}).get("generation", 0)
            first = resting.get(generation)
            if first is not None and record.session >= first:
                found.append(
                    OrderUse(
                        client_order_id=record.client_order_id,
                        symbol=record.symbol,
                        session=record.session,
                        state=record.state.value,
                        quantity=str(record.quantity),
                        sent=record.attempts > 0,
                        signal_generation=generation,
                    )
                )
        return tuple(found)

    def _newest(self, used: Iterable[Generation], layer: str) -> Iterator[tuple[Generation, pl.DataFrame]]:
        """Rows of the newest generation of each partition of `layer`, in partition order."""
        found = {one.partition: one for one in used if one.dataset == dataset(self.market.name, layer)}
        for key in sorted(found):
            rows = self._rows(found[key])
            if rows is not None:
                yield found[key], rows
