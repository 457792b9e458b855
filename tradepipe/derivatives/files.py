"""From landed files of derivatives to rows of their contracts; what fails is kept with a reason.

Two shapes are read: ours (see `tradepipe.ingest.sources.venue.pages`: numbers as text, times in epoch
milliseconds) and the Feather files of freqtrade (`BTC_USDT_USDT-8h-funding_rate.feather`: the rate in
`open`; the symbol and the interval from the name).

Reason codes, the first that applies: `unreadable_file` (also without the columns; line 0),
`symbol_missing`, `unknown_symbol`, `time_unreadable`, `number_unreadable`, `outside_market_dates`, the
contract's own, and `superseded` (a later file says it again).
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from tradepipe.contracts import QUARANTINE, UTC
from tradepipe.contracts.derivatives import BOOKS, FUNDING, MARK_PRICES, OPEN_INTEREST
from tradepipe.contracts.model import REASON, Contract
from tradepipe.markets import Market

PARTITION = "partition"
LENGTHS = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "8h": 480, "1d": 1440}
"""Minutes of an interval."""

_FIRST_DAY = re.compile(r"(\d{8})T\d{6}-")
_LAST_SENSIBLE = 7_258_118_400_000  # the year 2200 in epoch milliseconds
_WHOLE = 2.0**53  # beyond it a floating-point number does not tell its neighbours apart
_PRICES = ("open", "high", "low", "close")
_RAW = "raw"


@dataclass(frozen=True)
class Landed:
    """One landed file; `name` is its POSIX path below the landing folder."""

    name: str
    path: Path


@dataclass(frozen=True)
class Parsed:
    """`rows`: the contract's columns and `partition`. `refused`: the QUARANTINE columns. Each row is in one of them."""

    rows: pl.DataFrame
    refused: pl.DataFrame


@dataclass(frozen=True)
class Shape:
    """What a layer's files hold: the time's column, numbers, texts; and freqtrade's names where they differ."""

    layer: str
    contract: Contract
    time: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    feather: tuple[tuple[str, str], ...] = ()

    @property
    def ours(self) -> tuple[str, ...]:
        return ("symbol", self.time, *self.numbers, *self.texts)


SHAPES = {
    shape.layer: shape
    for shape in (
        Shape("funding", FUNDING, "funding_time", ("rate",), feather=(("date", "funding_time"), ("open", "rate"))),
        Shape("mark_prices", MARK_PRICES, "open_time", _PRICES, feather=(("date", "open_time"),)),
        Shape("open_interest", OPEN_INTEREST, "taken_at", ("open_interest",)),
        Shape("books", BOOKS, "taken_at", ("level", "price", "quantity"), ("sequence", "side")),
    )
}


def read_files(layer: str, files: Sequence[Landed], market: Market) -> Parsed:
    """Read landed files of `layer` (a key of SHAPES), each row cast or refused.

    Of two rows with one key the later file's stands, files being in the order given; the other is
    refused as `superseded`, unless it says the same.
    """
    shape = SHAPES[layer]
    parts = [_texts(file, place, shape) for place, file in enumerate(files)]
    judged = pl.concat([_no_texts(shape), *(part for part in parts if part is not None)]).with_columns(
        _session(shape).alias("session"), _reason(shape, market).alias(REASON)
    )
    good = _typed(judged.filter(pl.col(REASON).is_null()).drop(REASON), shape, market)
    kept, broken = shape.contract.split(good)
    kept = kept.sort("place", "line", maintain_order=True)
    stands = pl.struct(shape.contract.key).is_last_distinct()
    rows, older = kept.filter(stands), kept.filter(~stands)
    said = [name for name in shape.contract.column_names if name not in ("file", "known_at")]
    restated = older.join(rows, on=said, how="anti", nulls_equal=True).with_columns(pl.lit("superseded").alias(REASON))
    bad = [judged.filter(pl.col(REASON).is_not_null()), broken, restated]
    refused = [_refused(part, layer, market) for part in bad]
    refused.append(_unreadable([file for file, part in zip(files, parts, strict=True) if part is None], layer, market))
    placed = rows.select(*shape.contract.column_names, market.partitions.key_expr().alias(PARTITION))
    return Parsed(placed.sort(shape.contract.key), QUARANTINE.arrange(pl.concat(refused)))


