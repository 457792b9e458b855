"""CSV the exact way: line by line, with a reason for each that is no raw bar. The fast way ends here too."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.ingest.columns import Named, roles
from tradepipe.ingest.judging import Judged, bars_of, nothing_refused, refuse, typed
from tradepipe.ingest.landing import LandingFile
from tradepipe.ingest.lines import join_records, split_fields
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

# Rows judged together: their fields as text take ten times the room of the bars they become.
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class CsvText:
    """One file's text: UTF-8, lines ending in a line feed; `body` is the offset of the line below the header.

    `first_line` is the number of that line in the file.
    """

    file: LandingFile
    named: Named
    content: bytes
    body: int
    first_line: int

    def all_lines(self) -> pl.DataFrame:
        """line, text of every line below the header, blank ones too."""
        text = pl.Series("text", [self.content[self.body :].decode()]).str.split("\n").explode()
        numbers = pl.int_range(self.first_line, self.first_line + len(text), dtype=pl.Int64, eager=True)
        return pl.DataFrame({"line": numbers, "text": text})

    def described(self, lines: pl.DataFrame) -> pl.DataFrame:
        """`lines` with what the file itself says: file, file_sha256, symbol, delivered_at."""
        return lines.with_columns(
            pl.lit(self.file.name).alias("file"),
            pl.lit(self.file.sha256).alias("file_sha256"),
            pl.lit(self.named.symbol, pl.String).alias("symbol"),
            pl.lit(self.named.delivered_at, UTC).alias("delivered_at"),
        )


def read_exactly(
    parts: Sequence[tuple[CsvText, pl.DataFrame]], header: Sequence[str], source: FileSource, market: Market
) -> Judged:
    """Judge lines one by one.

    Args:
        parts: texts, each with lines of it (line, text; blank ones included), in their order.
        header: column names of them all.
        source: how they are read.
        market: whose bars they should be.
    """
    described = [text.described(_records(lines, len(header))) for text, lines in parts]
    kept: list[pl.DataFrame] = []
    refused: list[pl.DataFrame] = []
    if not described:
        return Judged([], [])
    for block in pl.concat(described).iter_slices(_ROWS_AT_ONCE):
        good, bad = _judge(block, header, source, market)
        kept.append(good)
        refused.append(bad)
    return Judged(kept, refused)


def _records(lines: pl.DataFrame, fields: int) -> pl.DataFrame:
    stripped = lines.with_columns(pl.col("text").str.strip_chars())
    return join_records(stripped, fields).filter(pl.col("text") != "")


def _judge(
    lines: pl.DataFrame, header: Sequence[str], source: FileSource, market: Market
) -> tuple[pl.DataFrame, pl.DataFrame]:
    fields = {
        role: pl.col("fields").list.get(list(header).index(name), null_on_oob=True)
        for role, name in roles(source).items()
    }
    symbol = fields.pop("symbol", pl.col("symbol"))
    told = ["delivered_at"] if source.delivered.by in ("arrival", "file_name") else []
    split = lines.with_columns(split_fields(lines.get_column("text")).alias("fields"))
    given = split.select(
        "file", "file_sha256", "line", "text", "fields", *told, _ours(symbol, source).alias("symbol"), **fields
    )
    rows = typed(given, source, market)
    faults = given.select(
        ragged=pl.col("fields").list.len() != len(header), repeated=pl.col("fields") == pl.lit(list(header))
    )
    good = rows.get_column("good") & ~faults.get_column("ragged") & ~faults.get_column("repeated")
    if good.all():
        return bars_of(rows), nothing_refused()
    asked = given.hstack(faults).filter(~good).with_columns(*_said(header))
    return bars_of(rows.filter(good)), refuse(asked, rows.filter(~good), source, market)


def _said(header: Sequence[str]) -> list[pl.Expr]:
    """What is wrong with a line as such, and `row`: JSON by header, or of the text where the fields do not fit it."""
    names = [name if name and header.index(name) == n else f"{name}#{n + 1}" for n, name in enumerate(header)]
    many = pl.format("{} fields, the header has {}", pl.col("fields").list.len(), len(header))
    by_name = pl.col("fields").list.to_struct(fields=names).struct.json_encode()
    whole = pl.struct(line="text").struct.json_encode()
    return [
        pl.when("ragged").then(many).alias("ragged"),
        pl.when("repeated").then(pl.lit("the header again")).alias("repeated"),
        pl.when("ragged").then(whole).otherwise(by_name).alias("row"),
    ]


def _ours(symbol: pl.Expr, source: FileSource) -> pl.Expr:
    return symbol.replace(source.symbols) if source.symbols else symbol
