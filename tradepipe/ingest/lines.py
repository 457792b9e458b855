"""Files as numbered lines of text, and lines as fields. A line stands by itself.

A general CSV reader joins lines when a quote is not closed, drops or pads ragged ones, and counts
rows, not lines. Here each line is split on its own, so one broken line costs one row, and every row
can be found in the file by its line number. The price: a quoted field may not hold a line break.
"""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.ingest.landing import LandingFile

# One field with the comma before it: quoted with "" for a quote inside, or without any quote.
_FIELD = r',(?:\s*"(?:[^"]|"")*"\s*|[^",]*)'
_WELL_QUOTED = f"^(?:{_FIELD})+$"


@dataclass(frozen=True)
class FileFault:
    """Why a file as a whole cannot be read."""

    file: LandingFile
    reason: str
    detail: str


def read_lines(files: Sequence[LandingFile]) -> tuple[pl.DataFrame, list[FileFault]]:
    """The lines of `files` that are not blank, and the files that cannot be read as text.

    Returns:
        A frame file, file_sha256, stem, line (the first line of the file is 1, blank lines count),
        text (stripped), in file and line order; and the faults: `file_empty`, `file_truncated`
        (a .gz that ends early), `not_text` (no UTF-8), `changed_while_reading`, `unreadable`.
    """
    texts, faults = [], []
    for file in files:
        read = _text(file)
        if isinstance(read, FileFault):
            faults.append(read)
        else:
            texts.append((file.name, file.sha256, file.stem, read))
    schema = {"file": pl.String, "file_sha256": pl.String, "stem": pl.String, "text": pl.String}
    lines = (
        pl.DataFrame(texts, schema=schema, orient="row")
        .with_columns(pl.col("text").str.split("\n"))
        .with_columns(line=pl.int_ranges(1, pl.col("text").list.len() + 1, dtype=pl.Int64))
        .explode("text", "line")
        .with_columns(pl.col("text").str.strip_chars())
        .filter(pl.col("text") != "")
        .select("file", "file_sha256", "stem", "line", "text")
    )
    return lines, faults


def split_fields(text: pl.Series) -> pl.Series:
    """Each line's fields, stripped and unquoted, as a list of text.

    A line whose quotes do not pair is split at every comma with its quotes kept as they are: then
    either the number of fields or a field's content gives it away.
    """
    quoted = text.str.contains('"', literal=True)
    if not quoted.any():
        return _stripped(text.str.split(","))
    lines = pl.DataFrame({"text": text}).with_row_index("row")
    prefixed = "," + pl.col("text")
    well = pl.col("text").str.contains('"', literal=True) & prefixed.str.contains(_WELL_QUOTED)
    by_quotes = lines.filter(well).select(
        "row",
        fields=prefixed.str.extract_all(_FIELD).list.eval(
            pl.element().str.slice(1).str.strip_chars().str.replace(r'(?s)^"(.*)"$', "$1").str.replace_all('""', '"')
        ),
    )
    plain = lines.filter(~well).select("row", fields=pl.col("text").str.split(","))
    return _stripped(pl.concat([plain, by_quotes]).sort("row").get_column("fields"))


def _stripped(fields: pl.Series) -> pl.Series:
    return fields.list.eval(pl.element().str.strip_chars())


def _text(file: LandingFile) -> str | FileFault:
    try:
        content = file.path.read_bytes()
    except OSError as error:
        return FileFault(file, "unreadable", f"the file cannot be read: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return FileFault(file, "changed_while_reading", "the file's bytes are not those that were scanned; run again")
    if file.name.endswith(".gz") and content:
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return FileFault(file, "file_truncated", f"not a whole gzip file: {error}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return FileFault(file, "not_text", f"byte {error.start} is no UTF-8: {error.reason}")
    if not text.strip():
        return FileFault(file, "file_empty", "the file holds no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")
