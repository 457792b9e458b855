"""Export: one Parquet file a symbol and session, in the layout `<folder>/<symbol>/<YYYYMMDD>.parquet`."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import polars as pl

from tradepipe.store.errors import StoreError
from tradepipe.store.files import SUFFIX, SYMBOL, TEMPORARY

if TYPE_CHECKING:
    from tradepipe.store.store import PartitionStore

SESSION = "session"


def export(
    store: "PartitionStore",
    dataset: str,
    folder: Path,
    *,
    partitions: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> list[Path]:
    """Write the current rows of `dataset`, partition by partition; the files written, sorted.

    A symbol's characters that no file name should have are percent-encoded: BTC/USDT becomes
    BTC%2FUSDT. Files of earlier exports are replaced, each at once; rows keep the contract's order.

    Raises:
        DatasetNotFound: when nothing of the dataset was ever published.
        StoreError: when its rows have no symbol or no session.
    """
    written: list[Path] = []
    names = store.read(dataset, []).columns
    if not {SYMBOL, SESSION} <= set(names):
        raise StoreError(
            f"{dataset}: rows have no {SYMBOL} and {SESSION}, which name the files. Remedy: export a dataset of bars."
        )
    current = store.catalogue.current(dataset, partitions)
    for partition in current:
        rows = store.read(dataset, [partition], symbols=symbols)
        for (symbol, session), part in rows.partition_by(SYMBOL, SESSION, as_dict=True, maintain_order=True).items():
            written.append(_write(folder / _folder_name(str(symbol)), session, part))
    return sorted(written)


def read_export(folder: Path) -> pl.DataFrame:
    """All rows of an exported folder, by symbol and session.

    Raises:
        FileNotFoundError: when it holds no such files.
    """
    found = [(unquote(path.parent.name), path.stem, path) for path in folder.glob(f"*/*{SUFFIX}")]
    if not found:
        raise FileNotFoundError(f"{folder} holds no <symbol>/<YYYYMMDD>{SUFFIX}")
    return pl.read_parquet([path for *_, path in sorted(found)], glob=False)


def _folder_name(symbol: str) -> str:
    name = quote(symbol, safe="^=@+ ")
    return name.replace(".", "%2E") if set(name) == {"."} else name


def _write(folder: Path, session: object, rows: pl.DataFrame) -> Path:
    if not isinstance(session, dt.date):
        raise StoreError(f"{folder.name}: a row has no session. Remedy: export a dataset of bars.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session:%Y%m%d}{SUFFIX}"
    temporary = path.with_name(path.name + TEMPORARY)
    rows.write_parquet(temporary, compression="zstd", compression_level=3)
    temporary.replace(path)
    return path
