"""What report and summary are made from: the published frames of one market."""

from collections.abc import Mapping, Sequence

import polars as pl

from tradepipe.chain import LANDING_LAYER, LAYERS, dataset, quarantine_of
from tradepipe.chain.evaluation import LOSSES
from tradepipe.commands.project import Project
from tradepipe.contracts import (
    EVALUATION_LOSSES,
    EVALUATIONS,
    FORECAST_SCORES,
    FORECASTS,
    QUARANTINE,
    REGIMES,
)
from tradepipe.forecasting import accuracy
from tradepipe.forecasting.evaluation import fold
from tradepipe.forecasting.evaluation.views import over_symbols
from tradepipe.markets import AROUND_THE_CLOCK, Market
from tradepipe.reporting import ReportData
from tradepipe.reporting.data import DECIDED_ON, GENERATIONS, SYMBOLS_JUDGED, SYMBOLS_PLOTTED
from tradepipe.store import Generation, PartitionStore

_AT_ONCE = 60  # partitions: sixty months of 505 stocks are some 600 MB of evaluations
SESSIONS_PER_YEAR = {AROUND_THE_CLOCK: 365.0}


def collect(project: Project, market: Market) -> ReportData:
    """Read what is reported of `market`, from one look at the catalogue.

    Of a large universe forecasts are read of the plotted symbols alone, and scores of none: evaluations have the sums.
    """
    catalogue, store, told = project.store.catalogue, project.store, market.settings
    names = {layer: dataset(market.name, layer) for layer in (*LAYERS, LANDING_LAYER)}
    beside = f"{names['evaluations']}.{LOSSES}"
    current = catalogue.current_of([*names.values(), *map(quarantine_of, names.values()), beside])

    def read(layer: str, symbols: Sequence[str] | None = None) -> pl.DataFrame:
        generations = list(current[names[layer]].values())
        return store.read_generations(generations, LAYERS[layer].contract(market), symbols=symbols)

    bars, fills, orders = read("bars"), read("fills"), read("orders")
    symbols = bars["symbol"].unique().sort().to_list()
    scores = read("forecast_scores") if len(symbols) <= SYMBOLS_JUDGED else FORECAST_SCORES.empty()
    refused = [generation for name in names.values() for generation in current[quarantine_of(name)].values()]
    evaluations, by_regime = _evaluations(store, list(current[names["evaluations"]].values()))
    return ReportData(
        market=market.name,
        description=told.description,
        currency=told.currency,
        model=told.strategy.model,
        horizon=told.strategy.horizon,
        generations=pl.DataFrame(
            [
                (layer, one.partition, one.number, one.rows, one.content)
                for layer in LAYERS
                for one in current[names[layer]].values()
            ],
            schema=GENERATIONS,
            orient="row",
        ),
        accuracy=accuracy(scores),
        evaluations=evaluations,
        by_regime=by_regime,
        losses=store.read_generations(list(current[beside].values()), EVALUATION_LOSSES),
        decided_on=_decided_on(store, list(current[names["forecasts"]].values()), fills, orders, told.strategy.horizon),
        regimes=_regimes(store, current[names["regimes"]]),
        quarantine=store.read_generations(refused, QUARANTINE),
        scores=scores,
        initial_equity=float(told.execution.initial_cash) if told.execution.enabled else None,
        sessions_per_year=SESSIONS_PER_YEAR.get(told.calendar, 252.0),
        bars=bars,
        forecasts=read("forecasts", symbols[:SYMBOLS_PLOTTED]),
        signals=read("signals"),
        orders=_as_of_now(orders, fills),
        fills=fills,
        positions=read("positions"),
    )


def _evaluations(store: PartitionStore, generations: Sequence[Generation]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Evaluations folded over regimes and months, and added up over symbols by regime; a few partitions at a time."""
    folded, by_regime = [EVALUATIONS.empty()], [EVALUATIONS.empty()]
    for first in range(0, len(generations), _AT_ONCE):
        sums = store.read_generations(generations[first : first + _AT_ONCE], EVALUATIONS)
        folded.append(fold(sums))
        by_regime.append(over_symbols(sums))
    return fold(pl.concat(folded)), over_symbols(pl.concat(by_regime))


def _decided_on(
    store: PartitionStore, generations: Sequence[Generation], fills: pl.DataFrame, orders: pl.DataFrame, horizon: int
) -> pl.DataFrame:
    """The forecasts that the filled orders were decided on."""
    filled = orders.join(fills.select("client_order_id").unique(), on="client_order_id", how="semi")
    wanted = filled.select("symbol", known_at="decided_at").unique()
    columns, found = [*DECIDED_ON, "horizon"], [FORECASTS.empty().select(DECIDED_ON)]
    symbols = wanted["symbol"].unique().to_list()
    for first in range(0, len(generations) if symbols else 0, _AT_ONCE):
        some = store.read_generations(
            generations[first : first + _AT_ONCE], FORECASTS, columns=columns, symbols=symbols
        )
        rows = some.filter(pl.col("horizon") == horizon).select(DECIDED_ON)
        found.append(rows.join(wanted, on=["symbol", "known_at"], how="semi"))
    return pl.concat(found)


def _regimes(store: PartitionStore, current: Mapping[str, Generation]) -> dict[str, str]:
    """Symbol to the regime of its newest bar, of symbols that have bars in the newest partition."""
    newest = [current[max(current)]] if current else []
    rows = store.read_generations(newest, REGIMES, columns=["symbol", "open_time", "regime"])
    last = rows.sort("symbol", "open_time").unique("symbol", keep="last", maintain_order=True)
    return dict(last.select("symbol", "regime").rows())


def _as_of_now(orders: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Orders with the fills of later partitions: a partition shows them as of its own end (decision 0005)."""
    filled = pl.col("client_order_id").is_in(fills["client_order_id"].implode())
    working = pl.col("state").is_in(["SENDING", "UNKNOWN", "ACK"])
    return orders.with_columns(state=pl.when(filled & working).then(pl.lit("FILLED")).otherwise("state"))
