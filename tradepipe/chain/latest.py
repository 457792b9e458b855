"""The newest published forecast of a symbol, and why it says so."""

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradepipe.chain.layer import FITS_LAYER
from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.chain.model_lineage import MEMBERS_LAYER, fits_beside
from tradepipe.contracts import FITS, FORECASTS
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.forecasting.evaluation import accuracy, verdict
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.markets import Market
from tradepipe.store import Generation, PartitionStore

LATELY = dt.timedelta(days=365)
"""How far back the targets lie that say how good a model was lately."""

HISTORY = 120
"""Closes that are shown before a forecast."""


class NoForecastError(LookupError):
    """There is no such symbol, or nothing was forecast for it."""


@dataclass(frozen=True)
class LatestForecast:
    """A forecast and what stands behind it.

    Attributes:
        market: its market.
        symbol: what is forecast.
        session: of the origin bar.
        generation: of the forecasts, in the catalogue.
        forecasts: FORECASTS rows of that origin: the ensemble and each member, all horizons.
        fits: FITS rows of the fits that served the origin, one a member; without any where their file was removed.
        regime: at the origin; None where no regime is published.
        lately: what `tradepipe.forecasting.accuracy` says of targets of the last year up to the origin's session.
        sentence: what that means for the ensemble; None before any target was met.
        history: open_time, session and close of the bars up to the origin, oldest first.
    """

    market: str
    symbol: str
    session: dt.date
    generation: int
    forecasts: pl.DataFrame
    fits: pl.DataFrame
    regime: str | None
    lately: pl.DataFrame
    sentence: str | None
    history: pl.DataFrame

    def of(self, model: str) -> pl.DataFrame:
        """The rows of one model, by horizon."""
        return self.forecasts.filter(pl.col("model") == model).sort("horizon")


