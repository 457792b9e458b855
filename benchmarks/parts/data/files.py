"""From a vendor's CSV to published raw bars and bars: CPU of the whole way, and of the contracts in it.

619,040 daily rows of 505 stocks (the shared file; else the packaged index bars, repeated), read, cleaned
and published as 61 months into a store of its own, contracts on, without Dagster. Peer in the same
process: polars reads the same file and writes it as one Parquet file, without any check. Rounds take
turns; the best round of each counts, because load from elsewhere only ever adds.
"""

import contextlib
import datetime as dt
import gzip
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl

from benchmarks.common import stocks
from tradepipe.bars import clean_bars
from tradepipe.bars.windows import by_partition
from tradepipe.contracts import BARS, QUARANTINE, RAW_BARS, Contract
from tradepipe.ingest import raw_bars, scan, write_demo_files
from tradepipe.markets import Instrument, Market, Universe
from tradepipe.settings.models import MarketSettings
from tradepipe.settings.sources import FileSource
from tradepipe.store import PartitionStore, drafts

ROUNDS = 4
RATE_TARGET = 1_500_000.0
RATIO_TARGET = 2.0
SHARE_TARGET = 0.05
GRACE = dt.timedelta(hours=1)


def cpu() -> float:
    """CPU seconds of this process, its threads and the system on its behalf."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(*, quick: bool) -> dict[str, dict[str, Any]]:
    """Figures by target id, each with its peer and what it was measured on."""
    with tempfile.TemporaryDirectory() as folder:
        file, columns, said = _delivery(Path(folder), quick=quick)
        market = _market(file, columns)
        market.calendar.check()
        ours, judged, theirs, same = [], [], [], []
        for number in range(2 if quick else ROUNDS):
            theirs.append(_spent(lambda: _peer(file)))
            with _timed_contracts() as contracts:
                ours.append(_spent(lambda at=number: _publish(file, market, Path(folder) / f"store{at}")))  # type: ignore[misc]
            judged.append(sum(contracts))
            same.append(_same_rows(file, Path(folder) / "store0"))
        rows = pl.scan_csv(file, infer_schema=False).select(pl.len()).collect().item()
    best = min(ours)
    share = judged[ours.index(best)] / best
    on = f"{rows:,} rows of {said}"
    return {
        "csv_to_published_bars_rows_per_cpu_s": {
            "measured": rows / best,
            "target": RATE_TARGET,
            "unit": "rows/CPU-s",
            "peer": f"polars read_csv + write_parquet, no checks: {rows / min(theirs):,.0f}; {on}",
            "better": "higher",
        },
        "csv_to_bars_over_polars": {
            "measured": best / min(theirs),
            "target": RATIO_TARGET,
            "unit": "times",
            "peer": f"the rows read and written once: {min(theirs):.2f} CPU-s; the {_FRAMES}: {min(same):.2f} CPU-s, "
            f"which we are {best / min(same):.2f} times; {on}",
            "better": "lower",
        },
        "contracts_share": {
            "measured": share,
            "target": SHARE_TARGET,
            "unit": "of the CPU",
            "peer": f"the whole way: {best:.2f} CPU-s; {on}",
            "better": "lower",
        },
    }


_FRAMES = "file read and the frames that we publish written by polars, same partitions and compression"


def _delivery(folder: Path, *, quick: bool) -> tuple[Path, dict[str, str], str]:
    """A CSV file, its columns, and in words where it is from."""
    path = folder / "delivery.csv"
    shared = stocks.shared_file()
    if shared and not quick:
        with gzip.open(shared) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
        names = {name: name for name in ("open", "high", "low", "close", "volume")}
        return path, {"symbol": "Name", "time": "date", **names}, "the 505-stock file"
    months = [pl.read_csv(one, infer_schema=False) for one in write_demo_files(folder / "demo")]
    index = pl.concat(months)
    copies = [index.with_columns(Symbol=pl.format("{}{}", "Symbol", pl.lit(n))) for n in range(4 if quick else 62)]
    pl.concat(copies).sort("Symbol", "Date").write_csv(path)
    names = {name: name.capitalize() for name in ("open", "high", "low", "close", "volume")}
    return path, {"symbol": "Symbol", "time": "Date", **names}, f"packaged index bars under {2 * len(copies)} names"


def _market(file: Path, columns: dict[str, str]) -> Market:
    numbers = {name: column for name, column in columns.items() if name not in {"symbol", "time"}}
    settings = MarketSettings(
        name="measured",
        description="as delivered",
        currency="USD",
        calendar="XNYS",
        interval="1d",
        partition="month",
        start=dt.date(1999, 1, 1),
        end=dt.date(2018, 12, 31),
        universe="measured",
        source=FileSource(
            pattern=file.name, symbol_column=columns["symbol"], time_column=columns["time"], columns=numbers
        ),
        indicators=("returns",),
    )
    market = Market(settings)
    symbols = pl.read_csv(file, columns=[columns["symbol"]]).to_series().unique().sort()
    listed = tuple(Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01") for symbol in symbols)  # type: ignore[arg-type]
    market.__dict__["universe"] = Universe(name="measured", version="1.0.0", instruments=listed)
    return market


def _publish(file: Path, market: Market, root: Path) -> None:
    """The whole way: scan, read, publish raw bars, clean, publish bars; refused rows beside both."""
    with PartitionStore.open(root, f"sqlite:///{root}.sqlite", GRACE) as store:
        raw = raw_bars(scan(file.parent, file.name), market)
        _publish_layer(store, "measured/raw_bars", raw.rows, raw.refused, RAW_BARS)
        cleaned = clean_bars(raw.rows, market)
        _publish_layer(store, "measured/bars", cleaned.bars, cleaned.refused, BARS)


def _publish_layer(
    store: PartitionStore, name: str, rows: pl.DataFrame, refused: pl.DataFrame, contract: Contract
) -> None:
    frames = by_partition(rows)
    kept = {key: QUARANTINE.arrange(part) for key, part in by_partition(refused, keep=True).items() if key in frames}
    store.publish(name, frames, contract, code_version="1", inputs={}, refused=kept)


def _peer(file: Path) -> None:
    pl.read_csv(file).write_parquet(file.with_suffix(".parquet"), compression="zstd", compression_level=1)


def _same_rows(file: Path, root: Path) -> float:
    """CPU that polars alone needs to read the file, and to write every frame that we published of it."""
    spent = _spent(lambda: pl.read_csv(file))
    for path in sorted(root.glob("*/*/*.parquet")):
        frame, to = pl.read_parquet(path), file.with_suffix(".same")
        spent += _spent(lambda frame=frame, to=to: frame.write_parquet(to, compression="zstd", compression_level=1))  # type: ignore[misc]
    return spent


@contextlib.contextmanager
def _timed_contracts() -> Iterator[list[float]]:
    """CPU seconds of each call that judges rows by a contract, before publication and in cleaning."""
    spent: list[float] = []

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            before = cpu()
            try:
                return work(*given, **named)
            finally:
                spent.append(cpu() - before)

        return run

    with (
        mock.patch.object(drafts, "validate_parts", timed(drafts.validate_parts)),
        mock.patch.object(drafts, "out_of_order", timed(drafts.out_of_order)),
        mock.patch.object(Contract, "split", timed(Contract.split)),
    ):
        yield spent


def _spent(work: Callable[[], object]) -> float:
    before = cpu()
    work()
    return cpu() - before
