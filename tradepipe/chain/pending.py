"""Published signals that the trading core has not seen yet."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from tradepipe.chain.layers import dataset
from tradepipe.chain.staleness import ranges
from tradepipe.markets import Market
from tradepipe.store import Catalogue, Generation


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
    """The earliest contiguous range of signals whose content was never executed, or None.

    Executed means: the current generation of `orders` names that content among its inputs. The
    earliest come first because an account trades forward in time, and nothing beyond an unpublished
    partition is pending: trading past it would leave its sessions behind for ever.
    """
    signals = catalogue.current(dataset(market.name, "signals"), None)
    if not signals or not market.settings.execution.enabled:
        return None
    orders = catalogue.current(dataset(market.name, "orders"), None)
    executed = _executed_contents(catalogue, market, orders)
    published = _without_holes(market, signals)
    pending = [key for key in published if executed.get(key) != signals[key].content]
    if not pending:
        return None
    first, last = ranges(pending, published)[0]
    keys = [key for key in pending if first <= key <= last][:limit]
    told = [f"{key} {signals[key].content} {orders[key].id if key in orders else '-'}" for key in keys]
    return PendingSignals(keys[0], keys[-1], hashlib.sha256("\n".join(told).encode()).hexdigest()[:16])


def _without_holes(market: Market, signals: Mapping[str, Generation]) -> list[str]:
    """Published partitions from the first one to the one before the first hole, in order."""
    every = market.partitions.keys(min(signals), max(signals))
    return list(itertools.takewhile(signals.__contains__, every))


def _executed_contents(catalogue: Catalogue, market: Market, orders: Mapping[str, Generation]) -> dict[str, str]:
    """Signal partition -> content that the orders of that partition were made from."""
    inputs = catalogue.inputs([generation.id for generation in orders.values()])
    return {
        one.partition: one.content
        for used in inputs.values()
        for one in used
        if one.dataset == dataset(market.name, "signals")
    }
