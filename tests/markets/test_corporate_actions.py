"""Files of corporate actions: what loads, what is refused and how that is said; LEAN's files read as facts."""

import datetime as dt

import polars as pl
import pytest

from tradepipe.contracts import CORPORATE_ACTIONS, validate
from tradepipe.markets import (
    CorporateActionError,
    actions_from_lean_factors,
    actions_from_lean_map,
    calendar_for,
    load_corporate_actions,
    ticker_history,
    write_corporate_actions,
)
from tradepipe.paths import manifests_folder

HEAD = "name: few\nversion: 1.0.0\nsource: a test\n"
LISTED = (
    HEAD
    + """actions:
  - {symbol: AAPL, kind: split, ex_date: 2014-06-09, known_at: 2014-04-23T20:30:00Z, ratio: 7}
  - {symbol: AAPL, kind: dividend, ex_date: 2014-05-08, known_at: 2014-04-23, amount: 3.29, source: the company}
  - {symbol: GOOG, kind: symbol_change, ex_date: 2014-04-03, known_at: 2014-01-30, new_symbol: GOOGL}
  - {symbol: FB, kind: listing, ex_date: 2012-05-18, known_at: 2012-05-17}
"""
)
TABLE = """symbol,kind,ex_date,known_at,ratio,amount,new_symbol
AAPL,split,2014-06-09,2014-04-23T20:30:00Z,7,,
AAPL,dividend,2014-05-08,2014-04-23,,3.29,
"""


@pytest.fixture
def file(tmp_path):
    def write(text, table=None):
        (tmp_path / "few.yaml").write_text(text)
        if table is not None:
            (tmp_path / "few.csv").write_text(table)
        return tmp_path / "few.yaml"

    return write


def test_a_list_of_facts(file):
    told = load_corporate_actions(file(LISTED))
    assert (told.name, told.version, told.facts.height) == ("few", "1.0.0", 4)
    validate(told.facts, CORPORATE_ACTIONS, market="m", layer="corporate_actions", partition="-")
    rows = {(row["symbol"], row["kind"]): row for row in told.facts.to_dicts()}
    assert rows["AAPL", "split"]["ratio"] == 7
    assert rows["AAPL", "split"]["known_at"] == dt.datetime(2014, 4, 23, 20, 30, tzinfo=dt.UTC)
    assert rows["AAPL", "split"]["source"] == "a test"
    assert rows["AAPL", "dividend"]["source"] == "the company"
    # A date alone is known once it is over.
    assert rows["AAPL", "dividend"]["known_at"] == dt.datetime(2014, 4, 24, tzinfo=dt.UTC)
    assert rows["GOOG", "symbol_change"]["new_symbol"] == "GOOGL"


