"""Which partitions are stale: decided by content and code version, never by the clock."""

from collections.abc import Collection, Mapping, Sequence
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
    landing: LandingIndex | None,
    layers: Sequence[str] = RESEARCH,
) -> list[Stale]:
    """Stale partitions among `keys`, in chain order. `landing` is needed for raw bars only.

    A partition is stale when it was never published, when its code version differs, when an input
    has other content than it was computed from, when an input appeared or vanished, or when an
    input is itself stale. Of inputs outside `keys` only the content counts: see `with_inputs`. What
    retention evicted is not stale, nor is what was computed from it: it cannot be computed again.
    """
    datasets = {name: dataset(market.name, name) for name in _closure(market, layers)}
    found_now = catalogue.current_of(list(datasets.values()))
    current = {name: found_now[datasets[name]] for name in datasets}
    layer_of = {told: name for name, told in datasets.items()}
    evicted = {(layer_of[one.dataset], one.partition) for one in catalogue.evicted() if one.dataset in layer_of}
    found: dict[tuple[str, str], str] = {}
    for name in (layer for layer in layers if LAYERS[layer].exists(market)):
        generations = {key: current[name][key] for key in keys if key in current[name]}
        recorded = catalogue.inputs([generation.id for generation in generations.values()])
        reads = LAYERS[name].input_partitions(market, keys)
        version = LAYERS[name].code_version(market)
        for key in keys:
            used = [(read, partition) for read, by_key in reads.items() for partition in by_key[key]] if evicted else []
            if (name, key) in evicted or (key in generations and not evicted.isdisjoint(used)):
                continue
            wanted = landing.contents(key) if landing and name == "raw_bars" else _contents(reads, key, current)
            reason = difference(generations.get(key), version, recorded, wanted) or _stale_input(reads, key, found)
            if reason:
                found[name, key] = reason
    return [Stale(layer, partition, reason) for (layer, partition), reason in found.items()]


def ranges(keys: Collection[str], every: Sequence[str]) -> list[tuple[str, str]]:
    """Contiguous runs of `keys` within the ordered list of `every` key, as (first, last) pairs."""
    place = {key: index for index, key in enumerate(every)}
    runs: list[tuple[str, str]] = []
    for key in sorted(keys, key=place.__getitem__):
        if runs and place[key] == place[runs[-1][1]] + 1:
            runs[-1] = (runs[-1][0], key)
        else:
            runs.append((key, key))
    return runs


def _closure(market: Market, layers: Sequence[str]) -> set[str]:
    return set(layers) | {read for name in layers for read in LAYERS[name].inputs(market)}


def _contents(
    reads: Mapping[str, Mapping[str, Sequence[str]]], key: str, current: Mapping[str, Mapping[str, Generation]]
) -> dict[tuple[str, str], str]:
    """(dataset, partition) of each input of partition `key` that there is now -> its content."""
    return {
        (generation.dataset, partition): generation.content
        for read, by_key in reads.items()
        for partition in by_key[key]
        if (generation := current[read].get(partition)) is not None
    }


def difference(
    generation: Generation | None,
    version: str,
    recorded: Mapping[int, Sequence[Input]],
    wanted: Mapping[tuple[str, str], str],
) -> str | None:
    """What tells `generation` from what would be computed now, for a person to read; None for nothing.

    `recorded` holds what generations were computed from, `wanted` is (dataset, partition) -> content of
    what the partition would be computed from.
    """
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
    reads: Mapping[str, Mapping[str, Sequence[str]]], key: str, found: Mapping[tuple[str, str], str]
) -> str | None:
    for read, by_key in reads.items():
        for partition in by_key[key]:
            if (read, partition) in found:
                return f"{read} {partition} is stale"
    return None
