"""The layers beside the chain of a market of perpetual futures: what it fetches besides bars, as partitions.

They are read from landing files alone. A market has those that its `fetch.data` names.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradepipe.chain.layers import LANDING_LAYER, dataset, fingerprint
from tradepipe.chain.run import PARTITION, PartitionReport, Reports
from tradepipe.contracts import BOOKS, FUNDING, MARK_PRICES, QUARANTINE, Contract
from tradepipe.markets import Market
from tradepipe.observability.meter import READ, WRITE, Meter
from tradepipe.store import Input, PartitionStore

_SPAN = re.compile(r"(\d{8})T\d{6}-(\d{8})T\d{6}")


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

    Each partition's inputs are the files with rows of it, by sha256. Refused rows are in quarantine.

    Raises:
        ContractError: when two rows have one key, which reading does not let through.
    """
    from tradepipe.derivatives import Landed, read_files  # noqa: PLC0415 - only where a market has them

    layer, meter = DERIVATIVES[name], Meter()
    found = _files(folder, f"{market.name}/{layer.data}", market, keys)
    with meter.phase(READ):
        parsed = read_files(name, [Landed(file, folder / file) for file in found], market)
        digests = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in found}
    meter.rows[READ] += parsed.rows.height
    frames = {key: parsed.rows.filter(pl.col(PARTITION) == key).drop(PARTITION) for key in keys}
    refused = {key: QUARANTINE.arrange(parsed.refused.filter(pl.col(PARTITION) == key)) for key in keys}
    told_by = {key: sorted({*frames[key]["file"], *refused[key]["file"]}) for key in keys}
    landing = dataset(market.name, LANDING_LAYER)
    with meter.phase(WRITE):
        published = store.publish(
            dataset(market.name, name),
            frames,
            layer.contract,
            code_version=layer.code_version(market),
            inputs={key: [Input(landing, file, digests[file]) for file in told_by[key]] for key in keys},
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


def _files(folder: Path, below: str, market: Market, keys: Sequence[str]) -> list[str]:
    """Names of the files that can hold rows of `keys`, oldest first: those whose name says a span, by it."""
    first, last = market.partitions.span(keys)
    day = dt.timedelta(days=1)  # a payment stamped before midnight may be due after it
    found = []
    for path in (folder / below).rglob("*"):
        if path.suffix in {".parquet", ".feather"}:
            span = _SPAN.match(path.name)
            days = (
                [dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date() for text in span.groups()]
                if span
                else None
            )
            if days is None or (days[0] <= last + day and days[1] >= first - day):
                # Of two files with one row the later one stands.
                found.append((path.stat().st_mtime_ns, path.relative_to(folder).as_posix()))
    return [name for _, name in sorted(found)]