def market_of(markets: Mapping[str, Market], symbol: str, name: str | None) -> Market:
    """The market that has `symbol`: the one called `name`, or the only one.

    Raises:
        NoForecastError: no market has it, or several do; the message names what comes nearest.
    """
    asked = {name: markets[name]} if name is not None else dict(markets)
    having = [market for market in asked.values() if symbol in market.universe.symbols]
    if len(having) == 1:
        return having[0]
    if having:
        names = ", ".join(sorted(market.name for market in having))
        raise NoForecastError(f"{symbol} is in several markets: {names}. Remedy: name one with --market")
    known = {one.upper(): one for market in asked.values() for one in market.universe.symbols}
    near = [known[one] for one in difflib.get_close_matches(symbol.upper(), list(known), n=3, cutoff=0.5)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"It holds {', '.join(sorted(known.values())[:10])}."
    raise NoForecastError(f"{name or 'No market'} has {'no ' if name else ''}symbol {symbol!r}. {remedy}")


def latest_forecast(
    store: PartitionStore, market: Market, symbol: str, session: dt.date | None = None
) -> LatestForecast:
    """The newest published forecast of `symbol` from a bar of `session` or before; None: whenever.

    Raises:
        NoForecastError: nothing was forecast for the symbol until then.
    """
    generation, rows = _newest(store, market, symbol, session)
    origin, at = rows["session"][0], rows["open_time"][0]
    lately = _lately(store, market, symbol, origin)
    told = lately.filter(pl.col("model").is_in([ENSEMBLE, RANDOM_WALK]))
    return LatestForecast(
        market=market.name,
        symbol=symbol,
        session=origin,
        generation=generation.id,
        forecasts=rows,
        fits=_fits(store, market, generation, symbol, rows),
        regime=_regime(store, market, symbol, origin, at),
        lately=lately,
        sentence=verdict(told).get(symbol) if told.height else None,
        history=_history(store, market, symbol, origin, at),
    )


def _current(store: PartitionStore, market: Market, layer: str, until: dt.date | None) -> list[Generation]:
    """Current generations of partitions that begin at `until` or before, newest first."""
    found = store.catalogue.current(dataset(market.name, layer))
    # Keys are dates cut to the partition's length, so they compare with any date, of a session or not.
    keys = sorted((key for key in found if until is None or key <= until.isoformat()[: len(key)]), reverse=True)
    return [found[key] for key in keys]


def _newest(
    store: PartitionStore, market: Market, symbol: str, session: dt.date | None
) -> tuple[Generation, pl.DataFrame]:
    """The generation that holds the newest origin, and that origin's rows."""
    published = _current(store, market, "forecasts", session)
    for generation in published:
        rows = store.read_generations([generation], FORECASTS, symbols=[symbol])
        if session is not None:
            rows = rows.filter(pl.col("session") <= session)
        if rows.height:
            return generation, rows.filter(pl.col("open_time") == pl.col("open_time").max())
    until = f" up to {session}" if session is not None else ""
    if not store.catalogue.current(dataset(market.name, "forecasts")):
        raise NoForecastError(f"{market.name} has no forecasts yet. Remedy: `tradepipe run --market {market.name}`")
    first = min(store.catalogue.current(dataset(market.name, "forecasts")))
    raise NoForecastError(
        f"Nothing was forecast for {symbol} in {market.name}{until}; the oldest forecasts are of {first}. "
        "A symbol needs ten returns before its first forecast"
    )


def _fits(
    store: PartitionStore, market: Market, generation: Generation, symbol: str, rows: pl.DataFrame
) -> pl.DataFrame:
    """Of the fits beside the member forecasts that were combined, the newest of each member before the origin."""
    wanted = dataset(market.name, MEMBERS_LAYER)
    inputs = store.catalogue.inputs([generation.id]).get(generation.id, [])
    used = [one.generation for one in inputs if (one.dataset, one.partition) == (wanted, generation.partition)]
    if not used or used[0] is None:
        return FITS.empty()
    fits = fits_beside(store, market, store.catalogue.generation(used[0]))
    if fits is None or fits.swept_at is not None:
        return FITS.empty()
    origin, through = rows["session"][0], rows["fitted_through"].max()
    served = store.read_generations([fits], FITS, symbols=[symbol]).filter(
        pl.col("session") <= origin, pl.col("trained_through") <= pl.lit(through)
    )
    return served.sort("model", "session").unique("model", keep="last", maintain_order=True)


def _regime(store: PartitionStore, market: Market, symbol: str, session: dt.date, open_time: dt.datetime) -> str | None:
    key = market.partitions.key_of(session)
    found = store.catalogue.current(dataset(market.name, "regimes"), [key])
    rows = _read(store, market, "regimes", list(found.values()), symbol, ["symbol", "open_time", "regime"])
    told = rows.filter(pl.col("open_time") == open_time)["regime"]
    return str(told[0]) if len(told) else None


def _lately(store: PartitionStore, market: Market, symbol: str, session: dt.date) -> pl.DataFrame:
    """Accuracy on targets met by then; what came later was nobody's knowledge."""
    since = session - LATELY
    published = _current(store, market, "forecast_scores", session)
    chosen = [one for one in published if one.partition >= since.isoformat()[: len(one.partition)]]
    rows = _read(store, market, "forecast_scores", chosen[::-1], symbol)
    return accuracy(rows.filter(pl.col("target_session").is_between(since, session, closed="right")))


def _history(
    store: PartitionStore, market: Market, symbol: str, session: dt.date, open_time: dt.datetime
) -> pl.DataFrame:
    columns, found = ["open_time", "session", "close"], 0
    parts: list[pl.DataFrame] = []
    for generation in _current(store, market, "bars", session):
        rows = _read(store, market, "bars", [generation], symbol, ["symbol", *columns])
        parts.insert(0, rows.filter(pl.col("open_time") <= open_time).select(columns).sort("open_time"))
        found += parts[0].height
        if found >= HISTORY:
            break
    return pl.concat(parts).tail(HISTORY) if parts else pl.DataFrame(schema=dict.fromkeys(columns, pl.Null))


def _read(  # noqa: PLR0913, PLR0917 - which rows of what
    store: PartitionStore,
    market: Market,
    layer: str,
    generations: Sequence[Generation],
    symbol: str,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    return store.read_generations(generations, LAYERS[layer].contract(market), columns=columns, symbols=[symbol])


def as_document(found: LatestForecast) -> dict[str, Any]:
    """The whole for machines, as plain values: dates and times in ISO 8601, prices in the market's currency."""
    frames = {name: getattr(found, name).to_dicts() for name in ("forecasts", "fits", "lately")}
    told = {name: getattr(found, name) for name in ("market", "symbol", "session", "generation", "regime", "sentence")}
    return {**told, **frames, "fits_from": FITS_LAYER}
