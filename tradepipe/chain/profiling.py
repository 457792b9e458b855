"""What forecasts of a partition cost, member by member: computed anew, without the fit cache, and not published."""

from dataclasses import dataclass

import polars as pl

from tradepipe.chain.ensemble import BAR_COLUMNS, forecasts_of
from tradepipe.chain.latest import NoForecastError
from tradepipe.chain.layers import dataset
from tradepipe.chain.members import compute_members
from tradepipe.chain.run import LayerRun
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.markets import Market
from tradepipe.observability.spending import Spending
from tradepipe.store import PartitionStore


@dataclass(frozen=True)
class Profile:
    """CPU seconds of a partition's forecasts.

    Attributes:
        partition: which.
        symbols: forecast in it.
        fits: made for it, all members together.
        spending: on each member, and on the ensemble.
    """

    partition: str
    symbols: int
    fits: int
    spending: Spending


def profile_forecasts(store: PartitionStore, market: Market, partition: str | None = None) -> Profile:
    """Compute the forecasts of a partition, the newest published one by default, and measure each part.

    They are computed once before, so that loading kernels is not counted as the first member's.

    Raises:
        NoForecastError: the market has no such forecasts yet.
    """
    found = store.catalogue.current(dataset(market.name, "forecasts"), None if partition is None else [partition])
    if not found:
        which = f" of {partition}" if partition else ""
        raise NoForecastError(
            f"{market.name} has no forecasts{which} yet. Remedy: `tradepipe run --market {market.name}`"
        )
    key, spending = max(found), Spending()
    compute_members(LayerRun(store, market, "member_forecasts", [key]), None, Spending())  # loads the kernels
    made = compute_members(LayerRun(store, market, "member_forecasts", [key]), None, spending)
    run = LayerRun(store, market, "forecasts", [key])
    bars, earlier, windows = run.read("bars", columns=BAR_COLUMNS), run.read("member_forecasts"), run.windows("bars")
    with spending.on(ENSEMBLE, alone=True):
        forecasts_of(market, earlier, bars, windows)
    return Profile(key, made.forecasts.select(pl.col("symbol").n_unique()).item(), made.fits.height, spending)
