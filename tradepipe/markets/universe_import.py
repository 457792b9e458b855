"""Universes from reference tables: membership spells, and venues' tick and lot sizes."""

import csv
import datetime as dt
import difflib
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl
import yaml

from tradepipe.markets.universe import Instrument, Spell, Universe, UniverseError, load_universe

PROPERTIES = ("market", "symbol", "type", "description", "quote_currency", "contract_multiplier",
              "minimum_price_variation", "lot_size")  # fmt: skip
CHANGED = {"date": pl.Date, "symbol": pl.String, "told": pl.String, "finding": pl.String}


def universe_from_spells(  # noqa: PLR0913 - one argument a part of the universe
    text: str,
    *,
    name: str,
    version: str,
    lot: Decimal,
    tick: Decimal,
    names: Mapping[str, str] | None = None,
) -> Universe:
    """A universe from membership spells, in CSV text: ticker, start_date, end_date.

    `end_date` is the first date no longer a member, as in fja05680/sp500's sp500_ticker_start_end.csv;
    empty, the ticker still is one.

    Args:
        text: the table; more than one spell a ticker, in any order.
        name: of the universe.
        version: semantic version of the list.
        lot: smallest quantity step of every instrument.
        tick: price step of every instrument.
        names: what a ticker's instrument is called; default: the ticker.

    Raises:
        UniverseError: naming each line that is no spell, or each ticker whose spells overlap.
    """
    spells: dict[str, list[Spell]] = {}
    faults = []
    reader = csv.DictReader(text.splitlines())
    _require(reader.fieldnames, ("ticker", "start_date", "end_date"), "a table of spells")
    for row in reader:
        try:
            end = dt.date.fromisoformat(row["end_date"]) if row["end_date"] else None
            spells.setdefault(row["ticker"].strip(), []).append(
                Spell(start=dt.date.fromisoformat(row["start_date"]), end=end)
            )
        except (TypeError, ValueError, AttributeError):
            faults.append(f"  line {reader.line_num}: {', '.join(str(value) for value in row.values())}")
    if faults:
        raise UniverseError("\n".join(["spells refused; expected ticker, start_date and end_date (or none):", *faults]))
    called = names or {}
    instruments = []
    for ticker in sorted(spells):
        member = tuple(sorted(spells[ticker], key=lambda spell: spell.start))
        try:
            instruments.append(
                Instrument(symbol=ticker, name=called.get(ticker, ticker), lot=lot, tick=tick, member=member)
            )
        except ValueError as error:
            faults.append(f"  {ticker}: {_said(error)}")
    if faults or not instruments:
        raise UniverseError("\n".join(["spells refused:", *(faults or ["  there is none"])]))
    return Universe(name=name, version=version, instruments=tuple(instruments))


def read_properties(text: str) -> pl.DataFrame:
    """LEAN's symbol-properties-database.csv as a frame of text, one row an entry; comments and blank lines left out.

    Columns as PROPERTIES, and `line`. Lines may leave out trailing fields; the further ones are not read.

    Raises:
        UniverseError: a line has fewer than eight fields.
    """
    rows, faults, header = [], [], True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = next(csv.reader([line]))
        if header:
            _require(fields, PROPERTIES, "a properties database")
            header = False
        elif len(fields) < len(PROPERTIES):
            faults.append(f"  line {number}: {line}")
        else:
            rows.append((*(field.strip() for field in fields[: len(PROPERTIES)]), number))
    if faults:
        raise UniverseError("\n".join([f"properties refused; expected {', '.join(PROPERTIES)}:", *faults]))
    return pl.DataFrame(rows, schema=dict.fromkeys(PROPERTIES, pl.String) | {"line": pl.Int64}, orient="row")


