"""CSV deliveries: every row becomes a raw bar or goes to quarantine with a reason code.

Reason codes of rows, the first that applies: `ragged_row` (too few or too many fields),
`header_repeated`, `symbol_missing`, `unknown_symbol` (not in the universe), `value_missing` (time,
price or volume is empty, null or NaN), `time_unreadable`, `outside_market_dates`, `not_a_session`
(daily), `not_on_grid` (intraday: no bar opens then), `number_unreadable` (also infinite).
Of files, on line 0: those of `tradepipe.ingest.lines`, `column_missing`, `column_repeated`, `no_rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import QUARANTINE, RAW_BARS, UTC
from tradepipe.ingest.landing import LandingFile
from tradepipe.ingest.lines import FileFault, read_lines, split_fields
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

PARTITION = "partition"
LAYER = "raw_bars"
NUMBERS = ("open", "high", "low", "close", "volume")

# Rows judged together: their fields as text take ten times the room of the bars they become.
_ROWS_AT_ONCE = 100_000
_MISSING = ("", "null", "nan", "none", "n/a", "na", "-")


class SourceError(ValueError):
    """The market's `source` settings cannot describe any file."""


@dataclass(frozen=True)
class Parsed:
    """What files said. `rows`: the RAW_BARS columns and `partition`. `refused`: the QUARANTINE columns.

    Every line that is neither blank nor its file's header is in exactly one of the two, by file and
    line; a file that cannot be read at all is one refused row with line 0. Both are sorted by key.
    """

    rows: pl.DataFrame
    refused: pl.DataFrame


def read_file(file: LandingFile, source: FileSource, market: Market) -> Parsed:
    """Read one file: see `read_files`."""
    return read_files([file], source, market)


def read_files(files: Sequence[LandingFile], source: FileSource, market: Market) -> Parsed:
    """Read CSV files as text, cast what can be cast, and refuse the rest with a reason.

    A daily row's date, as written, is its session. An intraday row's time is its open time, in UTC
    unless the format has a UTC offset; it must be the open of a bar on the calendar's grid.
    `known_at` is the bar's close plus the market's publication delay.

    Raises:
        SourceError: a time format without a date, or without an hour for intraday bars.
        UniverseError, CalendarError: the market's universe or calendar cannot be read.
    """
    _check_format(source, market)
    lines, faults = read_lines(files)
    first = pl.col("line") == pl.col("line").min().over("file")
    headers = lines.filter(first).select("file", header="text")
    body = lines.filter(~first).join(headers, on="file", maintain_order="left")
    by_name = {file.name: file for file in files}
    bare = headers.join(body, on="file", how="anti").get_column("file")
    faults += [FileFault(by_name[name], "no_rows", "there is a header and no row below it") for name in bare]
    kept, refused = [_no_rows()], [QUARANTINE.empty()]
    for rows in body.partition_by("header", maintain_order=True):
        header = _header(rows.item(0, "header"))
        fault = _header_fault(header, source)
        if fault is not None:
            names = rows.get_column("file").unique(maintain_order=True)
            faults += [FileFault(by_name[name], *fault) for name in names]
            continue
        for part in rows.iter_slices(_ROWS_AT_ONCE):
            judged = _judge(part, header, source, market)
            good = pl.col("reason").is_null()
            kept.append(judged.filter(good).select(*RAW_BARS.column_names, PARTITION))
            refused.append(_quarantined(judged.filter(~good)))
    return Parsed(
        rows=pl.concat(kept).sort(RAW_BARS.key),
        refused=QUARANTINE.arrange(pl.concat([*refused, _faults(faults)])),
    )


def _no_rows() -> pl.DataFrame:
    return RAW_BARS.empty().with_columns(pl.lit(None, pl.String).alias(PARTITION))


def _check_format(source: FileSource, market: Market) -> None:
    needed = ("%H", "%I", "%T", "%R", "%s", "%X", "%c", "%+") if market.settings.interval != "1d" else ("%",)
    if not any(code in source.time_format for code in needed):
        raise SourceError(
            f"market {market.name}: key source.time_format: {source.time_format!r} cannot give the time of a "
            f"{market.settings.interval} bar; expected a strftime format such as "
            f"{'%Y-%m-%d' if market.settings.interval == '1d' else '%Y-%m-%dT%H:%M:%SZ'}"
        )


