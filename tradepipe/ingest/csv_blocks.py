"""CSV the fast way: whole blocks through polars' reader, for the lines that it can read without doubt.

A line is in no doubt if it has as many commas as the header and no quote; such a line is one row, so
lines and rows count alike. Of these rows the ones that are raw bars are taken as they are. Every
other line is left to `tradepipe.ingest.csv_lines`, so that there is one place that refuses, and both
ways give the same on every file.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.contracts import UTC
from tradepipe.ingest.columns import ADJUSTED, NUMBERS, roles
from tradepipe.ingest.csv_lines import CsvText
from tradepipe.ingest.judging import typed
from tradepipe.ingest.ordering import bars_in_order
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

_AT_ONCE = 1 << 20  # bytes
_COMMA, _NEWLINE, _QUOTE = b',\n"'


@dataclass(frozen=True)
class _Lines:
    """Where the lines of a text lie, and which of them are in no doubt."""

    text: CsvText
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    clear: NDArray[np.bool_]

    @classmethod
    def of(cls, text: CsvText, columns: int) -> "_Lines":
        data = np.frombuffer(text.content, np.uint8)[text.body :]
        breaks, clear = [], []
        at = 0
        while at < len(data):
            # Whole lines of about a megabyte: what is made on the way stays in the processor's cache.
            found = text.content.find(b"\n", text.body + at + _AT_ONCE)
            end = len(data) if found < 0 else found + 1 - text.body
            here, fine = _lines_of(data[at:end], columns)
            breaks.append(here + at)
            clear.append(fine)
            at = end
        ends = np.concatenate(breaks)
        return cls(text, np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]), ends, np.concatenate(clear))

    def block(self) -> bytes:
        """The lines in no doubt, each with its line break."""
        data = np.frombuffer(self.text.content, np.uint8)[self.text.body :]
        if data[-1] != _NEWLINE:
            data = np.append(data, np.uint8(_NEWLINE))
        if self.clear.all():
            return data.tobytes()
        return data[np.repeat(self.clear, self.ends - self.starts + 1)].tobytes()

    def chosen(self, doubtful: NDArray[np.bool_]) -> pl.DataFrame:
        """line, text of some lines."""
        content, body = self.text.content, self.text.body
        at = np.flatnonzero(doubtful)
        bounds = zip((self.starts[at] + body).tolist(), (self.ends[at] + body).tolist(), strict=True)
        texts = [content[start:end].decode() for start, end in bounds]
        return pl.DataFrame(
            {"line": at + self.text.first_line, "text": texts}, schema={"line": pl.Int64, "text": pl.String}
        )


def read_blocks(
    texts: Sequence[CsvText], header: Sequence[str], source: FileSource, market: Market
) -> tuple[list[pl.DataFrame], list[tuple[CsvText, pl.DataFrame]]]:
    """Raw bars of the lines that are surely such, and the other lines of each text for the exact way.

    Texts below one header are read together, so that many small files cost about as much as one.
    """
    lined = [_Lines.of(text, len(header)) for text in texts]
    clear = sum(int(lines.clear.sum()) for lines in lined)
    given = _scanned(lined, header, source, market) if clear else None
    if given is None or given.height != clear:
        return [], [(text, text.all_lines()) for text in texts]
    rows = typed(given, source, market)
    if ADJUSTED in given.columns:  # nothing there, or nothing readable: the exact way knows which
        rows = rows.with_columns(pl.col("good") & pl.col(ADJUSTED).is_not_null())
    good = rows.get_column("good").to_numpy()
    rest = []
    at = 0
    for lines in lined:
        count = int(lines.clear.sum())
        doubtful = ~lines.clear
        doubtful[np.flatnonzero(lines.clear)[~good[at : at + count]]] = True
        at += count
        if doubtful.any():
            rest.append((lines.text, lines.chosen(doubtful)))
    return [bars_in_order(rows)], rest


def _scanned(lined: Sequence[_Lines], header: Sequence[str], source: FileSource, market: Market) -> pl.DataFrame | None:
    """The lines in no doubt as `tradepipe.ingest.judging.typed` wants them; None where polars refuses them."""
    where = {role: header.index(name) for role, name in roles(source).items()}
    numbers = {where[name] for name in (*NUMBERS, ADJUSTED) if name in where}
    if numbers & {where[name] for name in ("symbol", "time", "delivered") if name in where}:
        return None  # a column that is read both as a number and as text
    symbols = _Symbols.of(source, market)
    for symbol_type in (symbols.listed, pl.String()):
        types = {
            f"column_{n + 1}": pl.Float64()
            if n in numbers
            else (symbol_type if n == where.get("symbol") != where["time"] else pl.String())
            for n in range(len(header))
        }
        try:
            frame = _read_csv(lined, types, sorted(set(where.values())))
        except pl.exceptions.PolarsError:
            continue  # a symbol that is not listed; or else, below, the exact way will tell
        return _given(lined, frame, where, symbols)
    return None


def _read_csv(lined: Sequence[_Lines], types: Mapping[str, pl.DataType], wanted: list[int]) -> pl.DataFrame:
    whole = len(lined) == 1 and lined[0].clear.all() and lined[0].text.first_line <= 2
    content = lined[0].text.content if whole else b"".join(lines.block() for lines in lined)
    return pl.read_csv(
        io.BytesIO(content),
        has_header=False,
        skip_lines=lined[0].text.first_line - 1 if whole else 0,
        schema=types,
        columns=[f"column_{n + 1}" for n in wanted],
        quote_char=None,
        ignore_errors=True,
        empty_string_is_null=False,
    )


def _given(lined: Sequence[_Lines], frame: pl.DataFrame, where: dict[str, int], symbols: "_Symbols") -> pl.DataFrame:
    counts = [int(lines.clear.sum()) for lines in lined]
    lines = np.concatenate([np.flatnonzero(one.clear) + one.text.first_line for one in lined])
    columns = {role: frame.get_column(f"column_{n + 1}") for role, n in where.items()}
    symbol = columns.pop("symbol", None)
    files = [one.text for one in lined]
    said: dict[str, list[Any]] = {
        "file": [text.file.name for text in files],
        "file_sha256": [text.file.sha256 for text in files],
        "symbol": [text.named.symbol for text in files],
        "delivered_at": [text.named.delivered_at for text in files],
    }
    if symbol is not None:
        del said["symbol"]
    if "delivered" in columns or not any(said["delivered_at"]):
        del said["delivered_at"]
    types = {"delivered_at": UTC}
    if len(files) == 1:
        constants = [pl.lit(values[0], types.get(name, pl.String())).alias(name) for name, values in said.items()]
    else:
        codes = pl.Series(np.repeat(np.arange(len(files), dtype=np.uint32), counts))
        constants = [
            pl.lit(pl.Series(name, values, types.get(name, pl.String())).gather(codes)) for name, values in said.items()
        ]
    result = pl.DataFrame({"line": lines, **columns}).with_columns(*constants)
    own = symbol if symbol is not None else result.get_column("symbol")
    return result.with_columns(symbols.ours(own).alias("symbol"))


@dataclass(frozen=True)
class _Symbols:
    """The source's words for the symbols of the universe, and ours for them."""

    words: dict[str, str]

    @classmethod
    def of(cls, source: FileSource, market: Market) -> "_Symbols":
        ours = {symbol: symbol for symbol in market.universe.symbols if symbol not in source.symbols}
        return cls(ours | source.symbols)

    @property
    def listed(self) -> pl.Enum:
        return pl.Enum(list(self.words))

    def ours(self, words: pl.Series) -> pl.Series:
        """Our symbols, null for words that are none."""
        codes = words if words.dtype == self.listed else words.cast(self.listed, strict=False)
        return pl.Series("symbol", list(self.words.values()), pl.String).gather(codes.to_physical())


def _lines_of(data: NDArray[np.uint8], columns: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each line ends, and whether it is in no doubt."""
    ends = np.flatnonzero(data == _NEWLINE)
    if data[-1] != _NEWLINE:
        ends = np.append(ends, len(data))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    clear = _counts(data == _COMMA, starts, ends) == columns - 1
    quotes = data == _QUOTE
    return ends, clear & (_counts(quotes, starts, ends) == 0) if quotes.any() else clear


def _counts(
    found: NDArray[np.bool_], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.unsignedinteger]:
    """How many of `found` lie in each line. Bytes are summed as bytes where none can overflow: ten times as fast."""
    wide = int((ends - starts).max()) > np.iinfo(np.uint8).max
    return np.add.reduceat(found.view(np.uint8), starts, dtype=np.uint32 if wide else np.uint8)
