"""Published signals that the trading core has not seen yet."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tradepipe.chain.layers import LAYERS, RESEARCH, TRADING, dataset, with_inputs
from tradepipe.chain.staleness import ranges, stale_partitions
from tradepipe.markets import Market
from tradepipe.store import Catalogue


@dataclass(frozen=True)
class PendingSignals:
    """A contiguous range of signal partitions to execute, and a digest of what they hold.

    The digest also names the orders that stand now, so that content which comes back after another
    (a setting changed there and back) is pending under a digest of its own.
    """

    first: str
    last: str
    digest: str


def pending_signals(catalogue: Catalogue, market: Market, *, limit: int) -> PendingSignals | None:
    """The earliest contiguous range of signals that were not executed as they are now, or None.

    Executed means: no trading layer of the partition is stale, so a run that published orders and
    then failed is pending too. The earliest come first because an account trades forward in time,
    and nothing from the first unpublished or stale signals on is pending: trading past them would
    leave their sessions behind for ever.
    """
    names = {layer: dataset(market.name, layer) for layer in ("signals", *TRADING)}
    current = catalogue.current_of(list(names.values()))
    signals = current[names["signals"]]
    if not signals or not market.settings.execution.enabled:
        return None
    every = market.partitions.keys(min(signals), max(signals))  # signals that a hole lacks count as stale below
    stale = {one.partition for one in stale_partitions(catalogue, market, every, None, TRADING)}
    if not stale:
        return None
    first, last = ranges(sorted(stale), every)[0]
    keys = [key for key in sorted(stale) if first <= key <= last][:limit]
    outdated = stale_signals(catalogue, market, keys)
    keys = list(itertools.takewhile(lambda key: key not in outdated, keys))
    if not keys:
        return None
    versions = " ".join(LAYERS[layer].code_version(market) for layer in TRADING)
    told = [versions] + [
        f"{key} {signals[key].content} "
        + " ".join(str(current[names[layer]][key].id) if key in current[names[layer]] else "-" for layer in TRADING)
        for key in keys
    ]
    return PendingSignals(keys[0], keys[-1], hashlib.sha256("\n".join(told).encode()).hexdigest()[:16])


def stale_signals(catalogue: Catalogue, market: Market, keys: Sequence[str]) -> set[str]:
    """Those of `keys` whose signals, or what they rest on above the raw bars, are stale."""
    found = stale_partitions(catalogue, market, with_inputs(market, keys), None, RESEARCH[1:])
    return {one.partition for one in found if one.layer == "signals"} & set(keys)