def _texts(file: Landed, place: int, shape: Shape) -> pl.DataFrame | None:
    """The file's rows as text, with `place`, `file`, `line` (from 1) and `raw`; None if it cannot be read."""
    try:
        if file.path.suffix == ".feather":
            frame = _from_freqtrade(pl.read_ipc(file.path), file, shape)
        else:
            frame = pl.read_parquet(file.path, glob=False).with_columns(pl.lit(None, pl.String).alias("interval"))
        found = frame.select(pl.col(*shape.ours, "interval").cast(pl.String))
    except (pl.exceptions.PolarsError, OSError):
        return None
    return found.with_columns(
        pl.struct(shape.ours).struct.json_encode().alias(_RAW),
        pl.lit(file.name).alias("file"),
        pl.lit(place, pl.Int64).alias("place"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
    )


def _from_freqtrade(frame: pl.DataFrame, file: Landed, shape: Shape) -> pl.DataFrame:
    symbol, _, rest = PurePosixPath(file.name).stem.partition("-")
    theirs = {new: old for old, new in shape.feather}
    return frame.select(
        pl.lit(symbol).alias("symbol"),
        pl.lit(rest.partition("-")[0]).alias("interval"),
        pl.col("date").dt.epoch("ms").alias(shape.time),
        *[pl.col(theirs.get(name, name)).alias(name) for name in shape.numbers],
    )


def _no_texts(shape: Shape) -> pl.DataFrame:
    texts = dict.fromkeys((*shape.ours, "interval", _RAW, "file"), pl.String)
    return pl.DataFrame(schema=texts | {"place": pl.Int64, "line": pl.Int64})


def _moment(shape: Shape) -> pl.Expr:
    """The row's time; null where the text is no number of milliseconds of these two centuries."""
    number = pl.col(shape.time).cast(pl.Int64, strict=False)
    sensible = pl.when(number.is_between(0, _LAST_SENSIBLE)).then(number)
    return pl.from_epoch(sensible, time_unit="ms").dt.replace_time_zone("UTC").cast(UTC)


def _scheduled(shape: Shape) -> pl.Expr:
    return _moment(shape).dt.round("1h") if shape.layer == "funding" else _moment(shape)


def _session(shape: Shape) -> pl.Expr:
    return _scheduled(shape).dt.date()


def _reason(shape: Shape, market: Market) -> pl.Expr:
    told = market.settings
    symbol, session = pl.col("symbol"), _session(shape)
    numbers = [_is_number(shape, name) for name in shape.numbers]
    return pl.coalesce(
        pl.when(symbol.is_null()).then(pl.lit("symbol_missing")),
        pl.when(~symbol.is_in(list(market.universe.symbols))).then(pl.lit("unknown_symbol")),
        pl.when(session.is_null()).then(pl.lit("time_unreadable")),
        pl.when(~pl.all_horizontal(numbers)).then(pl.lit("number_unreadable")),
        pl.when(~session.is_between(told.start, told.end or dt.date.max)).then(pl.lit("outside_market_dates")),
    )


def _is_number(shape: Shape, name: str) -> pl.Expr:
    """Whether the text is a number that its column can hold as it is said: a level is a whole one."""
    number = pl.col(name).cast(pl.Float64, strict=False)
    fits = number.is_finite()
    if shape.contract.polars_schema[name].is_integer():
        fits &= (number == number.floor()) & (number.abs() < _WHOLE)
    return fits.fill_null(value=False)


def _typed(texts: pl.DataFrame, shape: Shape, market: Market) -> pl.DataFrame:
    """Rows with the contract's columns, and what tells where they came from."""
    moment, interval = _moment(shape), pl.col("interval").fill_null(market.settings.interval)
    minutes = interval.replace_strict(LENGTHS, default=None, return_dtype=pl.Int64)
    own: dict[str, tuple[pl.Expr, dict[str, pl.Expr]]] = {
        "funding": (
            pl.max_horizontal(moment, _scheduled(shape)),
            {"paid_at": moment, "scheduled_at": _scheduled(shape)},
        ),
        "mark_prices": (
            moment + pl.duration(minutes=minutes),
            {"interval": interval, "open_time": moment, "close_time": moment + pl.duration(minutes=minutes)},
        ),
        "open_interest": (moment, {"taken_at": moment}),
        "books": (moment, {"taken_at": moment}),
    }
    complete, columns = own[shape.layer]
    typed = texts.with_columns(
        *[pl.col(name).cast(pl.Float64) for name in shape.numbers],
        known_at=complete + market.settings.publication_delay,
        **columns,
    )
    columns_of = [pl.col(name).cast(dtype) for name, dtype in shape.contract.polars_schema.items()]
    return typed.select(*columns_of, "place", "line", _RAW)


def _refused(part: pl.DataFrame, layer: str, market: Market) -> pl.DataFrame:
    """Rows as quarantine keeps them. One whose time says no partition is in that of its file."""
    homes = {name: home(name, market) for name in part["file"].unique()}
    by_file = pl.col("file").replace_strict(homes, default=None, return_dtype=pl.String)
    inside = pl.col("session").is_between(market.settings.start, market.settings.end or dt.date.max)
    return part.select(
        pl.lit(layer).alias("layer"),
        pl.when(inside).then(market.partitions.key_expr()).otherwise(by_file).alias(PARTITION),
        "file",
        "line",
        "symbol",
        REASON,
        pl.lit(None, pl.String).alias("detail"),
        pl.col(_RAW).alias("row"),
    )


def _unreadable(files: Sequence[Landed], layer: str, market: Market) -> pl.DataFrame:
    rows = [(layer, home(file.name, market), file.name, 0, None, "unreadable_file", None, "{}") for file in files]
    return pl.DataFrame(rows, schema=QUARANTINE.polars_schema, orient="row")


def home(name: str, market: Market) -> str:
    """The partition of a file as a whole: that of the first day in its name, else the market's first."""
    found, told = _FIRST_DAY.search(name), market.settings
    day = dt.datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=dt.UTC).date() if found else told.start
    return market.partitions.key_of(min(max(day, told.start), told.end or day))
