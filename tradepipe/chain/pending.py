"""Published signals that the trading core has not seen yet."""

import hashlib
from dataclasses import dataclass

from tradepipe.chain.layers import dataset
from tradepipe.chain.staleness import ranges
from tradepipe.markets import Market
from tradepipe.store import Catalogue, Generation


@dataclass(frozen=True)
class PendingSignals:
    """A contiguous range of signal partitions to execute, and a digest of what they hold."""

    first: str
    last: str
    digest: str


def pending_signals(catalogue: Catalogue, market: Market, *, limit: int) -> PendingSignals | None:
    """The earliest contiguous range of signals whose content was never executed, or None.

    Executed means: the current generation of `orders` names that content among its inputs. The
    earliest come first because an account trades forward in time.
    """
    signals = catalogue.current(dataset(market.name, "signals"), None)
    executed = _executed_contents(catalogue, market)
    pending = [key for key, generation in signals.items() if executed.get(key) != generation.content]
    if not pending or not market.settings.execution.enabled:
        return None
    first, last = ranges(pending, sorted(signals))[0]
    keys = [key for key in sorted(pending) if first <= key <= last][:limit]
    return PendingSignals(keys[0], keys[-1], _digest([signals[key] for key in keys]))


def _executed_contents(catalogue: Catalogue, market: Market) -> dict[str, str]:
    """Signal partition -> content that the orders of that partition were made from."""
    orders = catalogue.current(dataset(market.name, "orders"), None)
    inputs = catalogue.inputs([generation.id for generation in orders.values()])
    return {
        one.partition: one.content
        for used in inputs.values()
        for one in used
        if one.dataset == dataset(market.name, "signals")
    }


def _digest(generations: list[Generation]) -> str:
    told = "\n".join(f"{generation.partition} {generation.content}" for generation in generations)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
