"""Dated universes: who belonged when, which lot and tick held, and what is built from reference tables."""

import csv
import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.markets import Instrument, Universe, UniverseError, load_universe
from tradepipe.markets.universe import Spell
from tradepipe.markets.universe_import import (
    compare_changes,
    read_properties,
    universe_from_properties,
    universe_from_spells,
    write_universe,
)

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "reference"

needs_data = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference tables are not beside the checkout")

DATED = {
    "name": "few",
    "version": "1.0.0",
    "instruments": [
        {
            "symbol": "AAL", "name": "AAL", "lot": "1", "tick": "0.125",
            "member": [{"from": "1996-01-02", "to": "1997-01-15"}, {"from": "2015-03-23", "to": "2024-09-23"}],
            "rule_changes": [
                {"from": "1997-06-24", "lot": "1", "tick": "0.0625"},
                {"from": "2001-04-09", "lot": "1", "tick": "0.01"},
            ],
        },
        {"symbol": "NEW", "name": "New", "lot": "1", "tick": "0.01", "member": [{"from": "2020-01-02"}]},
        {"symbol": "OLD", "name": "Always", "lot": "1", "tick": "0.01"},
    ],
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def read(content):
        path = tmp_path / "few.yaml"
        path.write_text(yaml.safe_dump(content))
        return load_universe(path)

    return read


@pytest.mark.parametrize(
    ("on", "members"),
    [
        ("1996-01-01", ["OLD"]),
        ("1996-01-02", ["AAL", "OLD"]),
        ("1997-01-14", ["AAL", "OLD"]),
        ("1997-01-15", ["OLD"]),
        ("2020-01-01", ["AAL", "OLD"]),
        ("2020-01-02", ["AAL", "NEW", "OLD"]),
        ("2030-01-01", ["NEW", "OLD"]),
    ],
)
def test_members_are_those_of_the_day(load, on, members):
    day = dt.date.fromisoformat(on)
    universe = load(DATED)
    assert [one.symbol for one in universe.members(day)] == members
    assert universe.symbols == ("AAL", "NEW", "OLD")  # whoever belonged once is known
    rows = pl.DataFrame({"symbol": ["AAL", "NEW", "OLD", "NOBODY"], "session": [day] * 4})
    assert rows.filter(universe.is_member(rows))["symbol"].to_list() == members


def test_rules_are_those_of_the_day(load):
    share = load(DATED).instrument("AAL")
    ticks = {year: share.rules(dt.date(year, 5, 1)).tick for year in (1990, 1997, 1998, 2001, 2020)}
    assert ticks == {1990: Decimal("0.125"), 1997: Decimal("0.125"), 1998: Decimal("0.0625"),
                     2001: Decimal("0.01"), 2020: Decimal("0.01")}  # fmt: skip
    changed = dt.date(2001, 4, 9)
    assert share.rules(changed).tick == Decimal("0.01")
    assert share.rules(changed - dt.timedelta(days=1)).tick == Decimal("0.0625")
    assert load(DATED).instrument("OLD").rules(dt.date(1990, 1, 1)).lot == 1


def test_a_universe_without_dates_is_what_it_was(load):
    undated = {**DATED, "instruments": [DATED["instruments"][2]]}
    universe = load(undated)
    assert not universe.is_dated
    assert universe.members(dt.date(1800, 1, 1)) == universe.instruments
    rows = pl.DataFrame({"symbol": ["OLD", "X"], "session": [dt.date(1800, 1, 1)] * 2})
    assert universe.is_member(rows).to_list() == [True, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"member": [{"from": "2020-01-02", "to": "2020-01-02"}]}, r"instruments\[0\]\.member: .*ends after it starts"),
        ({"member": [{"from": "2020-01-02"}, {"from": "2021-01-02"}]}, "begins before the last has ended"),
        ({"member": [{"from": "2020-01-02", "until": "2021-01-02"}]}, r"member\[0\]\.until: .*not permitted"),
        (
            {"rule_changes": [{"from": "2020-01-02", "lot": "0", "tick": "1"}]},
            r"rule_changes\[0\]\.lot: .*greater than 0",
        ),
        (
            {"rule_changes": [{"from": f"20{year}-01-02", "lot": "1", "tick": "1"} for year in (20, 19)]},
            "changes follow each other: 2019-01-02 comes after 2020-01-02",
        ),
    ],
)
def test_broken_dates_are_refused_with_their_key(load, changes, said):
    first = {"symbol": "A", "name": "A", "lot": "1", "tick": "1"} | changes
    with pytest.raises(UniverseError, match=said):
        load({**DATED, "instruments": [first]})


DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2000, 3, 1))


