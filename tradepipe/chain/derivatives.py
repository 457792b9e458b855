"""The layers beside the chain of a market of perpetual futures: what it fetches besides bars, as partitions.

They are read from landing files alone. A market has those that its `fetch.data` names.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradepipe.chain.arrivals import Arrival
from tradepipe.chain.derivative_files import derivative_files, files_by_partition
from tradepipe.chain.layers import LANDING_LAYER, dataset, fingerprint
from tradepipe.chain.run import PARTITION, PartitionReport, Reports
from tradepipe.chain.staleness import Stale, difference
from tradepipe.chain.steps import Step, next_steps
from tradepipe.contracts import BOOKS, FUNDING, MARK_PRICES, OPEN_INTEREST, QUARANTINE, Contract
from tradepipe.markets import Market
from tradepipe.observability.meter import READ, WRITE, Meter
from tradepipe.store import Catalogue, Input, PartitionStore


@dataclass(frozen=True)
class Derivative:
    """One of the layers: its name, the kind of data it is fetched as, and what it promises."""

    name: str
    data: str
    contract: Contract
    description: str
    version: str = "1"

    def code_version(self, market: Market) -> str:
        """Version of code, contract and settings: another one makes every partition stale."""
        told = market.settings
        symbols = [instrument.symbol for instrument in market.universe.instruments]
        parts = (self.contract.version, told.interval, str(told.publication_delay), str(told.start), str(told.end))
        return f"{self.version}-{fingerprint((*parts, symbols))}"


DERIVATIVES = {
    one.name: one
    for one in (
        Derivative("funding", "funding", FUNDING, "Funding payments, with the venue's time and the scheduled hour."),
        Derivative("mark_prices", "mark", MARK_PRICES, "Bars of the mark price, as the venue gave them."),
        Derivative("open_interest", "open_interest", OPEN_INTEREST, "Contracts open, counted at regular moments."),
        Derivative("books", "book", BOOKS, "Snapshots of order books, a row a level."),
    )
}


def derivatives_of(market: Market) -> list[Derivative]:
    """Those that `market` fetches."""
    return [one for one in DERIVATIVES.values() if one.data in market.settings.fetch.data]


def publish_derivative(  # noqa: PLR0913, PLR0917 - as for a layer
    store: PartitionStore, market: Market, name: str, folder: Path, keys: Sequence[str], run_id: str | None = None
) -> Reports:
    """Read the landing files of layer `name` that can hold rows of `keys`, and publish those partitions.

    Each partition's inputs are the files that can hold rows of it by their names, by sha256: so a file
    that turns out to say nothing new is known to be worked in. Refused rows are in quarantine.

    Raises:
        ContractError: when two rows have one key, which reading does not let through.
    """
    from tradepipe.derivatives import Landed, read_files  # noqa: PLC0415 - only where a market has them

    layer, meter = DERIVATIVES[name], Meter()
    by_key = files_by_partition(derivative_files(folder, layer.data, market), market, keys)
    found = sorted({file for some in by_key.values() for file in some}, key=lambda file: file.name)
    with meter.phase(READ):
        digests = {file: file.sha256() for file in found}
        parsed = read_files(name, [Landed(file.name, file.path) for file in found], market)
    meter.rows[READ] += parsed.rows.height
    frames = {key: parsed.rows.filter(pl.col(PARTITION) == key).drop(PARTITION) for key in keys}
    refused = {key: QUARANTINE.arrange(parsed.refused.filter(pl.col(PARTITION) == key)) for key in keys}
    landing = dataset(market.name, LANDING_LAYER)
    with meter.phase(WRITE):
        published = store.publish(
            dataset(market.name, name),
            frames,
            layer.contract,
            code_version=layer.code_version(market),
            inputs={key: [Input(landing, file.name, digests[file]) for file in by_key.get(key, ())] for key in keys},
            run_id=run_id,
            refused=refused,
        )
    meter.rows[WRITE] += sum(frame.height for frame in frames.values())
    reports = [
        PartitionReport(
            partition=key,
            rows=frames[key].height,
            refused=refused[key].height,
            changed=published[key].changed,
            content=published[key].generation.content,
            generation=published[key].generation.id,
            sha256=published[key].generation.sha256,
        )
        for key in keys
    ]
    return Reports(reports, meter.measured())


def stale_derivatives(catalogue: Catalogue, market: Market, folder: Path, keys: Sequence[str]) -> list[Stale]:
    """Partitions of `market`'s derivatives among `keys` that are not what the landing files would give now.

    A partition without files that was never published is not stale, nor is one that retention evicted.
    """
    layers = derivatives_of(market)
    current = catalogue.current_of([dataset(market.name, layer.name) for layer in layers]) if layers else {}
    evicted = {(one.dataset, one.partition) for one in catalogue.evicted()} if layers else set()
    found = []
    for layer in layers:
        name = dataset(market.name, layer.name)
        generations, version = current[name], layer.code_version(market)
        files = files_by_partition(derivative_files(folder, layer.data, market), market, keys)
        recorded = catalogue.inputs([generations[key].id for key in keys if key in generations])
        for key in keys:
            if (name, key) in evicted or not (key in files or key in generations):
                continue
            wanted = {(dataset(market.name, LANDING_LAYER), one.name): one.sha256() for one in files.get(key, ())}
            reason = difference(generations.get(key), version, recorded, wanted)
            found += [Stale(layer.name, key, reason)] if reason else []
    return found


def next_derivative(
    catalogue: Catalogue, market: Market, folder: Path, now: dt.datetime, *, limit: int
) -> Arrival | None:
    """The next step towards derivatives that follow the landing folder; None when they do.

    Its digest names the files and the generations that stand now, as `next_arrival`'s does.

    Args:
        catalogue: what is published.
        market: whose files they are.
        folder: the landing folder.
        now: aware; partitions up to its date are looked at.
        limit: partitions of a step at most.
    """
    keys = market.partitions.keys(market.settings.start, market.newest_date(now))
    stale = stale_derivatives(catalogue, market, folder, keys)
    steps = next_steps(stale, keys, list(DERIVATIVES))
    if not steps:
        return None
    first = keys.index(steps[0].first)
    last = keys[min(keys.index(steps[0].last), first + limit - 1)]
    step = Step(steps[0].layers, steps[0].first, last)
    told = [market.name]
    for name in step.layers:
        stands = catalogue.current(dataset(market.name, name))
        files = files_by_partition(derivative_files(folder, DERIVATIVES[name].data, market), market, keys)
        for one in stale:
            if one.layer == name and step.first <= one.partition <= step.last:
                before = stands[one.partition].id if one.partition in stands else "-"
                told.append(f"{name} {one.partition} {one.reason} {before}")
                told += [f"{file.name} {file.sha256()}" for file in files.get(one.partition, ())]
    return Arrival(step, hashlib.sha256("\n".join(told).encode()).hexdigest()[:16])
