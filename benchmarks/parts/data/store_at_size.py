"""The store at size: one symbol of many, a session replaced while it is read, hourly bars, bytes on the disk.

`measure` gives target id -> {measured, target, unit, peer, better}; it may also be run by itself:
`python -m benchmarks.parts.data.store_at_size [--quick]`.
"""

import argparse
import datetime as dt
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from benchmarks.store import GRACE, bars
from tradepipe.contracts import BARS
from tradepipe.store import PartitionStore, StoreError, writing
from tradepipe.store.catalogue import insert_generations
from tradepipe.store.compaction import compact, plan
from tradepipe.store.model import Generation
from tradepipe.store.tables import current_generations

DATASET = "crypto/bars"
MINUTE = dt.timedelta(minutes=1)
FIRST = dt.datetime(2023, 2, 1, tzinfo=dt.UTC)
DAYS = 28
AFTER = dt.timedelta(days=2)

Figure = dict[str, Any]


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure all figures below a temporary folder, which is removed."""
    symbols, months, reads = (60, 3, 40) if quick else (400, 24, 200)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with PartitionStore.open(home / "store", _url(home), GRACE) as store:
            frame = _one_month(store, symbols)
            _as_many_months(store, months)
            found = {**_one_symbol(store, symbols, reads), **_hourly(store, reads), **_cold_size(store, frame)}
        shutil.rmtree(home / "store")
        found |= _replacing(home / "replaced", symbols, 1_000 if quick else 10_000)
    return found


def _url(home: Path) -> str:
    return f"sqlite:///{home / 'catalogue.sqlite'}"


def _session(symbols: int, day: dt.datetime, seed: int) -> pl.DataFrame:
    opens = pl.datetime_range(day, day + dt.timedelta(days=1), MINUTE, closed="left", eager=True)
    # Ticks and lots, as venues have them: digits of noise would fill the disk.
    prices = pl.col("open", "high", "low", "close").round(1)
    return bars(symbols, opens, "1m", MINUTE, seed).with_columns(prices, (pl.col("volume") / 100).round() * 100)


def _one_month(store: PartitionStore, symbols: int) -> pl.DataFrame:
    """Publish February session by session and compact it; the first session."""
    days = [FIRST + dt.timedelta(days=number) for number in range(DAYS)]
    for number, day in enumerate(days):
        store.publish(DATASET, {str(day.date()): _session(symbols, day, number)}, BARS, code_version="1", inputs={})
    now = FIRST + dt.timedelta(days=60)
    cpu = time.process_time()
    compact(store, plan(store, now, AFTER), clock=lambda: dt.datetime.now(dt.UTC))
    rows = symbols * 1_440 * DAYS
    print(
        f"{sum({one.path: one.size for one in store.catalogue.current(DATASET).values()}.values()) / rows:.1f} B a row"
    )
    print(f"compacted {rows:,} rows at {rows / (time.process_time() - cpu) / 1e6:.2f} Mrow per CPU-s, proof included")
    store.sweep(dt.datetime.now(dt.UTC) + 2 * GRACE)
    return store.read(DATASET, [str(FIRST.date())])


def _as_many_months(store: PartitionStore, months: int) -> None:
    """Copy February's file for each of the following months, and register its sessions in the catalogue."""
    february = list(store.catalogue.current(DATASET).values())
    source = store.root / february[0].path
    rows: list[dict[str, Any]] = []
    for month in range(1, months):
        key = f"{2023 + (month + 1) // 12}-{1 + (month + 1) % 12:02d}"
        path = f"{DATASET}/{key}-copied.parquet"
        shutil.copy(source, store.root / path)
        for day, one in enumerate(february, start=1):
            rows.append(_row(one, f"{key}-{day:02d}", path))
    with writing(store.catalogue.engine) as connection:
        ids = insert_generations(connection, rows) if rows else []
        pointers = [
            {"dataset": DATASET, "partition": row["partition"], "generation_id": number}
            for row, number in zip(rows, ids, strict=True)
        ]
        if pointers:
            connection.execute(sa.insert(current_generations), pointers)


def _row(one: Generation, partition: str, path: str) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "id"} | {"partition": partition, "path": path}