@st.composite
def spells(draw):
    edges = sorted(draw(st.sets(DAYS, max_size=6)))
    return tuple(
        Spell(start=edges[at], end=edges[at + 1] if at + 1 < len(edges) else None) for at in range(0, len(edges), 2)
    )


@given(st.lists(spells(), min_size=1, max_size=4), st.lists(DAYS, max_size=20))
def test_one_by_one_and_all_at_once_agree(members, days):
    universe = Universe(
        name="u", version="1.0.0",
        instruments=tuple(
            Instrument(symbol=f"S{at}", name="s", lot="1", tick="1", member=member) for at, member in enumerate(members)
        ),
    )  # fmt: skip
    rows = pl.DataFrame(
        [(one.symbol, day) for day in days for one in universe.instruments],
        schema={"symbol": pl.String, "session": pl.Date}, orient="row",
    )  # fmt: skip
    slowly = [one in universe.members(day) for day in days for one in universe.instruments]
    assert universe.is_member(rows).to_list() == slowly


# Reference tables


def sp500():
    with (REFERENCE / "constituents.csv").open(encoding="utf-8") as file:
        names = {row["Symbol"]: row["Security"] for row in csv.DictReader(file)}
    text = (REFERENCE / "sp500_ticker_start_end.csv").read_text()
    return universe_from_spells(text, name="sp500", version="1.0.0", lot=Decimal(1), tick=Decimal("0.01"), names=names)


@needs_data
def test_the_index_over_thirty_years():
    universe = sp500()
    assert universe.membership().height == 1230
    assert len(universe.instruments) == 1181
    assert universe.membership()["to"].null_count() == 503
    sizes = {year: len(universe.members(dt.date(year, 6, 30))) for year in (1996, 2000, 2008, 2015, 2020, 2025)}
    assert all(480 <= size <= 510 for size in sizes.values()), sizes
    assert universe.instrument("MMM").name == "3M"
    (lehman,) = [one for one in universe.instruments if one.symbol in {"LEH", "LEHMQ"}]
    assert lehman.member[-1].end.year == 2008  # survivorship: who failed since was a member then
    assert "TSLA" not in {one.symbol for one in universe.members(dt.date(2020, 12, 18))}
    assert "TSLA" in {one.symbol for one in universe.members(dt.date(2020, 12, 21))}


@needs_data
def test_the_spells_agree_with_the_changes_but_for_these():
    found = compare_changes(sp500(), (REFERENCE / "sp500_changes_since_2019.csv").read_text())
    assert found.height == 24  # of 146 additions and 148 removals
    late = found.filter(pl.col("finding").str.starts_with("later than the spells"))
    assert (late.height, late["date"].min()) == (20, dt.date(2025, 7, 18))
    assert found.filter(~pl.col("finding").str.starts_with("later")).rows() == [
        (dt.date(2022, 1, 10), "WTW", "add", "spells say 2022-01-20"),
        (dt.date(2022, 1, 10), "WLTW", "remove", "spells say 2022-01-20"),
        (dt.date(2023, 7, 10), "EG", "add", "spells say 2023-06-10"),
        (dt.date(2023, 7, 10), "RE", "remove", "spells say 2023-06-10"),
    ]


@needs_data
def test_the_present_members_differ_from_the_newer_list_by_its_later_changes():
    with (REFERENCE / "constituents.csv").open(encoding="utf-8") as file:
        newer = {row["Symbol"] for row in csv.DictReader(file)}
    here = {one.symbol for one in sp500().members(dt.date(2025, 7, 9))}
    assert (len(here), len(newer), len(here - newer), len(newer - here)) == (503, 503, 28, 28)


@needs_data
@pytest.mark.slow
def test_a_universe_of_a_thousand_is_written_and_read_back(tmp_path):
    universe = sp500()
    path = write_universe(tmp_path, universe)
    assert load_universe(path) == universe
    write_universe(tmp_path, universe)
    other = universe.model_copy(update={"instruments": universe.instruments[:5]})
    with pytest.raises(UniverseError, match=r"version 1\.0\.0 is there with other content.*a new version"):
        write_universe(tmp_path, other)


def properties():
    return gzip.decompress((REFERENCE / "symbol-properties-database.csv.gz").read_bytes()).decode()


@needs_data
def test_every_entry_of_the_properties_is_read():
    found = read_properties(properties())
    assert found.height == 10_821
    counts = dict(found.group_by("market").len().rows())
    assert (counts["binance"], counts["kraken"], counts["coinbase"]) == (4457, 1262, 970)


