"""The marts of a market: what their SQL can name, what each partition is computed from, which are stale."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property

import polars as pl

from tradepipe import contracts
from tradepipe.chain.layers import LANDING_LAYER, LAYERS, dataset, looking_back
from tradepipe.chain.staleness import Stale, difference
from tradepipe.contracts import UTC, Column, Contract
from tradepipe.markets import Market
from tradepipe.store import Catalogue, Generation, Input, PartitionStore
from tradepipe.store.content import content_hash
from tradepipe.warehouse import ALL, Mart, MartError, Relation, Shelf, Warehouse, references

EXPECTED = "expected_bars"

EXPECTED_BARS = Contract(
    name=EXPECTED,
    version="1",
    description="How many bars calendar and universe expect of each member, for sessions that are due.",
    key=("symbol", "session"),
    columns=(
        Column("symbol", pl.String, "member of the universe in that session"),
        Column("session", pl.Date, "trading session"),
        Column("number", pl.Int64, "the session's number, counted from the market's first", minimum=0),
        Column("bars", pl.Int64, "expected bars of the market's base interval", minimum=0),
        Column("known_at", UTC, "when the session's last bar can first be known", unit="UTC"),
    ),
)


def contracts_of(market: Market) -> dict[str, Contract]:
    """What SQL over `market` can name, but for marts: layers, their companions, and `expected_bars`."""
    found = {name: layer.contract(market) for name, layer in LAYERS.items() if layer.exists(market)}
    found[LANDING_LAYER] = contracts.LANDING
    found |= {f"{name}.quarantine": contracts.QUARANTINE for name in list(found)}
    beside = {"raw_bars.unread": contracts.UNREAD_BARS, "bars.history": contracts.BARS_HISTORY}
    return found | beside | {"bars.gaps": contracts.GAPS, EXPECTED: EXPECTED_BARS}


def expected_bars(market: Market, keys: Sequence[str], due: dt.datetime | None) -> pl.DataFrame:
    """EXPECTED_BARS rows of the partitions `keys`, and `partition`; of sessions known by `due` (UTC), none for None.

    A session is due once something is known that came no earlier than its own bars could: what is
    expected follows from calendar, universe and data, not from the clock. Of the session in between,
    the bars are expected that can be known by `due`.
    """
    if due is None or not keys:
        return EXPECTED_BARS.empty().with_columns(partition=pl.lit("", pl.String))
    first, last = market.partitions.span(keys)
    calendar, start = market.calendar, market.settings.start
    before = len(calendar.sessions(start, first)) - 1
    sessions = (
        calendar.bar_counts(first, last, market.settings.interval)
        .with_row_index("number", offset=before)
        .join(calendar.bounds(first, last), on="session", maintain_order="left")
        .select(
            "session",
            pl.col("number", "bars").cast(pl.Int64),
            market.partitions.key_expr().alias("partition"),
            known_at=pl.col("close_time") + market.settings.publication_delay,
        )
    )
    sessions = pl.concat([sessions.filter(pl.col("known_at") <= due), _under_way(market, sessions, due)])
    sessions = sessions.filter(pl.col("partition").is_in(list(keys)))
    members = pl.DataFrame({"symbol": market.universe.symbols}, schema={"symbol": pl.String})
    rows = members.join(sessions, how="cross").select(*EXPECTED_BARS.column_names, "partition").sort(EXPECTED_BARS.key)
    return rows.filter(market.universe.is_member(rows)) if market.universe.is_dated else rows


def _under_way(market: Market, sessions: pl.DataFrame, due: dt.datetime) -> pl.DataFrame:
    """The first of `sessions` that is not known in full by `due`, with the bars that are; none without any."""
    first = sessions.filter(pl.col("known_at") > due).head(1)
    bars = 0
    for day in first["session"]:
        closes = market.calendar.grid(day, day, market.settings.interval)["close_time"]
        bars = closes.filter(closes + market.settings.publication_delay <= due).len()
    there = first if bars else first.clear()
    return there.with_columns(pl.lit(bars, pl.Int64).alias("bars"), pl.lit(due, UTC).alias("known_at"))


def shelf_of(
    market: Market, marts: Mapping[str, Mart], catalogue: Catalogue, now: dt.datetime, as_of: dt.datetime | None = None
) -> Shelf:
    """What SQL by hand can name: everything up to `now`, see `tradepipe.warehouse.relations.Shelf`."""
    keys = market.partitions.keys(market.settings.start, market.newest_date(now))
    look = MartLook(catalogue, market, marts, keys, as_of)
    configured = {EXPECTED: look.expected.select(EXPECTED_BARS.column_names)}
    return Shelf(market.name, contracts_of(market), configured, marts)


def query(  # noqa: PLR0913 - the engine, where from, of what, and what is asked
    warehouse: Warehouse,
    store: PartitionStore,
    market: Market,
    marts: Mapping[str, Mart],
    sql: str,
    *,
    now: dt.datetime,
    as_of: dt.datetime | None = None,
) -> pl.DataFrame:
    """Run one SELECT in which `ref('bars')` is the market's published layer, or a mart.

    Args:
        warehouse: the engine.
        store: where the generations are.
        market: whose layers `ref()` names.
        marts: the marts by name; one that was never published is computed in place.
        sql: in DuckDB's dialect.
        now: aware; sessions up to then are expected.
        as_of: aware; what was known and true then, all marts computed in place.

    Raises:
        UnknownRelationError: for a `ref()` to nothing of the market.
        DatasetNotFound: for one to a layer of which nothing was published.
        AsOfError: for one to what cannot say what was known at `as_of`.
        WarehouseError: when the engine refuses the query.
    """
    shelf = shelf_of(market, marts, store.catalogue, now, as_of)
    return warehouse.query(store, sql, shelf.relations(store, references(sql), as_of=as_of))


class MartLook:
    """One look at the catalogue: the marts, and all that they read, of one moment.

    Args:
        catalogue: what is published.
        market: the market.
        marts: by name, each after those it reads.
        keys: the market's partitions that are looked at.
        as_of: aware; nothing is due that was not by then.

    Raises:
        MartError: when a mart reads what there is not, or must not be read by it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        market: Market,
        marts: Mapping[str, Mart],
        keys: Sequence[str],
        as_of: dt.datetime | None = None,
    ) -> None:
        self.market, self.marts, self.keys, self._as_of = market, marts, list(keys), as_of
        self.contracts = contracts_of(market) | {name: mart.contract for name, mart in marts.items()}
        for mart in marts.values():
            check_references(mart, marts, self.contracts)
        read = {ref for mart in marts.values() for ref in mart.refs} | set(marts) | {"bars"}
        names = {name: dataset(market.name, name) for name in read - {EXPECTED}}
        current = catalogue.current_of(list(names.values()))
        self.current: dict[str, dict[str, Generation]] = {name: current[told] for name, told in names.items()}
        self.evicted = {(one.dataset, one.partition): one for one in catalogue.evicted()}

    @cached_property
    def due(self) -> dt.datetime | None:
        """The newest time at which a bar of the market was known, as far as it is looked at."""
        newest = max((one.known_at for one in self.current["bars"].values() if one.known_at), default=None)
        return min(newest, self._as_of) if newest and self._as_of else newest

    @cached_property
    def expected(self) -> pl.DataFrame:
        """What is expected of the partitions that are looked at, and of those they look back to, with `partition`."""
        readers = [mart for mart in self.marts.values() if EXPECTED in mart.refs]
        reached = [self.reads(mart, self.keys)[EXPECTED].values() for mart in readers]
        wanted = {partition for by_key in reached for partitions in by_key for partition in partitions}
        return expected_bars(self.market, sorted(wanted | set(self.keys)), self.due)

    @cached_property
    def _expected_contents(self) -> dict[str, str]:
        parts = self.expected.partition_by("partition", as_dict=True, include_key=False)
        return {str(key): content_hash(part) for (key,), part in parts.items()}

    def partitions_of(self, mart: Mart) -> list[str]:
        """The partitions of `mart` that are looked at."""
        return self.keys if mart.partitioned else [ALL]

    def reads(self, mart: Mart, keys: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Ref -> partition of the mart -> the partitions of the ref that it is computed from."""
        if mart.partitioned:
            return {ref: looking_back(self.market, keys, mart.header.lookback.get(ref, 0)) for ref in mart.refs}
        return {ref: {ALL: sorted(self.current[ref])} for ref in mart.refs}

    def frozen(self, mart: Mart, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that are published and stay as they are: retention evicted what they were computed from."""
        return {key for key in self._reading_evicted(mart, keys, back=True) if key in self.current[mart.name]}

    def beyond(self, mart: Mart, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that cannot be computed any more: the frozen ones, and those whose own inputs went."""
        return self.frozen(mart, keys) | self._reading_evicted(mart, keys, back=False)

    def _reading_evicted(self, mart: Mart, keys: Sequence[str], *, back: bool) -> set[str]:
        if not self.evicted or not mart.partitioned:
            return set()
        return {
            key
            for ref, by_key in self.reads(mart, keys).items()
            for key, partitions in by_key.items()
            if any((dataset(self.market.name, ref), one) in self.evicted for one in (partitions if back else [key]))
        }

    def inputs(self, mart: Mart, keys: Sequence[str]) -> dict[str, list[Input]]:
        """Partition of the mart -> what it is computed from now."""
        found: dict[str, list[Input]] = {key: [] for key in keys}
        for ref, by_key in self.reads(mart, keys).items():
            for key, partitions in by_key.items():
                found[key] += [one for name in partitions if (one := self._input(ref, name)) is not None]
        return found

    def relations(self, mart: Mart, keys: Sequence[str]) -> dict[str, Relation]:
        """What the mart's refs stand for when `keys` are computed together."""
        found = {}
        for ref, by_key in self.reads(mart, keys).items():
            wanted = sorted({partition for partitions in by_key.values() for partition in partitions})
            if ref == EXPECTED:
                rows = self.expected.filter(pl.col("partition").is_in(wanted))
                found[ref] = Relation(ref, EXPECTED_BARS, rows=rows.select(EXPECTED_BARS.column_names))
            else:
                there = tuple(self.current[ref][key] for key in wanted if key in self.current[ref])
                found[ref] = Relation(ref, self.contracts[ref], there)
        return found

    def _input(self, ref: str, partition: str) -> Input | None:
        if ref == EXPECTED:
            content = self._expected_contents.get(partition)
            return Input(dataset(self.market.name, ref), partition, content) if content else None
        one = self.current[ref].get(partition)
        return Input(one.dataset, partition, one.content, one.id) if one else None


def check_references(mart: Mart, marts: Mapping[str, Mart], known: Mapping[str, Contract]) -> None:
    """Refuse a mart whose refs cannot be resolved in the market.

    Raises:
        MartError: naming the file, the ref and what there is.
    """
    for ref in mart.refs:
        if ref not in known:
            raise MartError(f"{mart.file}: ref('{ref}') names no layer or mart. Known: {', '.join(sorted(known))}.")
        if ref == EXPECTED and not mart.partitioned:
            raise MartError(
                f"{mart.file}: ref('{EXPECTED}') is read partition by partition. Remedy: say partition_by, or read "
                "ref('symbol_sessions'), which says what was expected."
            )
        if mart.partitioned and ref in marts and not marts[ref].partitioned:
            raise MartError(
                f"{mart.file}: reads ref('{ref}'), which spans all partitions, so that a partition would change with "
                "later ones. Remedy: leave partition_by out, or read a partitioned mart."
            )


def stale_marts(catalogue: Catalogue, market: Market, marts: Mapping[str, Mart], keys: Sequence[str]) -> list[Stale]:
    """Stale partitions of the marts, each mart after those it reads: among `keys`, or the one partition `all`.

    As for layers, content and code version decide; see `tradepipe.chain.staleness`. What retention evicted
    makes nothing stale: a mart of it cannot be computed again, and one that spans it has no news by that.
    """
    look = MartLook(catalogue, market, marts, keys)
    found: dict[tuple[str, str], str] = {}
    for mart in marts.values():
        published = look.current[mart.name]
        wanted = look.partitions_of(mart)
        recorded = catalogue.inputs([published[key].id for key in wanted if key in published])
        inputs, reads, beyond = look.inputs(mart, wanted), look.reads(mart, wanted), look.beyond(mart, wanted)
        for key in (one for one in wanted if one not in beyond):
            used = recorded[published[key].id] if key in published else []
            gone = [one for one in used if (one.dataset, one.partition) in look.evicted]
            contents = {(one.dataset, one.partition): one.content for one in (*inputs[key], *gone)}
            reason = difference(published.get(key), mart.code_version, recorded, contents)
            reason = reason or _stale_input(found, reads, key, partitioned=mart.partitioned)
            if reason:
                found[mart.name, key] = reason
    return [Stale(name, partition, reason) for (name, partition), reason in found.items()]


def _stale_input(
    found: Mapping[tuple[str, str], str],
    reads: Mapping[str, Mapping[str, Sequence[str]]],
    key: str,
    *,
    partitioned: bool,
) -> str | None:
    for name, partition in found:
        if name in reads and (not partitioned or partition in reads[name][key]):
            return f"{name} {partition} is stale"
    return None
