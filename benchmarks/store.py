"""How long the store takes: `python -m benchmarks.store [--quick]`.

Reading the latest window of one symbol, in wall time, against polars scanning a glob of the same
files; publishing 240 monthly partitions, in CPU time of this process, against polars writing the
same frames without validation, hashing, fsync and catalogue. The two of a pair take turns, so that
load from elsewhere meets both. Ends with one line of JSON: target -> measured, target, unit, peer,
better ("lower": smaller is better).
"""

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import numpy as np
import polars as pl

from tradepipe.contracts import BARS
from tradepipe.store import PartitionStore

GRACE = dt.timedelta(hours=1)
WARM_UP = 3
LATEST_TARGET_MS = 10.0
PUBLISH_TARGET_S = 3.0
ROUNDS_OF_PUBLISHING = 3

Figure = dict[str, float | str]


def bars(symbols: int, opens: pl.Series, interval: str, length: dt.timedelta, seed: int) -> pl.DataFrame:
    """Random-walk bars of `symbols` symbols at the open times `opens`, keeping the BARS contract."""
    rng = np.random.default_rng(seed)
    rows = symbols * len(opens)
    close = np.exp(np.cumsum(rng.normal(0, 0.001, (symbols, len(opens))), axis=1)).ravel() * 100
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number:04d}" for number in range(symbols)], len(opens)),
            "open_time": pl.concat([opens] * symbols),
            "open": close * 0.9999,
            "high": close * 1.0002,
            "low": close * 0.9998,
            "close": close,
            "volume": rng.integers(1, 10_000, rows).astype(float),
        }
    )
    whole = frame.with_columns(
        interval=pl.lit(interval),
        session=pl.col("open_time").dt.date(),
        close_time=pl.col("open_time") + length,
        quality=pl.lit("ok"),
        known_at=pl.col("open_time") + length,
    )
    return BARS.arrange(whole.cast(dict(BARS.polars_schema)))


def minute_sessions(symbols: int, days: int) -> dict[str, pl.DataFrame]:
    """One partition a day of a 24/7 market."""
    minute = dt.timedelta(minutes=1)
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    found = {}
    for day in range(days):
        first = start + dt.timedelta(days=day)
        opens = pl.datetime_range(first, first + dt.timedelta(days=1), minute, closed="left", eager=True)
        found[f"{first:%Y-%m-%d}"] = bars(symbols, opens, "1m", minute, day)
    return found


def daily_months(months: int) -> dict[str, pl.DataFrame]:
    """One partition a month of two indices."""
    found = {}
    for month in range(months):
        first = dt.datetime(1999 + month // 12, 1 + month % 12, 1, 14, 30, tzinfo=dt.UTC)
        opens = pl.datetime_range(first, first + dt.timedelta(days=20), "1d", eager=True)
        found[f"{first:%Y-%m}"] = bars(2, opens, "1d", dt.timedelta(hours=6), month)
    return found


def paired(ours: Callable[[str], object], peer: Callable[[str], object], names: Iterable[str]) -> list[list[float]]:
    """Wall time in ms of both for each name, in turns, after a warm-up."""
    times: list[list[float]] = [[], []]
    for turn, name in enumerate(names):
        for spent, read in zip(times, (ours, peer), strict=True):
            start = time.perf_counter()
            read(name)
            if turn >= WARM_UP:
                spent.append((time.perf_counter() - start) * 1e3)
    return times


def latest(store: PartitionStore, dataset: str, symbols: list[str], rows: int, reads: int) -> Figure:
    """Median time of `latest`, and of the glob scan of the same files; both must give the same rows."""
    pattern = str(store.root / dataset / "*.parquet")

    def ours(symbol: str) -> pl.DataFrame:
        return store.latest(dataset, symbol, rows)

    def glob(symbol: str) -> pl.DataFrame:
        return pl.scan_parquet(pattern).filter(pl.col("symbol") == symbol).tail(rows).collect()

    if not ours(symbols[0]).equals(glob(symbols[0])):
        raise SystemExit(f"{dataset}: latest and glob scan differ")
    chosen = [symbol for _, symbol in zip(range(reads + WARM_UP), cycle(symbols), strict=False)]
    mine, theirs = paired(ours, glob, chosen)
    print(
        f"{dataset}: the latest {rows} rows of one symbol, {reads} reads: p50 {statistics.median(mine):.2f} ms, "
        f"p99 {sorted(mine)[int(0.99 * reads)]:.2f} ms; glob scan p50 {statistics.median(theirs):.2f} ms"
    )
    return {
        "measured": round(statistics.median(mine), 3),
        "target": LATEST_TARGET_MS,
        "unit": "ms p50",
        "peer": round(statistics.median(theirs), 3),
        "better": "lower",
    }


def publishing(store: PartitionStore, frames: dict[str, pl.DataFrame], scratch: Path) -> Figure:
    """CPU time of replacing all partitions, Pandera already imported, and of plain writes."""
    mine, walls, theirs = [], [], []
    scratch.mkdir()
    for turn in range(ROUNDS_OF_PUBLISHING + 1):
        changed = {key: frame.with_columns(volume=pl.col("volume") + turn) for key, frame in frames.items()}
        wall, cpu = time.perf_counter(), time.process_time()
        made = store.publish("demo/bars", changed, BARS, code_version="1", inputs={})
        mine.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
        if not all(one.changed for one in made.values()):
            raise SystemExit("demo/bars: a partition was not replaced")
        cpu = time.process_time()
        for key, frame in changed.items():
            frame.write_parquet(scratch / f"{key}-{turn}.parquet", compression="zstd", compression_level=3)
        theirs.append(time.process_time() - cpu)
    print(
        f"demo/bars: {len(frames)} partitions published in {statistics.median(mine[1:]):.2f} CPU-s, "
        f"{statistics.median(walls[1:]):.2f} s wall (the first time, with imports, {mine[0]:.2f} CPU-s); "
        f"bare files {statistics.median(theirs[1:]):.2f} CPU-s"
    )
    return {
        "measured": round(statistics.median(mine[1:]), 3),
        "target": PUBLISH_TARGET_S,
        "unit": "CPU-s",
        "peer": round(statistics.median(theirs[1:]), 3),
        "better": "lower",
    }


def main() -> None:
    """Measure, tell, and end with the line of JSON."""
    parser = argparse.ArgumentParser(description="How long the store takes.")
    parser.add_argument("--quick", action="store_true", help="fewer symbols, days and reads")
    quick = parser.parse_args().quick
    symbols, days, reads = (40, 3, 60) if quick else (400, 7, 300)
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with PartitionStore.open(home / "store", f"sqlite:///{home / 'catalogue.sqlite'}", GRACE) as store:
            months = daily_months(240)
            figures["store_publish_240_partitions"] = publishing(store, months, home / "bare")
            # Superseded files go first: the glob has to find the current ones only.
            store.sweep(dt.datetime.now(dt.UTC) + 2 * GRACE)
            figures["store_latest_daily"] = latest(store, "demo/bars", ["S0000", "S0001"], 250, reads)
            for key, frame in minute_sessions(symbols, days).items():
                store.publish("crypto/bars", {key: frame}, BARS, code_version="1", inputs={})
            names = [f"S{number:04d}" for number in range(symbols)]
            figures["store_latest_minute"] = latest(store, "crypto/bars", names, 500, reads)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
