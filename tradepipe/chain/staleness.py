"""Which partitions are stale: decided by content and code version, never by the clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tradepipe.chain.landing import LandingIndex
from tradepipe.chain.layers import LAYERS, RESEARCH, dataset
from tradepipe.markets import Market
from tradepipe.store import Catalogue, Generation, Input


@dataclass(frozen=True)
class Stale:
    """A partition whose published content is not what its inputs and code would give now."""

    layer: str
    partition: str
    reason: str


def stale_partitions(
    catalogue: Catalogue,
    market: Market,
    keys: Sequence[str],
    landing: LandingIndex,
    layers: Sequence[str] = RESEARCH,
) -> list[Stale]:
    """Stale partitions among `keys`, in chain order.

    A partition is stale when it was never published, when its code version differs, when an input
    has other content than it was computed from, when an input appeared or vanished, or when an
    input is itself stale.
    """
    current = {name: catalogue.current(dataset(market.name, name), None) for name in _closure(layers)}
    found: dict[tuple[str, str], str] = {}
    for name in layers:
        generations = {key: current[name][key] for key in keys if key in current[name]}
        recorded = catalogue.inputs([generation.id for generation in generations.values()])
        wanted = _wanted_inputs(market, name, keys, current, landing)
        version = LAYERS[name].code_version(market)
        for key in keys:
            reason = _reason(generations.get(key), version, recorded, wanted(key)) or _stale_input(
                LAYERS[name].reads, wanted(key), market, found
            )
            if reason:
                found[name, key] = reason
    return [Stale(layer, partition, reason) for (layer, partition), reason in found.items()]


def ranges(keys: Sequence[str], every: Sequence[str]) -> list[tuple[str, str]]:
    """Contiguous runs of `keys` within the ordered list of `every` key, as (first, last) pairs."""
    place = {key: index for index, key in enumerate(every)}
    runs: list[tuple[str, str]] = []
    for key in sorted(keys, key=place.__getitem__):
        if runs and place[key] == place[runs[-1][1]] + 1:
            runs[-1] = (runs[-1][0], key)
        else:
            runs.append((key, key))
    return runs


def _closure(layers: Sequence[str]) -> set[str]:
    return set(layers) | {read for name in layers for read in LAYERS[name].reads}


def _wanted_inputs(
    market: Market,
    name: str,
    keys: Sequence[str],
    current: Mapping[str, Mapping[str, Generation]],
    landing: LandingIndex,
) -> Callable[[str], dict[tuple[str, str], str]]:
    """For a partition of layer `name`: (dataset, partition) of each input there is now -> its content."""
    if name == "raw_bars":
        return landing.contents
    partitions = LAYERS[name].input_partitions(market, keys)

    def wanted(key: str) -> dict[tuple[str, str], str]:
        return {
            (generation.dataset, partition): generation.content
            for read, by_key in partitions.items()
            for partition in by_key[key]
            if (generation := current[read].get(partition)) is not None
        }

    return wanted


def _reason(
    generation: Generation | None,
    version: str,
    recorded: Mapping[int, Sequence[Input]],
    wanted: Mapping[tuple[str, str], str],
) -> str | None:
    if generation is None:
        return "never published"
    if generation.code_version != version:
        return f"code or settings changed ({generation.code_version} -> {version})"
    used = {(one.dataset, one.partition): one.content for one in recorded.get(generation.id, ())}
    for name in sorted(wanted.keys() | used.keys()):
        shown = "/".join(name)
        if name not in used:
            return f"{shown} is new"
        if name not in wanted:
            return f"{shown} is gone"
        if used[name] != wanted[name]:
            return f"{shown} has other content"
    return None


def _stale_input(
    reads: Mapping[str, object],
    wanted: Mapping[tuple[str, str], str],
    market: Market,
    found: Mapping[tuple[str, str], str],
) -> str | None:
    layers = {dataset(market.name, read): read for read in reads}
    for name, partition in wanted:
        if (layers.get(name, ""), partition) in found:
            return f"{name}/{partition} is stale"
    return None