def _header(text: str) -> list[str]:
    return list(split_fields(pl.Series([text])).item(0))


def _header_fault(header: list[str], source: FileSource) -> tuple[str, str] | None:
    """Reason and detail if a file with this header cannot be read."""
    needed = [source.time_column, *source.columns.values()]
    needed += [source.symbol_column] if source.symbol_column else []
    if missing := [name for name in needed if name not in header]:
        return "column_missing", f"no column {', '.join(missing)}; the header has {', '.join(header)}"
    if repeated := [name for name in needed if header.count(name) > 1]:
        return "column_repeated", f"more than one column {', '.join(repeated)}"
    return None


def _judge(lines: pl.DataFrame, header: list[str], source: FileSource, market: Market) -> pl.DataFrame:
    """All rows below one header, typed, with `partition`, `reason` (null: none) and `detail`."""
    typed = _typed(lines, header, source, market)
    placed = typed.hstack(_places(typed, market))
    start, end = market.dates
    listed = pl.col("symbol").is_in(market.universe.symbols).fill_null(value=False)
    numbers = {name: pl.col(f"{name}_text") for name in NUMBERS}
    missing = {name: _is_missing(text) for name, text in numbers.items()}
    unread = {name: ~pl.col(name).is_finite().fill_null(value=False) for name in NUMBERS}
    off_calendar = "not_a_session" if market.settings.interval == "1d" else "not_on_grid"
    time = pl.format("{}: {}", pl.lit(source.time_column), "time_text")
    faults = [
        (pl.col("count") != len(header), "ragged_row", pl.format("{} fields, the header has {}", "count", len(header))),
        (pl.col("fields") == pl.lit(header), "header_repeated", pl.lit("the header again")),
        # NA and NAN are tickers too: what the universe lists is not missing.
        (~listed & _is_missing(pl.col("symbol")), "symbol_missing", pl.lit("no symbol")),
        (~listed, "unknown_symbol", _not_in(market)),
        (_is_missing(pl.col("time_text")), "value_missing", pl.lit(f"{source.time_column} is empty")),
        (pl.col("day").is_null(), "time_unreadable", time + f", expected {source.time_format}"),
        (~pl.col("day").is_between(start, end), "outside_market_dates", time + f", the market has {start} to {end}"),
        (pl.col("session").is_null(), off_calendar, time + f", calendar {market.settings.calendar}"),
        (pl.any_horizontal(*missing.values()), "value_missing", _listed(numbers, missing)),
        (pl.any_horizontal(*unread.values()), "number_unreadable", _listed(numbers, unread)),
    ]
    found = pl.coalesce(
        *[pl.when(broken).then(pl.struct(reason=pl.lit(code), detail=detail)) for broken, code, detail in faults],
        pl.lit(None, pl.Struct({"reason": pl.String, "detail": pl.String})),
    )
    return placed.with_columns(found.alias("found")).unnest("found").with_columns(header=pl.lit(header))


def _typed(lines: pl.DataFrame, header: list[str], source: FileSource, market: Market) -> pl.DataFrame:
    """The fields that are needed, as text and as what they mean; null where that fails."""

    def field(name: str) -> pl.Expr:
        return pl.col("fields").list.get(header.index(name), null_on_oob=True)

    texts = {f"{name}_text": field(source.columns[name]) for name in NUMBERS}  # type: ignore[index]
    symbol = field(source.symbol_column) if source.symbol_column else pl.col("stem")
    frame = lines.with_columns(split_fields(lines.get_column("text")).alias("fields")).with_columns(
        pl.col("fields").list.len().alias("count"), symbol.alias("symbol"), field(source.time_column).alias("time_text")
    )
    return frame.with_columns(**texts).with_columns(
        *[pl.col(f"{name}_text").cast(pl.Float64, strict=False).alias(name) for name in NUMBERS],
        _read_time(pl.col("time_text"), source, market.settings.interval).alias("time"),
        interval=pl.lit(market.settings.interval),
        adjusted_close=pl.lit(None, pl.Float64),
        delivered_at=pl.lit(None, UTC),
    )


