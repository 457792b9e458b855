"""Text as numbered lines, lines as records, records as fields: the exact way, one line at a time.

A general CSV reader joins lines when a quote is not closed, drops or pads ragged ones, and counts
rows, not lines. Here each line stands by itself, so one broken line costs one row, and every row can
be found in the file by its line number. One exception: lines are joined where a quoted field was
broken over them beyond doubt, see `join_records`.
"""

import re

import polars as pl

# One field with the comma before it: quoted with "" for a quote inside, or without any quote.
_FIELD = r',(?:\s*"(?:[^"]|"")*"\s*|[^",]*)'
_WELL_QUOTED = f"^(?:{_FIELD})+$"
# The same for Python, possessive: no text makes it slow.
_ONE_FIELD = re.compile(r',(?:\s*+"(?:[^"]|"")*+"\s*+|[^",]*+)')
_RECORD = re.compile(f"(?:{_ONE_FIELD.pattern})++")

LONGEST_RECORD = 100
"""Lines that one record may span; a quote that stays open longer is a broken quote."""


def join_records(lines: pl.DataFrame, fields: int) -> pl.DataFrame:
    """`lines` with those joined that are one record: a quoted field with line breaks in it.

    A record starts at a line with an odd number of quotes and ends at the next that makes it even.
    It counts as one only if it then has `fields` well quoted fields, and no line after its first has
    as many commas as a whole row: a broken quote must never swallow a good row.

    Args:
        lines: line (number, increasing), text; blank lines included, missing numbers end a record.
        fields: how many fields the file's header has.

    Returns:
        The same columns; a joined record has its first line's number.
    """
    openers = (lines.get_column("text").str.count_matches('"', literal=True) % 2 == 1).arg_true().to_list()
    if not openers:
        return lines
    odd, numbers = set(openers), lines.get_column("line").to_list()
    texts = lines.get_column("text").to_list()
    joined: dict[int, str] = {}
    inner: set[int] = set()
    for start in openers:
        if start in inner:
            continue
        end = _closing(start, texts, numbers, odd, fields)
        if end is not None:
            text = "\n".join(texts[start : end + 1])
            if _is_record(text, fields):
                joined[start] = text
                inner.update(range(start + 1, end + 1))
    if not joined:
        return lines
    starts = pl.Series("at", list(joined), dtype=pl.UInt32)
    return (
        lines.with_row_index("at")
        .join(pl.DataFrame({"at": starts, "whole": list(joined.values())}), on="at", how="left", maintain_order="left")
        .with_columns(text=pl.coalesce("whole", "text"))
        .filter(~pl.col("at").is_in(pl.Series(sorted(inner), dtype=pl.UInt32).implode()))
        .select(lines.columns)
    )


def split_fields(text: pl.Series) -> pl.Series:
    """Each record's fields, stripped and unquoted, as a list of text.

    A record whose quotes do not pair is split at every comma with its quotes kept as they are: then
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


def _closing(start: int, texts: list[str], numbers: list[int], odd: set[int], fields: int) -> int | None:
    """The line that closes the quote open at the end of line `start`; None where there is none to trust."""
    for at in range(start + 1, min(start + LONGEST_RECORD, len(texts))):
        if numbers[at] != numbers[at - 1] + 1 or texts[at].count(",") == fields - 1:
            return None
        if at in odd:
            return at
    return None


def _is_record(text: str, fields: int) -> bool:
    prefixed = f",{text}"
    return _RECORD.fullmatch(prefixed) is not None and len(_ONE_FIELD.findall(prefixed)) == fields
