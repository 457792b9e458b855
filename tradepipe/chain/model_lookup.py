"""Which models are active for a symbol: by the regime that it is in, or any other, with its own parameters."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.contracts import FITS
from tradepipe.forecasting.registry import ModelRegistry, Version
from tradepipe.forecasting.registry.model import Activation
from tradepipe.markets import Market
from tradepipe.store import PartitionStore


@dataclass(frozen=True)
class ActiveModel:
    """A version that is active in a symbol's regime.

    Attributes:
        activation: its place, and by whose word it holds it.
        mean: text of the mean equation's spec.
        variance: text of the variance equation's spec.
        parameters: of the symbol, by name, after the version's newest refit; None: the version has no fit of the
            symbol, or the file of its fits was removed.
    """

    activation: Activation
    mean: str
    variance: str
    parameters: Mapping[str, float] | None


def active_models(
    store: PartitionStore, registry: ModelRegistry, market: Market, symbol: str, regime: str
) -> list[ActiveModel]:
    """The versions that are active in `regime`, by place, each with the parameters that it has of `symbol`."""
    found: list[ActiveModel] = []
    for place in registry.active(market.name, regime):
        told = registry.get(place.version, market.name).version
        found.append(ActiveModel(place, told.mean, told.variance, _parameters(store, told, symbol)))
    return found


def regime_of(store: PartitionStore, market: Market, symbol: str) -> str | None:
    """The regime at the symbol's newest bar that has one; None: it has none yet."""
    current = store.catalogue.current(dataset(market.name, "regimes"))
    for key in sorted(current, reverse=True):
        contract = LAYERS["regimes"].contract(market)
        rows = store.read_generations([current[key]], contract, columns=["open_time", "regime"], symbols=[symbol])
        if rows.height:
            return str(rows.sort("open_time")["regime"][-1])
    return None


def _parameters(store: PartitionStore, version: Version, symbol: str) -> dict[str, float] | None:
    held = version.fits.generation
    generation = store.catalogue.of_ids([held]).get(held) if held is not None else None
    if generation is None or generation.swept_at is not None:
        return None
    columns = ["symbol", "session", "version", "parameters"]
    rows = store.read_generations([generation], FITS, columns=columns, symbols=[symbol])
    own = rows.filter(pl.col("version") == version.id).sort("session")
    return json.loads(own["parameters"][-1]) if own.height else None