def universe_from_properties(  # noqa: PLR0913 - one argument a part of the universe
    properties: pl.DataFrame,
    *,
    name: str,
    version: str,
    venue: str,
    kind: str,
    symbols: Collection[str] | None = None,
) -> Universe:
    """A venue's instruments with its tick and lot sizes, from `read_properties`.

    The database has no dates: the sizes are those of its own day, and hold from the beginning.

    Args:
        properties: as `read_properties` gives them.
        name: of the universe.
        version: semantic version of the list.
        venue: `market` of the database, e.g. binance.
        kind: `type` of the database, e.g. crypto, cryptofuture, equity.
        symbols: only these; default: all of the venue and kind. An entry `[*]` stands for every symbol
            that has none of its own.

    Raises:
        UniverseError: there is no such venue, kind or symbol, or a size is no number above zero.
    """
    there = properties.filter(pl.col("market") == venue, pl.col("type") == kind)
    if there.is_empty():
        known = properties.select("market", "type").unique().sort("market", "type").rows()
        told = [f"{one}/{other}" for one, other in known]
        near = difflib.get_close_matches(f"{venue}/{kind}", told, n=5, cutoff=0.0)
        raise UniverseError(f"no instruments of {venue}/{kind}; nearest are {', '.join(near)}")
    listed = {row["symbol"]: row for row in there.rows(named=True)}
    anything = listed.pop("[*]", None)
    unknown = sorted(set(symbols or ()) - set(listed)) if anything is None else []
    if unknown:
        raise UniverseError(f"{venue}/{kind} has no {', '.join(unknown[:20])}")
    wanted = sorted(symbols if symbols is not None else listed)
    if not wanted:
        raise UniverseError(f"{venue}/{kind} names no symbols of its own; say which are wanted")
    rows = ((symbol, listed.get(symbol) or anything) for symbol in wanted)
    return Universe(name=name, version=version, instruments=tuple(_listed(rows)))


def compare_changes(universe: Universe, text: str) -> pl.DataFrame:
    """Where a table of changes (CSV: date, add, remove; several tickers parted by commas) and the spells differ.

    Returns:
        date, symbol, told (`add` or `remove`) and finding, one row a difference, by date: what the
        spells have instead, or that they know nothing of the symbol or of so late a date.

    Raises:
        UniverseError: the table lacks a column, or a line says no date.
    """
    reader = csv.DictReader(text.splitlines())
    _require(reader.fieldnames, ("date", "add", "remove"), "a table of changes")
    spells = {instrument.symbol: instrument.member for instrument in universe.instruments}
    ends = [spell.end or spell.start for member in spells.values() for spell in member]
    last = max(ends, default=dt.date.min)
    found = []
    for row in reader:
        try:
            day = dt.date.fromisoformat(row["date"] or "")
        except ValueError:
            raise UniverseError(f"changes, line {reader.line_num}: a date is expected, found {row['date']!r}") from None
        for told, edge in (("add", "start"), ("remove", "end")):
            for symbol in filter(None, (one.strip() for one in (row[told] or "").split(","))):
                dates = [getattr(spell, edge) for spell in spells.get(symbol, ())]
                if day in dates:
                    continue
                near = [str(one) for one in dates if one is not None]
                if day > last:
                    finding = f"later than the spells, which end on {last}"
                else:
                    finding = f"spells say {', '.join(near)}" if near else "spells know no such change"
                found.append((day, symbol, told, finding))
    return pl.DataFrame(found, schema=CHANGED, orient="row").sort("date", "told", "symbol")


def write_universe(folder: Path, universe: Universe) -> Path:
    """Write a universe as `<name>.yaml` below `folder`; its path.

    Raises:
        UniverseError: this version is there with other content.
    """
    path = folder / f"{universe.name}.yaml"
    if path.is_file():
        before = load_universe(path)
        if before.version == universe.version and before != universe:
            raise UniverseError(
                f"{path}: version {universe.version} is there with other content. Remedy: a new version."
            )
    folder.mkdir(parents=True, exist_ok=True)
    told = universe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(told, Dumper=dumper, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _listed(rows: Iterable[tuple[str, Mapping[str, str] | None]]) -> Iterable[Instrument]:
    for symbol, row in rows:
        if row is None:
            raise UniverseError(f"no properties of {symbol}")
        try:
            lot, tick = Decimal(row["lot_size"]), Decimal(row["minimum_price_variation"])
            yield Instrument(symbol=symbol, name=row["description"] or symbol, lot=lot, tick=tick)
        except (ValueError, InvalidOperation) as error:
            raise UniverseError(f"line {row['line']}: {symbol}: {_said(error)}") from None


def _said(error: Exception) -> str:
    faults = getattr(error, "errors", None)
    return "; ".join(fault["msg"] for fault in faults()) if faults else f"sizes above zero are expected ({error!r})"


def _require(found: Collection[str] | None, needed: Collection[str], what: str) -> None:
    missing = [name for name in needed if name not in (found or ())]
    if missing:
        raise UniverseError(f"{what} has columns {', '.join(needed)}; {', '.join(missing)} not found")
