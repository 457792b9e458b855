"""What to run next: the ranges of the first stale layer, with the layers that are stale over the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradepipe.chain.staleness import Stale, ranges


@dataclass(frozen=True)
class Step:
    """One Dagster run: some layers over a contiguous range of partitions."""

    layers: tuple[str, ...]
    first: str
    last: str


def next_steps(stale: Sequence[Stale], keys: Sequence[str], order: Sequence[str]) -> list[Step]:
    """The ranges of the first stale layer, with every following layer that is stale over the same ones.

    Only the first: what is stale after it is known once it ran, because a layer whose content came
    out the same leaves the layers after it alone.

    Args:
        stale: what is stale, all of it among `keys` and of layers in `order`.
        keys: every partition key, in order.
        order: the layers, each after those it reads.
    """
    by_layer = {layer: [one.partition for one in stale if one.layer == layer] for layer in order}
    spans = {layer: ranges(found, keys) for layer, found in by_layer.items() if found}
    if not spans:
        return []
    start = next(iter(spans))
    together = [start]
    for layer in order[order.index(start) + 1 :]:
        if spans.get(layer) != spans[start]:
            break
        together.append(layer)
    return [Step(tuple(together), first, last) for first, last in spans[start]]
