"""Any layer as it was known at a moment: what was recorded is filtered, what is computed is computed again."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import polars as pl

from tradepipe.chain.ensemble import forecasts_of
from tradepipe.chain.evaluation import evaluations_of, scores_of
from tradepipe.chain.features import DERIVED, indicators_of
from tradepipe.chain.layers import LAYERS, RELEASES_LAYER, dataset, with_inputs
from tradepipe.chain.members import members_of_market
from tradepipe.contracts.as_of import AsOfError
from tradepipe.forecasting.regimes import compute_regimes
from tradepipe.markets import Market
from tradepipe.store import DatasetNotFound, PartitionStore

PARTITION = "partition"

RECORDED = ("raw_bars", "bars", "fills", RELEASES_LAYER)
"""What the store itself can say of a moment: rows that carry the time at which they were known."""

_DECIDED_AT_ONCE = ("DENIED", "REJECTED")


def read_as_of(
    store: PartitionStore, market: Market, layer: str, keys: Sequence[str], as_of: dt.datetime
) -> pl.DataFrame:
    """Rows of `layer` in the partitions `keys` as they were known at `as_of` (inclusive), in partition order.

    Bars are those versions that were true then. Indicators, forecasts, their scores and evaluations,
    regimes, signals and longer intervals are computed from these bars by the same functions as in a run, with
    today's code and settings: what would have been computed then. Fills, orders and positions are what the trading
    core had recorded by then; an order that was open then is told as such, whatever became of it.

    Args:
        store: where the bars are.
        market: whose layer it is.
        layer: one of `tradepipe.chain.LAYERS`, or `releases`.
        keys: partition keys, at least one.
        as_of: with a time zone.

    Raises:
        AsOfError: there is no such layer, or it does not tell its past.
        DatasetNotFound: the market has no published bars (or orders, fills, positions).
        ValueError: `as_of` has no time zone.
    """
    if layer in RECORDED:
        return store.read(dataset(market.name, layer), sorted(keys), as_of=as_of)
    past = _Past(store, market, sorted(keys), as_of)
    if layer in past.computed:
        contract = LAYERS[layer].contract(market)
        rows = past.rows(layer, sorted(keys))
        return rows.sort(PARTITION, *contract.key, maintain_order=True).select(contract.column_names)
    recorded: Mapping[str, Callable[[], pl.DataFrame]] = {"orders": past.orders, "positions": past.positions}
    if layer not in recorded:
        known = ", ".join(sorted({*RECORDED, *past.computed, *recorded}))
        raise AsOfError(f"{market.name}: {layer!r} cannot be read as of a moment. Remedy: name one of {known}.")
    return recorded[layer]()


class _Past:
    """One market's layers at one moment, all computed from one look at its bars."""

    def __init__(self, store: PartitionStore, market: Market, keys: Sequence[str], as_of: dt.datetime) -> None:
        self.store, self.market, self.keys, self.as_of = store, market, keys, as_of
        self.computed: Mapping[str, Callable[[Sequence[str]], pl.DataFrame]] = {
            "intervals": self._intervals,
            "indicators": self._indicators,
            "member_forecasts": self._member_forecasts,
            "forecasts": self._forecasts,
            "regimes": self._regimes,
            "forecast_scores": self._forecast_scores,
            "evaluations": self._evaluations,
            "signals": self._signals,
        }

    def rows(self, layer: str, keys: Sequence[str]) -> pl.DataFrame:
        """Rows of the partitions `keys` of `layer`, with their `partition`."""
        if layer == "bars":
            return self.bars.filter(pl.col(PARTITION).is_in(list(keys)))
        if layer in DERIVED:
            return self._fetched(layer, keys)
        return self.computed[layer](keys)

    def _fetched(self, layer: str, keys: Sequence[str]) -> pl.DataFrame:
        """Rows of a layer beside the chain that were known then; none where nothing was published."""
        try:
            return self._placed(self.store.read(dataset(self.market.name, layer), keys, as_of=self.as_of))
        except DatasetNotFound:
            return self._placed(DERIVED[layer].empty())

    @cached_property
    def bars(self) -> pl.DataFrame:
        """Bars of all partitions that anything asked for is computed from."""
        found = self.store.read(
            dataset(self.market.name, "bars"), with_inputs(self.market, self.keys), as_of=self.as_of
        )
        return self._placed(found)

    def orders(self) -> pl.DataFrame:
        """Orders decided by then. Of partitions that were not over, states are told as they were."""
        found = self._placed(self.store.read(dataset(self.market.name, "orders"), self.keys, as_of=self.as_of))
        over = self._over(self.market.partitions.windows(self.keys, 0), "last_session")[PARTITION]
        try:
            filled = self.store.read(dataset(self.market.name, "fills"), as_of=self.as_of)["client_order_id"]
        except DatasetNotFound:
            filled = pl.Series([], dtype=pl.String)
        stands = pl.col(PARTITION).is_in(over.implode()) | pl.col("state").is_in(_DECIDED_AT_ONCE)
        traded = pl.col("client_order_id").is_in(filled.implode())
        open_ = pl.when(traded).then(pl.lit("FILLED")).otherwise(pl.lit("INTENT"))
        return found.with_columns(
            state=pl.when(stands).then("state").otherwise(open_), reason=pl.when(stands).then("reason")
        ).drop(PARTITION)

    def positions(self) -> pl.DataFrame:
        """Positions marked at closes that had passed."""
        found = self.store.read(dataset(self.market.name, "positions"), self.keys)
        return found.join(self._over(found.select("session").unique(), "session"), on="session", how="semi")

    def _over(self, rows: pl.DataFrame, session: str) -> pl.DataFrame:
        """Those of `rows` whose session had closed by then."""
        if rows.is_empty():
            return rows
        first, last = rows.get_column(session).min(), rows.get_column(session).max()
        bounds = self.market.calendar.bounds(first, last)  # type: ignore[arg-type]  # both are dates
        over = bounds.filter(pl.col("close_time") <= self.as_of).select(pl.col("session").alias(session))
        return rows.join(over, on=session, how="semi", maintain_order="left")

    def _inputs(self, layer: str, read: str, keys: Sequence[str]) -> pl.DataFrame:
        wanted = LAYERS[layer].input_partitions(self.market, keys)[read]
        return self.rows(read, sorted({key for one in wanted.values() for key in one}))

    def _windows(self, layer: str, read: str, keys: Sequence[str]) -> pl.DataFrame:
        return self.market.partitions.windows(keys, LAYERS[layer].reads(self.market)[read])

    def _placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(self.market.partitions.key_expr().alias(PARTITION))

    def _intervals(self, keys: Sequence[str]) -> pl.DataFrame:
        from tradepipe.bars import resample  # noqa: PLC0415 - each layer imports what it computes with

        told = self.market.settings.intervals
        return self._placed(resample(self._inputs("intervals", "bars", keys), self.market.calendar, told))

    def _indicators(self, keys: Sequence[str]) -> pl.DataFrame:
        bars = self._inputs("indicators", "bars", keys)
        return indicators_of(
            self.market,
            bars,
            lambda read: self._inputs("indicators", read, keys),
            lambda read: self._windows("indicators", read, keys),
        )

    def _member_forecasts(self, keys: Sequence[str]) -> pl.DataFrame:
        values, bars = (self._inputs("member_forecasts", read, keys) for read in ("indicators", "bars"))
        windows = self._windows("member_forecasts", "indicators", keys)
        ahead = self.market.settings.forecasts.horizon
        grid = self.market.grid(keys, ahead)
        return members_of_market(self.market, values, bars, windows, grid=grid).forecasts

    def _forecasts(self, keys: Sequence[str]) -> pl.DataFrame:
        members, bars = (self._inputs("forecasts", read, keys) for read in ("member_forecasts", "bars"))
        windows = self._windows("forecasts", "member_forecasts", keys)
        return forecasts_of(self.market, members.drop(PARTITION), bars, windows)

    def _forecast_scores(self, keys: Sequence[str]) -> pl.DataFrame:
        made, bars = (self._inputs("forecast_scores", read, keys) for read in ("forecasts", "bars"))
        windows = self._windows("forecast_scores", "bars", keys)
        return scores_of(self.market, made.drop(PARTITION), bars, windows)

    def _regimes(self, keys: Sequence[str]) -> pl.DataFrame:
        bars, windows = self._inputs("regimes", "bars", keys), self._windows("regimes", "bars", keys)
        return compute_regimes(bars.drop(PARTITION), windows, self.market.settings.forecasts.regimes)

    def _evaluations(self, keys: Sequence[str]) -> pl.DataFrame:
        scores, regimes = (self._inputs("evaluations", read, keys) for read in ("forecast_scores", "regimes"))
        return evaluations_of(self.market, scores, regimes)[0]

    def _signals(self, keys: Sequence[str]) -> pl.DataFrame:
        from tradepipe.signals import compute_signals, within_membership  # noqa: PLC0415

        wanted = compute_signals(self._inputs("signals", "forecasts", keys), self.market.settings.strategy)
        return within_membership(wanted, self.market.universe)