@needs_data
def test_a_venues_ticks_and_lots():
    found = read_properties(properties())
    spot = universe_from_properties(found, name="spot", version="1.0.0", venue="binance", kind="crypto")
    assert len(spot.instruments) == 3651
    bitcoin = spot.instrument("BTCUSDT").rules(dt.date(2024, 1, 1))
    assert (bitcoin.tick, bitcoin.lot) == (Decimal("0.01"), Decimal("0.00001"))
    shares = universe_from_properties(
        found, name="us", version="1.0.0", venue="usa", kind="equity", symbols=["AAPL", "SPY"]
    )
    assert [(one.symbol, one.lot, one.tick) for one in shares.instruments] == [
        ("AAPL", 1, Decimal("0.01")), ("SPY", 1, Decimal("0.01")),
    ]  # fmt: skip


HEAD = "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size\n"


def test_what_is_not_in_the_properties_is_said():
    found = read_properties(
        f"{HEAD}# a remark\n\nv,A,crypto,,USD,1,0.1,1\nv,B,crypto,,USD,1,zero,1\nv,[*],equity,,USD,1,1,1\n"
    )
    told = {"name": "u", "version": "1.0.0"}
    assert found["line"].to_list() == [4, 5, 6]
    with pytest.raises(UniverseError, match=r"no instruments of w/crypto; nearest are v/crypto"):
        universe_from_properties(found, venue="w", kind="crypto", **told)
    with pytest.raises(UniverseError, match=r"v/crypto has no C"):
        universe_from_properties(found, venue="v", kind="crypto", symbols=["A", "C"], **told)
    with pytest.raises(UniverseError, match=r"line 5: B: sizes above zero"):
        universe_from_properties(found, venue="v", kind="crypto", **told)
    with pytest.raises(UniverseError, match="names no symbols of its own"):
        universe_from_properties(found, venue="v", kind="equity", **told)
    with pytest.raises(UniverseError, match="line 2: v,A"):
        read_properties(HEAD + "v,A\n")
    with pytest.raises(UniverseError, match="lot_size not found"):
        read_properties("market,symbol\n")


def test_broken_spells_are_named_by_their_line():
    told = {"name": "u", "version": "1.0.0", "lot": Decimal(1), "tick": Decimal(1)}
    head = "ticker,start_date,end_date\n"
    with pytest.raises(UniverseError, match=r"line 3: B, soon, "):
        universe_from_spells(head + "A,2020-01-01,\nB,soon,\n", **told)
    with pytest.raises(UniverseError, match=r"A: .*begins before the last has ended"):
        universe_from_spells(head + "A,2020-01-01,\nA,2021-01-01,\n", **told)
    with pytest.raises(UniverseError, match="there is none"):
        universe_from_spells(head, **told)
    with pytest.raises(UniverseError, match="end_date not found"):
        universe_from_spells("ticker,start_date\n", **told)


# The command


def test_the_commands_build_show_and_compare(tmp_path):
    from typer.testing import CliRunner

    from tradepipe.commands.universe_app import app

    table, changes = tmp_path / "spells.csv", tmp_path / "changes.csv"
    table.write_text("ticker,start_date,end_date\nA,2000-01-03,2010-01-04\nB,2010-01-04,\n")
    changes.write_text('date,add,remove\n2010-01-04,"B","A"\n')
    run = CliRunner().invoke
    built = run(app, ["spells", "two", str(table), "--to", str(tmp_path)])
    assert built.exit_code == 0, built.output
    assert "2 spells of 2 instruments" in built.output
    file = str(tmp_path / "two.yaml")
    assert run(app, ["members", file, "--on", "2009-12-31"]).output == "A\t1\t0.01\tA\n"
    assert run(app, ["members", file, "--on", "2010-01-04"]).output == "B\t1\t0.01\tB\n"
    assert run(app, ["compare", file, str(changes)]).exit_code == 0
    changes.write_text('date,add,remove\n2010-01-05,"B","A"\n')
    differs = run(app, ["compare", file, str(changes)])
    assert differs.exit_code == 3
    assert "2010-01-05\tadd\tB\t" in differs.output
    database = tmp_path / "properties.csv"
    database.write_text(HEAD + "v,A,crypto,First,USD,1,0.1,1\n")
    made = run(app, ["venue", "coins", str(database), "--market", "v", "--kind", "crypto", "--to", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert load_universe(tmp_path / "coins.yaml").instrument("A").name == "First"


@pytest.mark.parametrize("day", ["never", ""])
def test_a_change_without_a_date_is_named(day):
    with pytest.raises(UniverseError, match="changes, line 3: a date is expected"):
        compare_changes(Universe.model_validate(DATED), f"date,add,remove\n2020-01-01,A,\n{day},B,\n")
