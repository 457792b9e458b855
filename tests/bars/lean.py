"""LEAN's sample of US equities: unadjusted daily bars by ticker, map files and factor files."""

import datetime as dt
import io
import zipfile
from functools import cache

import polars as pl

from tests.bars.making import DATA
from tradepipe.contracts import BARS, CORPORATE_ACTIONS
from tradepipe.markets import actions_from_lean_factors, actions_from_lean_map, calendar_for, ticker_history

LEAN = DATA / "equities" / "lean_usa"
PRICES = ("open", "high", "low", "close")


def daily(ticker):
    """BARS of one file, under its ticker in capitals: whatever securities used it."""
    with zipfile.ZipFile(LEAN / "daily" / f"{ticker}.zip") as archive:
        text = archive.read(archive.namelist()[0])
    rows = pl.read_csv(io.BytesIO(text), has_header=False, new_columns=["time", *PRICES, "volume"])
    session = pl.col("time").str.slice(0, 8).str.to_date("%Y%m%d")
    bounds = calendar_for("XNYS").bounds(dt.date(1998, 1, 1), dt.date(2021, 3, 31))
    return BARS.arrange(
        rows.with_columns(
            symbol=pl.lit(ticker.upper()),
            interval=pl.lit("1d"),
            session=session,
            quality=pl.lit("ok"),
            volume=pl.col("volume").cast(pl.Float64),
            **{name: pl.col(name) / 10_000 for name in PRICES},
        )
        .join(bounds, on="session")
        .with_columns(known_at=pl.col("close_time") + dt.timedelta(minutes=30))
    )


@cache
def all_bars():
    return pl.concat([daily(path.stem) for path in sorted((LEAN / "daily").glob("*.zip"))])


def text(folder, security):
    return (LEAN / folder / f"{security}.csv").read_text()


@cache
def tickers():
    """Security, as LEAN names its files -> its tickers over time."""
    return {path.stem: ticker_history(path.read_text()) for path in sorted((LEAN / "map_files").glob("*.csv"))}


@cache
def all_facts():
    """Every fact of the sample whose security has a map file (gbsn and nwsa have none)."""
    xnys = calendar_for("XNYS")
    facts = [actions_from_lean_map(text("map_files", security), xnys, f"map {security}") for security in tickers()]
    facts += [
        actions_from_lean_factors(path.read_text(), tickers()[path.stem], xnys, f"factor {path.stem}")
        for path in sorted((LEAN / "factor_files").glob("*.csv"))
        if path.stem in tickers()
    ]
    return CORPORATE_ACTIONS.arrange(pl.concat(facts))


def factors(security):
    """date (the last to which they apply), price, split, reference: the factor file as it is."""
    rows = [line.split(",") for line in text("factor_files", security).split()]
    return pl.DataFrame(
        {
            "date": [dt.date(int(row[0][:4]), int(row[0][4:6]), int(row[0][6:])) for row in rows],
            "price": [float(row[1]) for row in rows],
            "split": [float(row[2]) for row in rows],
        }
    )


def own_bars(security):
    """The raw bars of a security: by its own ticker on each date, from the map file."""
    found = [
        all_bars().filter(pl.col("session").is_between(spell.first, spell.last), symbol=spell.ticker)
        for spell in tickers()[security]
    ]
    return pl.concat(found).sort("session")