@pytest.mark.parametrize(
    "path", sorted((manifests_folder() / "corporate_actions").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_list_of_the_project_is_valid(path):
    assert load_corporate_actions(path.stem).name == path.stem


def test_a_table_beside_it_says_the_same(file):
    told = load_corporate_actions(file(HEAD + "table: few.csv\n", TABLE)).facts
    listed = load_corporate_actions(file(LISTED)).facts.filter(symbol="AAPL").with_columns(source=pl.lit("a test"))
    assert told.equals(listed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ratio: 7", "ratio: 0"), r"few\.yaml: corporate actions refused\n  actions\[0\]\.ratio: .*greater than 0"),
        (("ratio: 7", "amount: 7"), r"actions\[0\]: .*a split needs ratio"),
        (("ratio: 7", "ratio: 7, amount: 1"), r"actions\[0\]: .*a split has no amount"),
        (("ratio: 7", "ratio: .inf"), r"actions\[0\]\.ratio: .*finite"),
        (("kind: split", "kind: merger"), r"actions\[0\]\.kind: .*'split', 'dividend'.*found 'merger'"),
        (("2014-06-09", "soon"), r"actions\[0\]\.ex_date: .*found 'soon'"),
        (("T20:30:00Z", "T20:30:00"), r"actions\[0\]\.known_at: .*a time needs a zone"),
        (("amount: 3.29", "amount: -1"), r"actions\[1\]\.amount: .*greater than or equal to 0"),
        (("amount: 3.29", "amount: 3.29, colour: red"), r"actions\[1\]\.colour: .*not permitted"),
        (("name: few", "name: many"), r"name: expected 'few', the file's name \(found 'many'\)"),
        (("version: 1.0.0", "version: 1"), r"version: expected text \(found 1\)"),
        (("source: a test\n", "source: a test\nowner: me\n"), r"owner: no such key"),
        (("actions:", "facts:"), r"expected either actions.*or table"),
    ],
)
def test_a_broken_file_is_named_with_its_key(file, change, message):
    assert change[0] in LISTED
    with pytest.raises(CorporateActionError, match=message):
        load_corporate_actions(file(LISTED.replace(*change, 1)))


def test_every_fault_is_told_at_once_and_a_table_by_its_line(file):
    broken = TABLE.replace("7,,", "seven,,").replace("3.29", "-3.29")
    with pytest.raises(
        CorporateActionError, match=r"few\.csv.*\n  line 2\.ratio: .*seven.*\n  line 3\.amount: .*-3\.29"
    ):
        load_corporate_actions(file(HEAD + "table: few.csv\n", broken))
    with pytest.raises(CorporateActionError, match=r"none\.csv: no such file \(key `table`\)"):
        load_corporate_actions(file(HEAD + "table: none.csv\n"))


def test_a_fact_given_twice_is_refused(file):
    again = LISTED.splitlines()[4]
    with pytest.raises(
        CorporateActionError, match=r"few\.yaml: facts given more than once: AAPL 2014-06-09 split.*later known"
    ):
        load_corporate_actions(file(LISTED + again + "\n"))


def test_what_is_no_file_or_no_mapping_is_said(file, tmp_path):
    with pytest.raises(CorporateActionError, match=r"no such file \(key `corporate_actions` of the market's file\)"):
        load_corporate_actions(tmp_path / "nowhere.yaml")
    with pytest.raises(CorporateActionError, match="a mapping with name"):
        load_corporate_actions(file("- 1\n"))
    with pytest.raises(CorporateActionError, match="not readable as YAML"):
        load_corporate_actions(file("a: [\n"))


def test_written_facts_are_read_back_and_a_version_is_never_changed(file, tmp_path):
    facts = load_corporate_actions(file(LISTED)).facts
    told = {"version": "1.0.0", "source": "a test"}
    path = write_corporate_actions(tmp_path / "kept", "all", **told, facts=facts)
    assert load_corporate_actions(path).facts.equals(facts)
    write_corporate_actions(tmp_path / "kept", "all", **told, facts=facts)
    with pytest.raises(CorporateActionError, match=r"version 1\.0\.0 is there with other facts.*a new version"):
        write_corporate_actions(tmp_path / "kept", "all", **told, facts=facts.head(2))
    assert load_corporate_actions(path).facts.equals(facts)


# LEAN

XNYS = calendar_for("XNYS")
GOOGL = "20040819,goog,Q\n20140402,goog,Q\n20501231,googl,Q\n"
FACTORS = "20040819,0.9,0.5,1\n20140402,0.9,0.5,1135.1\n20150424,0.9,1,500\n20501231,1,1,0\n"


def test_a_map_file_is_a_listing_and_changes():
    assert [(one.ticker, str(one.first), str(one.last)) for one in ticker_history(GOOGL)] == [
        ("GOOG", "2004-08-19", "2014-04-02"),
        ("GOOGL", "2014-04-03", "2050-12-31"),
    ]
    facts = actions_from_lean_map(GOOGL, XNYS, "lean")
    assert facts.select("symbol", "kind", "ex_date", "new_symbol").rows() == [
        ("GOOG", "listing", dt.date(2004, 8, 19), None),
        ("GOOG", "symbol_change", dt.date(2014, 4, 3), "GOOGL"),
    ]


def test_a_factor_file_is_splits_and_dividends_named_by_the_ticker_of_their_day():
    facts = actions_from_lean_factors(FACTORS, ticker_history(GOOGL), XNYS, "lean")
    # 2015-04-24 was a Friday, and what applied up to it changed on Monday.
    assert facts.select("symbol", "kind", "ex_date", "ratio", "amount", "reference_price").rows() == [
        ("GOOGL", "split", dt.date(2014, 4, 3), 2.0, None, None),
        ("GOOGL", "dividend", dt.date(2015, 4, 27), None, 50.0, 500.0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty factor file"),
        ("20140402,1,1\n", r"line 1 of a factor file: .*found '20140402,1,1'"),
        ("yesterday,1,1,1\n", "line 1 of a factor file"),
        ("20140402,1,1,1\n20140401,1,1,1\n", "line 2 of a factor file.*dates ascending"),
        (
            "20140402,inf,1,1\n20501231,1,1,0\n",
            r"factor file, 2014-04-02: factors above zero are expected, found inf,1,1",
        ),
        ("20140402,1,0,1\n20501231,1,1,0\n", "factors above zero"),
        ("20000103,0.9,1,10\n20501231,1,1,0\n", "no ticker on 2000-01-04; the map file knows GOOG 2004-08-19"),
    ],
)
def test_a_broken_factor_file_is_named_by_its_line(text, message):
    with pytest.raises(CorporateActionError, match=message):
        actions_from_lean_factors(text, ticker_history(GOOGL), XNYS, "lean")
