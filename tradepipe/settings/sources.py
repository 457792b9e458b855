"""The shape of a market's sources: what brings files to the landing folder, and how they are read."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from tradepipe.settings.sections import Duration, Name, Section

BarField = Literal["open", "high", "low", "close", "volume", "adjusted_close"]
NEEDED = frozenset({"open", "high", "low", "close", "volume"})


class DeliverySettings(Section):
    """When a file was delivered: what decides which of two rows of one bar is the later word, and what was known when.

    `bar_close` is for history that stands for itself: each row counts as known when its bar closed.
    """

    by: Literal["bar_close", "arrival", "file_name", "column"] = Field(
        "bar_close", description="where the time of delivery is from; arrival: when tradepipe first saw the file"
    )
    pattern: str | None = Field(None, description="by file_name: regular expression, its one group is the date")
    column: str | None = Field(None, description="by column: the column with the date or time of delivery")
    format: str = Field("%Y%m%d", description="strftime format of the date or time of delivery")
    time: dt.time = Field(dt.time(0), description="time of day of a date alone, in the market's time zone")

    @model_validator(mode="after")
    def _told(self) -> "DeliverySettings":
        if self.by == "column" and self.column is None:
            raise ValueError("by column: column must name it")
        if self.by == "file_name":
            if self.pattern is None:
                raise ValueError("by file_name: pattern must say where the date is")
            if re.compile(self.pattern).groups != 1:
                raise ValueError("pattern must have exactly one group: the date")
        return self


class FileSource(Section):
    """Files in the landing folder (CSV, CSV.gz, Parquet, Feather): which, and what their columns are called."""

    kind: Literal["files"] = "files"
    pattern: str = Field(description="glob below the landing folder, e.g. us_indices/*.csv")
    symbol_column: str | None = Field(None, description="column with the symbol; default: taken from the file name")
    symbol_pattern: str | None = Field(
        None, description="regular expression on the file name, its one group is the symbol; default: the name's stem"
    )
    symbols: dict[str, str] = Field(default={}, description="the source's symbol to ours, where they differ")
    header: tuple[str, ...] = Field((), description="column names of files that have no header line")
    time_column: str = "Date"
    time_format: str = Field(
        "%Y-%m-%d", description="strftime format; a date alone means the session's bar; epoch_ms, epoch_s: a number"
    )
    time_zone: str = Field("UTC", description="IANA zone of times that say none, or `market` for the market's")
    columns: dict[BarField, str] = Field(
        default={"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"},
        description="our name to the file's name; adjusted_close may be left out",
    )
    price_scale: float = Field(1.0, gt=0, description="prices are multiplied by it, e.g. 0.0001 for integers")
    delivered: DeliverySettings = DeliverySettings()

    @model_validator(mode="after")
    def _all_columns_named(self) -> "FileSource":
        missing = NEEDED - set(self.columns)
        if missing:
            raise ValueError(f"columns must name {', '.join(sorted(missing))}")
        if self.symbol_pattern is not None and re.compile(self.symbol_pattern).groups != 1:
            raise ValueError("symbol_pattern must have exactly one group: the symbol")
        return self


class FetchSettings(Section):
    """What brings deliveries to the landing folder: nothing of ours, an S3 prefix, a venue, or a replay."""

    kind: Literal["none", "s3", "venue", "replay"] = Field("none", description="none: others deliver the files")
    url: str | None = Field(None, description="s3: s3://bucket/prefix. venue: another address of its API")
    endpoint: str | None = Field(None, description="s3: address of the S3 service; default: AWS")
    venue: Literal["binance", "binanceusdm", "okx", "bybit"] | None = Field(None, description="venue: which")
    data: tuple[Literal["bars", "funding", "mark", "open_interest", "book"], ...] = Field(
        ("bars",), description="venue: what to fetch"
    )
    symbols: dict[str, str] = Field(default={}, description="venue: our symbol to its, e.g. BTCUSDT: BTC/USDT:USDT")
    incremental: bool = Field(True, description="ask only for the missing tail; false: for all since `start`")
    page_bars: int = Field(1000, ge=1, le=1500, description="venue: bars a request")
    chunk: int = Field(50, ge=1, description="files in memory at once, one a symbol")
    workers: int = Field(8, ge=1, le=64, description="requests at once")
    requests_per_second: float | None = Field(None, gt=0, description="venue: default: what it allows")
    timeout: Duration = Field(dt.timedelta(seconds=10), description="of one request")
    attempts: int = Field(6, ge=1, le=20, description="of one request, with jittered exponential waits between")
    longest_wait: Duration = Field(dt.timedelta(seconds=60), description="between two attempts")
    batch: int = Field(50, ge=1, description="deliveries a sensor's tick takes at most")
    market: Name | None = Field(None, description="replay: the market whose stored bars are played")

    @model_validator(mode="after")
    def _told(self) -> "FetchSettings":
        needed = {"s3": "url", "venue": "venue", "replay": "market"}.get(self.kind)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"kind {self.kind} needs {needed}")
        return self


def fetched_source(market: object, fetch: Mapping[str, object], told: Mapping[str, object]) -> dict[str, object]:
    """The `source` of a market whose files a venue or a replay brings: their shape is ours, so nobody has to say it."""
    if fetch.get("kind") not in ("venue", "replay"):
        return dict(told)
    ours = {
        "pattern": f"{market}/bars/**/*.parquet",
        "symbol_column": "symbol",
        "time_column": "open_time",
        "time_format": "epoch_ms",
        "columns": {name: name for name in sorted(NEEDED)},
    }
    return ours | dict(told)
