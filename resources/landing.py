"""The landing folder as a Dagster resource: where vendor files arrive."""

from pathlib import Path

import dagster as dg

from tradepipe.chain import LandingIndex
from tradepipe.markets import Market
from tradepipe.settings import Settings
from tradepipe.store import PartitionStore


class LandingResource(dg.ConfigurableResource["LandingResource"]):
    """A folder of vendor files, one pattern a market."""

    folder: str

    @classmethod
    def of(cls, settings: Settings) -> "LandingResource":
        return cls(folder=str(settings.landing_folder))

    def index(self, store: PartitionStore, market: Market, *, at_most: int | None = None) -> LandingIndex:
        """What has arrived for `market`, and which partitions each file feeds; of new files, `at_most` so many."""
        return LandingIndex.read(Path(self.folder), market, store, at_most=at_most)
