"""`tradepipe sql` in a terminal and in a pipe: nothing is cut off, and CSV holds everything."""

import io

import polars as pl
import pytest
from rich.console import Console

from tests.projects import MARKET
from tradepipe.commands.project import Project
from tradepipe.commands.sql import UnknownQueryError, show_sql

pytestmark = pytest.mark.slow


def shown(ready, name, *, width=80, **more) -> str:
    out = io.StringIO()
    show_sql(Project(ready.settings), ready.market, Console(file=out, width=width), name, **more)
    return out.getvalue()


def test_a_table_wider_than_the_terminal_is_not_cut(ready):
    text = shown(ready, "quality_scorecard")
    assert "…" not in text.replace("… and", "")
    assert "2018-12-01" in text
    for word in ("completeness", "soundness", "outage"):
        assert word in text


def test_long_results_say_how_much_is_left(ready):
    assert "more rows" in shown(ready, "select * from ref('bars')")


def test_csv_holds_every_row_and_reads_back(ready):
    text = shown(ready, "select symbol, session, close, known_at from ref('bars')", csv=True)
    rows = pl.read_csv(io.StringIO(text), try_parse_dates=True)
    stored = ready.store.read(f"{MARKET}/bars", columns=["symbol", "session", "close", "known_at"])
    assert (
        rows.sort("symbol", "session")
        .select("symbol", "session", "close")
        .equals(stored.sort("symbol", "session").select("symbol", "session", "close"))
    )
    assert rows["known_at"].cast(pl.String).str.contains("2018").all()


def test_what_is_neither_a_mart_nor_a_query_is_said(ready):
    with pytest.raises(UnknownQueryError, match=r"quality_scorecard.*write a query"):
        shown(ready, "scores")
