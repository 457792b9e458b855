"""Times as files write them: text of a format, numbers since 1970, or a typed column; with a zone or without."""

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.ingest.columns import has_time
from tradepipe.markets import Market
from tradepipe.settings.sources import DeliverySettings, FileSource

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}
"""Microseconds in one unit of a time that is a number since 1970-01-01 UTC."""

_LAST_EPOCH = 253_402_300_800_000_000  # year 10000, microseconds


class SourceError(ValueError):
    """The market's `source` settings cannot describe any file."""


def check_format(source: FileSource, market: Market) -> None:
    """Refuse a time format that can never give the time of the market's bars.

    Raises:
        SourceError: naming the key, and a format that can.
    """
    daily = market.settings.interval == "1d"
    fits = "%" in source.time_format or source.time_format in EPOCHS
    if not fits or not (daily or has_time(source.time_format)):
        raise SourceError(
            f"market {market.name}: key source.time_format: {source.time_format!r} cannot give the time of a "
            f"{market.settings.interval} bar; expected a strftime format such as "
            f"{'%Y-%m-%d' if daily else '%Y-%m-%dT%H:%M:%SZ'}, epoch_s or epoch_ms"
        )


def bar_time(dtype: pl.DataType, source: FileSource, market: Market) -> pl.Expr:
    """Column `time` of type `dtype` as what it says; null where it cannot be read.

    Daily bars: the date as written, whatever its offset; of a number since 1970, the date in
    `source.time_zone`. Intraday bars: the UTC open time; a time without a zone is in `source.time_zone`,
    and null where that zone's clocks skip it or show it twice.
    """
    zone = market.timezone if source.time_zone == "market" else source.time_zone
    return _read(pl.col("time"), dtype, source.time_format, zone, daily=market.settings.interval == "1d")


def delivery_column(dtype: pl.DataType, settings: DeliverySettings, market: Market) -> pl.Expr:
    """Column `delivered` of type `dtype` as UTC time; a date alone at `settings.time` in the market's zone."""
    column, zone = pl.col("delivered"), market.timezone
    if dtype == pl.Date or (dtype == pl.String and not has_time(settings.format)):
        date = _read(column, dtype, settings.format, zone, daily=True)
        return _in_zone(date.dt.combine(settings.time, "us"), zone)
    return _read(column, dtype, settings.format, zone, daily=False)


def _read(value: pl.Expr, dtype: pl.DataType, time_format: str, zone: str, *, daily: bool) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        time = value.cast(pl.Datetime("us", dtype.time_zone))
        if daily:
            return time.dt.date()
        return _in_zone(time, zone) if dtype.time_zone is None else time.dt.convert_time_zone("UTC")
    if dtype == pl.Date:
        return value if daily else pl.lit(None, UTC)
    if time_format in EPOCHS:
        time = _since_1970(value, dtype, EPOCHS[time_format])
        return time.dt.convert_time_zone(zone).dt.date() if daily else time
    if dtype != pl.String:
        return pl.lit(None, pl.Date if daily else UTC)
    return _parsed(value, time_format, zone, daily=daily)


def _parsed(text: pl.Expr, time_format: str, zone: str, *, daily: bool) -> pl.Expr:
    with_offset = "%z" in time_format
    # Vendors write Z for +00:00, and leave the offset out where they do not know it.
    clear = text.str.replace("[zZ]$", "+00:00") if with_offset else text
    plain = time_format.replace("%z", "").rstrip()
    if daily:
        date = clear.str.to_date(time_format, strict=False, cache=False)
        return pl.coalesce(date, text.str.to_date(plain, strict=False)) if with_offset else date
    time = clear.str.to_datetime(time_format, time_unit="us", strict=False)
    if not with_offset:
        # %s, seconds since 1970, is UTC by itself.
        return time.dt.replace_time_zone("UTC") if "%s" in time_format else _in_zone(time, zone)
    return pl.coalesce(time, _in_zone(text.str.to_datetime(plain, time_unit="us", strict=False), zone))


def _since_1970(value: pl.Expr, dtype: pl.DataType, unit: int) -> pl.Expr:
    number = value.cast(pl.Int64, strict=False)
    if not dtype.is_integer():  # 1.5e12 is a number too, half a microsecond is not
        real = value.cast(pl.Float64, strict=False)
        number = pl.when(real == real.floor()).then(real).cast(pl.Int64, strict=False)
    sane = number.is_between(-_LAST_EPOCH // unit, _LAST_EPOCH // unit)
    return (pl.when(sane).then(number) * unit).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _in_zone(time: pl.Expr, zone: str) -> pl.Expr:
    if zone == "UTC":
        return time.dt.replace_time_zone("UTC")
    return time.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
