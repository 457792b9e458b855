"""What a layer is: what it reads, how far back, and what would change it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from tradepipe import contracts
from tradepipe.contracts import Contract
from tradepipe.markets import Market

LANDING_LAYER = "landing"
RELEASES_LAYER = "releases"
UNREAD = "raw_bars.unread"
FITS_LAYER = "member_forecasts.fits"
ORIGINS_LAYER = "evaluations.origins"
TOLD: dict[str, Contract] = {
    RELEASES_LAYER: contracts.RELEASES,
    UNREAD: contracts.UNREAD_BARS,
    FITS_LAYER: contracts.FITS,
    ORIGINS_LAYER: contracts.EVALUATION_ORIGINS,
}
"""What a layer reads that no asset makes by itself: what people tell it, and what is published beside a layer."""

Lookbacks = Mapping[str, int]
"""Layer read -> the number of sessions it looks back from a partition's first session."""


def reads(**layers: int | Callable[[Market], int]) -> Callable[[Market], Lookbacks]:
    """The same layers in every market; how far back may follow from its settings."""
    return lambda market: {name: back if isinstance(back, int) else back(market) for name, back in layers.items()}


def _nothing(_market: Market) -> Lookbacks:
    return {}


def _always(_market: Market) -> bool:
    return True


@dataclass(frozen=True)
class Layer:
    """One layer of the chain.

    `reads` gives each layer it reads in a market, with the number of sessions it looks back from a
    partition's first session; the partitions from there to the partition itself are its inputs.
    """

    name: str
    description: str
    kinds: tuple[str, ...]
    version: str
    reads: Callable[[Market], Lookbacks]
    contract: Callable[[Market], Contract]
    settings_of: Callable[[Market], tuple[object, ...]]
    exists: Callable[[Market], bool] = _always
    """Whether a market has this layer at all; one that does not is read by none of its layers."""
    told_by: tuple[str, ...] = ()
    """Datasets of the market that people write, of TOLD: an input where the partition has them."""
    beside: Callable[[Market], Lookbacks] = _nothing
    """As `reads`, of what is published beside a layer, of TOLD: inputs where there are any."""

    def inputs(self, market: Market) -> tuple[str, ...]:
        """Every dataset of the market that it reads."""
        return (*self.reads(market), *self.beside(market), *self.told_by)

    def code_version(self, market: Market) -> str:
        """Version of code, contract and settings: another one makes every partition stale."""
        return f"{self.version}-{fingerprint((self.contract(market).version, *self.settings_of(market)))}"

    def input_partitions(self, market: Market, keys: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Layer read -> partition of this layer -> the partitions of that layer which it reads."""
        told = {name: {key: [key] for key in keys} for name in self.told_by}
        backs = {**self.reads(market), **self.beside(market)}
        return {name: looking_back(market, keys, back) for name, back in backs.items()} | told


def looking_back(market: Market, keys: Sequence[str], sessions: int) -> dict[str, list[str]]:
    """Each of `keys` -> the partitions from the one `sessions` sessions before its first session to itself."""
    if sessions == 0 or not keys:
        return {key: [key] for key in keys}
    windows = market.partitions.windows(keys, sessions)
    anchored = windows.select("partition", market.partitions.key_expr("anchor_session").alias("anchor")).rows()
    every = market.partitions.keys(min(anchor for _, anchor in anchored), max(keys))
    place = {key: index for index, key in enumerate(every)}
    return {key: every[place[anchor] : place[key] + 1] for key, anchor in anchored}


def fingerprint(parts: tuple[object, ...]) -> str:
    """Short digest of settings: another one means that they changed."""
    told = json.dumps([_plain(part) for part in parts], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _plain(part: object) -> object:
    return part.model_dump(mode="json") if isinstance(part, BaseModel) else part