def _one_symbol(store: PartitionStore, symbols: int, reads: int) -> dict[str, Figure]:
    """One symbol's last whole month, its path resolved by the catalogue; the peer scans a glob of the files."""
    last = max(store.catalogue.current(DATASET))[:7]
    keys = [f"{last}-{day:02d}" for day in range(1, DAYS + 1)]
    pattern = str(store.root / DATASET / "*.parquet")
    files = sorted((store.root / DATASET).glob("*.parquet"))

    def ours(symbol: str) -> pl.DataFrame:
        return store.read(DATASET, keys, symbols=[symbol])

    def glob(symbol: str) -> pl.DataFrame:
        # The copies hold February's times: the last file's rows are the last month's.
        return pl.scan_parquet(pattern).filter(pl.col("symbol") == symbol).tail(DAYS * 1_440).collect()

    expected = glob("S0001").drop("_slice")
    if not ours("S0001").equals(expected):
        raise SystemExit("the catalogue's read and the glob's differ")
    found: dict[str, Figure] = {}
    for name, target, drop in (("warm", 10.0, False), ("cold", 50.0, True)):
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(reads if not drop else max(reads // 4, 10)):
            for spent, read in zip(times, (ours, glob), strict=True):
                if drop:
                    _forget(files)
                start = time.perf_counter()
                read(f"S{turn % symbols:04d}")
                spent.append((time.perf_counter() - start) * 1e3)
        mine, theirs = (statistics.median(one[3:]) for one in times)
        found[f"store_symbol_month_{name}"] = _figure(mine, target, "ms p50", theirs)
    return found


def _forget(files: Sequence[Path]) -> None:
    """Drop the files from the page cache; they were written long ago."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _hourly(store: PartitionStore, reads: int) -> dict[str, Figure]:
    """Minutes to hours over 15 days of two symbols, read included; the peer aggregates the file alone."""
    keys = [f"2023-02-{day:02d}" for day in range(1, 16)]
    symbols = ["S0007", "S0008"]
    path = store.root / store.catalogue.current(DATASET)[keys[0]].path

    def hours(frame: pl.LazyFrame) -> pl.DataFrame:
        return (
            frame.group_by_dynamic("open_time", every="1h", group_by="symbol")
            .agg(
                pl.col("open").first(),
                pl.col("high").max(),
                pl.col("low").min(),
                pl.col("close").last(),
                pl.col("volume").sum(),
            )
            .collect()
        )

    def ours() -> pl.DataFrame:
        columns = ["symbol", "open_time", "open", "high", "low", "close", "volume"]
        return hours(store.read(DATASET, keys, columns=columns, symbols=symbols).sort("symbol", "open_time").lazy())

    def bare() -> pl.DataFrame:
        chosen = pl.scan_parquet(path).filter(pl.col("symbol").is_in(symbols) & (pl.col("_slice") < len(keys)))
        return hours(chosen)

    if not ours().equals(bare()):
        raise SystemExit("hourly bars differ")
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(reads):
        for spent, read in zip(times, (ours, bare), strict=True):
            start = time.perf_counter()
            read()
            spent.append((time.perf_counter() - start) * 1e3)
    mine, theirs = (sorted(one)[int(0.95 * len(one))] for one in times)
    return {"store_hourly_30_symbol_days": _figure(mine, 50.0, "ms p95", theirs)}


def _cold_size(store: PartitionStore, session: pl.DataFrame) -> dict[str, Figure]:
    """How much smaller a row is in a compacted file, as it goes to the cold tier, than as CSV; peer: the hot file."""
    csv, hot = store.root / "session.csv", store.root / "session.parquet"
    session.write_csv(csv)
    session.write_parquet(hot, compression="zstd", compression_level=3)
    one = store.catalogue.current(DATASET)[str(FIRST.date())]
    bytes_a_row = one.size / (one.rows * DAYS)
    of_csv, of_hot = (path.stat().st_size / session.height for path in (csv, hot))
    return {"store_cold_smaller_than_csv": _figure(of_csv / bytes_a_row, 3.0, "times", of_csv / of_hot, "higher")}


def _replacing(home: Path, symbols: int, reads: int) -> dict[str, Figure]:
    """Replace one session, CPU of this process, while another process reads; the peer writes the bare file."""
    home.mkdir()
    key = str(FIRST.date())
    versions = [_session(symbols, FIRST, seed) for seed in (1, 2)]
    mine: list[float] = []
    walls: list[float] = []
    theirs: list[float] = []
    with PartitionStore.open(home / "store", _url(home), GRACE) as store:
        store.publish(DATASET, {key: versions[0]}, BARS, code_version="1", inputs={})
        context = multiprocessing.get_context("spawn")
        done, failed = context.Value("q", 0), context.Value("q", 0)
        reader = context.Process(target=_read, args=(home, key, reads, done, failed), daemon=True)
        reader.start()
        turn = 0
        while reader.is_alive() or turn < 4:
            turn += 1
            frame = versions[turn % 2]
            mine.append(_cpu(lambda frame=frame: walls.append(_wall(_replace(store, key, frame)))))
            theirs.append(_cpu(lambda frame=frame, turn=turn: frame.write_parquet(home / f"{turn % 2}.parquet")))
            store.sweep(dt.datetime.now(dt.UTC))
            time.sleep(0.2)
        reader.join()
    print(
        f"replaced a session {turn} times in {statistics.median(walls):.2f} s wall, "
        f"{done.value:,} reads meanwhile, {failed.value} failed"
    )
    if reader.exitcode != 0 or done.value < reads:
        raise SystemExit(f"the reader ended with {reader.exitcode} after {done.value} reads")
    return {
        "store_replace_session": _figure(statistics.median(mine[1:]), 0.5, "CPU-s", statistics.median(theirs[1:])),
        "store_failed_reads": _figure(float(failed.value), 0.0, f"failed of {done.value} reads", 0.0),
    }


def _replace(store: PartitionStore, key: str, frame: pl.DataFrame) -> Callable[[], object]:
    return lambda: store.publish(DATASET, {key: frame}, BARS, code_version="1", inputs={})


def _wall(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _cpu(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def _read(home: Path, key: str, times: int, done: Any, failed: Any) -> None:
    """Read one symbol's session again and again; each must be whole."""
    with PartitionStore.open(home / "store", _url(home), GRACE) as store:
        for turn in range(times):
            try:
                whole = store.read(DATASET, [key], symbols=[f"S{turn % 40:04d}"]).height == 1_440
            except (StoreError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
                print(f"read {turn} failed: {error}")
                whole = False
            failed.value += not whole
            done.value += 1


def _figure(measured: float, target: float, unit: str, peer: float, better: str = "lower") -> Figure:
    return {
        "measured": round(measured, 3),
        "target": target,
        "unit": unit,
        "peer": round(peer, 3),
        "better": better,
    }


def main() -> None:
    """Measure, and print a line of JSON."""
    parser = argparse.ArgumentParser(description="The store at size.")
    parser.add_argument("--quick", action="store_true", help="fewer symbols, months and reads")
    print(json.dumps(measure(quick=parser.parse_args().quick)))


if __name__ == "__main__":
    main()
