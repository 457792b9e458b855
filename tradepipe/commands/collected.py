"""What report and summary are made from: the published frames of one market."""

import polars as pl

from tradepipe.chain import LANDING_LAYER, LAYERS, dataset, quarantine_of
from tradepipe.commands.project import Project
from tradepipe.contracts import QUARANTINE
from tradepipe.forecasting import accuracy
from tradepipe.markets import AROUND_THE_CLOCK, Market
from tradepipe.reporting import ReportData
from tradepipe.reporting.data import GENERATIONS

SESSIONS_PER_YEAR = {AROUND_THE_CLOCK: 365.0}


def collect(project: Project, market: Market) -> ReportData:
    """Read everything that was published of `market`, from one look at the catalogue."""
    catalogue, store, told = project.store.catalogue, project.store, market.settings
    names = {layer: dataset(market.name, layer) for layer in (*LAYERS, LANDING_LAYER)}
    current = catalogue.current_of([*names.values(), *map(quarantine_of, names.values())])

    def read(layer: str) -> pl.DataFrame:
        generations = list(current[names[layer]].values())
        return store.read_generations(generations, LAYERS[layer].contract(market))

    scores, fills = read("forecast_scores"), read("fills")
    refused = [generation for name in names.values() for generation in current[quarantine_of(name)].values()]
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
        quarantine=store.read_generations(refused, QUARANTINE),
        scores=scores,
        initial_equity=float(told.execution.initial_cash) if told.execution.enabled else None,
        sessions_per_year=SESSIONS_PER_YEAR.get(told.calendar, 252.0),
        bars=read("bars"),
        forecasts=read("forecasts"),
        signals=read("signals"),
        orders=_as_of_now(read("orders"), fills),
        fills=fills,
        positions=read("positions"),
    )


def _as_of_now(orders: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Orders with the fills of later partitions: a partition shows them as of its own end (decision 0005)."""
    filled = pl.col("client_order_id").is_in(fills["client_order_id"].implode())
    working = pl.col("state").is_in(["SENDING", "UNKNOWN", "ACK"])
    return orders.with_columns(state=pl.when(filled & working).then(pl.lit("FILLED")).otherwise("state"))