def _read_time(text: pl.Expr, source: FileSource, interval: str) -> pl.Expr:
    """Date for daily bars, as written and whatever its offset; UTC time for intraday bars."""
    if interval == "1d":
        return text.str.to_date(source.time_format, strict=False)
    time = text.str.to_datetime(source.time_format, time_unit="us", strict=False)
    return time if "%z" in source.time_format else time.dt.replace_time_zone("UTC")


def _places(typed: pl.DataFrame, market: Market) -> pl.DataFrame:
    """day, session, open_time, known_at and partition, row by row; null where there is none."""
    start, end = market.dates
    time, interval = typed.get_column("time"), market.settings.interval
    bounds = market.calendar.bounds(start, end).select("session", "open_time", "close_time")
    if interval == "1d":
        here = (
            time.alias("day")
            .to_frame()
            .join(bounds.with_columns(day=pl.col("session")), on="day", how="left", maintain_order="left")
        )
    else:
        here = pl.DataFrame({"day": time.dt.date(), "open_time": time}).hstack(
            market.calendar.bars_at(time, start, end, interval)
        )
    keys = bounds.select(market.partitions.key_expr()).to_series().unique().implode()
    # A row that is no bar still belongs to the partition of its date, where there is such a partition.
    key = market.partitions.key_expr("place")
    return (
        here.with_columns(place=pl.coalesce("session", "day"))
        .with_columns(key.alias(PARTITION))
        .select(
            "day",
            "session",
            pl.col("open_time").cast(UTC),
            known_at=(pl.col("close_time") + market.settings.publication_delay).cast(UTC),
            partition=pl.when(pl.col("place").is_between(start, end) & pl.col(PARTITION).is_in(keys)).then(PARTITION),
        )
    )


def _is_missing(text: pl.Expr) -> pl.Expr:
    return text.is_null() | text.str.to_lowercase().is_in(_MISSING)


def _not_in(market: Market) -> pl.Expr:
    return pl.format("{} is not in universe {}", "symbol", pl.lit(market.universe.name))


def _listed(texts: dict[str, pl.Expr], chosen: dict[str, pl.Expr]) -> pl.Expr:
    """The chosen ones as `open: '', close: 'x'`."""
    parts = [pl.when(chosen[name]).then(pl.format("{}: '{}'", pl.lit(name), text)) for name, text in texts.items()]
    return pl.concat_str(parts, separator=", ", ignore_nulls=True)


def _quarantined(rows: pl.DataFrame) -> pl.DataFrame:
    """QUARANTINE rows; `row` is a JSON object by header, or of the line's text where the fields do not fit it."""
    if rows.is_empty():
        return QUARANTINE.empty()
    header = rows.item(0, "header").to_list()
    names = [name if name and header.index(name) == n else f"{name}#{n + 1}" for n, name in enumerate(header)]
    fits = pl.col("reason") != "ragged_row"
    whole = pl.struct(line="text").struct.json_encode()
    return rows.with_columns(
        layer=pl.lit(LAYER),
        row=pl.when(fits).then(pl.col("fields").list.to_struct(fields=names).struct.json_encode()).otherwise(whole),
    ).select(QUARANTINE.column_names)


def _faults(faults: list[FileFault]) -> pl.DataFrame:
    rows = [(fault.file.name, fault.reason, fault.detail, fault.file.size) for fault in faults]
    schema = {"file": pl.String, "reason": pl.String, "detail": pl.String, "bytes": pl.Int64}
    nothing = pl.lit(None, pl.String)
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(
            layer=pl.lit(LAYER),
            partition=nothing,
            line=pl.lit(0, pl.Int64),
            symbol=nothing,
            row=pl.struct("bytes").struct.json_encode(),
        )
        .select(QUARANTINE.column_names)
    )
