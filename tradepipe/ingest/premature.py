"""Rows of bars that had not closed when their file arrived: a mistyped future date, or a bar under way."""

from collections.abc import Sequence

import polars as pl

from tradepipe.contracts import RAW_BARS
from tradepipe.ingest.judging import LAYER, REFUSED
from tradepipe.ingest.landing import LandingFile
from tradepipe.markets import Market

NOT_CLOSED = "bar_not_closed"


def part_premature(
    rows: pl.DataFrame, files: Sequence[LandingFile], market: Market
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part raw bars (RAW_BARS columns and `partition`) into those that had closed on arrival, and the others.

    The others have the REFUSED columns, reason `bar_not_closed`. A file whose arrival is not known is
    taken at its word.
    """
    arrivals = {file.name: file.arrived_at for file in files if file.arrived_at is not None}
    delay = market.settings.publication_delay
    nothing = pl.DataFrame(schema={**RAW_BARS.polars_schema, "partition": pl.String}).clear()
    newest = rows.get_column("known_at").max()
    if not arrivals or newest is None or newest - delay <= min(arrivals.values()):  # type: ignore[operator]
        return rows, _refused(nothing, nothing.select(arrived="known_at").to_series())
    arrived = rows.get_column("file").replace_strict(
        arrivals, default=None, return_dtype=RAW_BARS.polars_schema["known_at"]
    )
    # What was delivered after its bar could be known says nothing of the close, and needs not.
    tells = pl.col("delivered_at").is_null() | (pl.col("known_at") > pl.col("delivered_at"))
    early = rows.select((tells & (pl.col("known_at") - delay > arrived)).fill_null(value=False)).to_series()
    return rows.filter(~early), _refused(rows.filter(early), arrived.filter(early))


def _refused(rows: pl.DataFrame, arrived: pl.Series) -> pl.DataFrame:
    told = pl.struct(RAW_BARS.column_names).struct.json_encode()
    return (
        rows.with_columns(arrived.alias("arrived"))
        .with_columns(
            layer=pl.lit(LAYER),
            reason=pl.lit(NOT_CLOSED),
            detail=pl.format("the bar that opens {} had not closed when the file arrived, {}", "open_time", "arrived"),
            row=told,
        )
        .select(REFUSED)
    )
