"""The opened project: settings, markets and store, as every command needs them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from tradepipe.chain import LandingIndex
from tradepipe.markets import Market, PartitionKeyError, load_markets
from tradepipe.settings import Settings, load_settings
from tradepipe.store import PartitionStore, open_store


class Outcome(Protocol):
    """How a Dagster run ended; `error` is the message of the step that failed, `told` what the last one answered."""

    @property
    def run_id(self) -> str: ...
    @property
    def success(self) -> bool: ...
    @property
    def error(self) -> str | None: ...
    @property
    def told(self) -> Mapping[str, Any] | None: ...


class Runner(Protocol):
    """What the commands ask of Dagster; `sensors.local.LocalRunner` does it."""

    def materialise(self, market: Market, layers: Sequence[str], first: str, last: str) -> Outcome:
        """Materialise `layers` for the partitions from `first` to `last` in one run."""
        ...

    def retrain(self, market: Market, first: str, last: str) -> Outcome:
        """Fit the models for the partitions from `first` to `last` ahead, on the executor that the settings name."""
        ...

    def execute_pending_signals(self, market: Market) -> Sequence[Outcome]:
        """Let the signals sensor launch what it asks for, until it asks for nothing."""
        ...


class UnknownMarketError(LookupError):
    """A market was named that the configuration does not have."""


@dataclass(frozen=True)
class Project:
    """Everything a command works on. Nothing is opened before it is used."""

    settings: Settings

    @classmethod
    def load(cls) -> "Project":
        return cls(load_settings())

    @cached_property
    def markets(self) -> dict[str, Market]:
        return load_markets(self.settings)

    @cached_property
    def store(self) -> PartitionStore:
        return open_store(self.settings)

    @cached_property
    def runner(self) -> Runner:
        """Runs Dagster jobs in this process. Costs the import of Dagster."""
        from tradepipe.definitions import local_runner  # noqa: PLC0415 - two CPU seconds

        return local_runner(self.settings)

    def market(self, name: str) -> Market:
        try:
            return self.markets[name]
        except KeyError:
            known = ", ".join(sorted(self.markets))
            raise UnknownMarketError(f"There is no market {name!r} in conf/markets. Known: {known}.") from None

    def chosen(self, name: str | None) -> list[Market]:
        """The named market, or all."""
        return [self.market(name)] if name else list(self.markets.values())

    def landing(self, market: Market) -> LandingIndex:
        return LandingIndex.read(self.settings.landing_folder, market, self.store)

    def keys(self, market: Market, first: str | None = None, last: str | None = None) -> list[str]:
        """Partition keys of `market` up to now, or those between `first` and `last`.

        Raises:
            PartitionKeyError: a bound is no key, or there is no partition between them yet.
        """
        newest = market.newest_date(dt.datetime.now(dt.UTC))
        every = market.partitions.keys(market.settings.start, newest)
        chosen = set(market.partitions.keys(first or market.settings.start, last or newest))
        keys = [key for key in every if key in chosen]
        if not keys:
            raise PartitionKeyError(
                f"{market.name} has no partition from {first or 'its start'} to {last or 'now'}; "
                f"it has {every[0]} to {every[-1]}"
                if every
                else f"{market.name} has no partition yet"
            )
        return keys
