"""Contracts of the bar layers: what a source said, and what we accept as true of it."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

QUALITY_CODES = ("ok", "zero_volume", "stale", "twin", "volume_unit", "spike", "wrong_unit", "non_positive")
"""From least to most serious; a bar with several findings carries the most serious."""

_SYMBOL = Column("symbol", pl.String, "symbol within the market's universe")
_INTERVAL = Column("interval", pl.String, "length of the bar", allowed=("1m", "5m", "15m", "1h", "4h", "1d"))
_SESSION = Column("session", pl.Date, "trading session, the market's local date (UTC date for 24/7 markets)")
_OPEN_TIME = Column("open_time", UTC, "start of the bar, inclusive", unit="UTC")
_CLOSE_TIME = Column("close_time", UTC, "end of the bar, exclusive; the bar is usable only after it", unit="UTC")
_KNOWN_AT = Column("known_at", UTC, "when the system could first have known the row", unit="UTC")

RAW_BARS = Contract(
    name="raw_bars",
    version="2",
    description="Exactly what the source said, and when we could have known it. Values are not judged here.",
    # The bytes of a file may be replaced: its line 2 then said two things, known at two moments.
    key=("symbol", "open_time", "file", "line", "known_at", "file_sha256"),
    columns=(
        _SYMBOL,
        _INTERVAL,
        _SESSION,
        _OPEN_TIME,
        Column("open", pl.Float64, "open as delivered", unit="price currency"),
        Column("high", pl.Float64, "high as delivered", unit="price currency"),
        Column("low", pl.Float64, "low as delivered", unit="price currency"),
        Column("close", pl.Float64, "close as delivered, unadjusted", unit="price currency"),
        Column("volume", pl.Float64, "volume as delivered", unit="shares or base units"),
        Column(
            "adjusted_close",
            pl.Float64,
            "the vendor's adjusted close, where it gives one; never used as truth",
            unit="price currency",
            nullable=True,
        ),
        Column(
            "delivered_at",
            UTC,
            "when the row was delivered; null where only its bar's own time is known",
            unit="UTC",
            nullable=True,
        ),
        _KNOWN_AT,
        Column("file", pl.String, "landing file, relative to the landing folder"),
        Column("line", pl.Int64, "line in the file, the header being line 1", minimum=1),
        Column("file_sha256", pl.String, "sha256 of the landing file, hexadecimal"),
    ),
)

# Comparisons one by one: three times as fast as the horizontal minimum.
_ABOVE_ZERO = (pl.col("low") > 0) & (pl.col("open") > 0) & (pl.col("close") > 0) & (pl.col("high") > 0)

BARS = Contract(
    name="bars",
    version="2",
    description="One true bar per symbol and open time, on the market's calendar. Bad rows are in quarantine.",
    key=("symbol", "open_time"),
    columns=(
        _SYMBOL,
        _INTERVAL,
        _SESSION,
        _OPEN_TIME,
        _CLOSE_TIME,
        Column("open", pl.Float64, "first price", unit="price currency"),
        Column("high", pl.Float64, "highest price", unit="price currency"),
        Column("low", pl.Float64, "lowest price", unit="price currency"),
        Column("close", pl.Float64, "last price, unadjusted", unit="price currency"),
        Column("volume", pl.Float64, "traded volume", unit="shares or base units", minimum=0),
        Column("quality", pl.String, "what is odd about a bar that is kept all the same", allowed=QUALITY_CODES),
        _KNOWN_AT,
    ),
    rules=(
        Rule(
            "price_not_positive",
            _ABOVE_ZERO | (pl.col("quality") == "non_positive"),
            "prices are above zero, or the instrument may trade at or below it",
        ),
        Rule("high_below_low", pl.col("high") >= pl.col("low"), "high is not below low"),
        Rule(
            "high_below_open_or_close",
            (pl.col("high") >= pl.col("open")) & (pl.col("high") >= pl.col("close")),
            "high is not below open or close",
        ),
        Rule(
            "low_above_open_or_close",
            (pl.col("low") <= pl.col("open")) & (pl.col("low") <= pl.col("close")),
            "low is not above open or close",
        ),
        Rule("bar_not_in_time", pl.col("close_time") > pl.col("open_time"), "the bar ends after it starts"),
        Rule("known_before_close", pl.col("known_at") >= pl.col("close_time"), "no bar is known before it closed"),
    ),
)

BARS_HISTORY = Contract(
    name="bars_history",
    version="1",
    description="Bars that were once true and were restated since: what as-of reads put back.",
    key=("symbol", "open_time", "known_at"),
    columns=(*BARS.columns, Column("superseded_at", UTC, "when the next version was known", unit="UTC")),
    rules=(
        *BARS.rules,
        Rule("superseded_before_known", pl.col("superseded_at") >= pl.col("known_at"), "known, then superseded"),
    ),
)
