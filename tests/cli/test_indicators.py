"""`tradepipe indicators` in a terminal and in a pipe."""

import datetime as dt
import io
import json

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tradepipe.cli import app
from tradepipe.commands.indicators import show_indicator, show_list
from tradepipe.commands.warm_up import BarsError, show_warm_up
from tradepipe.indicators import indicators, parse_indicator


def shown(function, *arguments, width=120, **more):
    out = io.StringIO()
    function(Console(file=out, width=width, highlight=False), *arguments, **more)
    return out.getvalue()


def walk(rows=900, **columns):
    close = 100 + np.cumsum(np.random.default_rng(5).normal(0, 1, rows)).round(2)
    frame = pl.DataFrame({"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": close * 10})
    start = dt.date(2020, 1, 1)
    return frame.with_columns(session=pl.date_range(start, start + dt.timedelta(days=rows - 1), eager=True), **columns)


def test_the_list_names_every_indicator_and_its_family():
    text = shown(show_list)
    for name in indicators():
        assert name in text
    assert "momentum" in text
    assert "rsi(period=14)" in text
    listed = json.loads(shown(show_list, as_json=True))
    assert {one["name"] for one in listed} == set(indicators())
    assert next(one["family"] for one in listed if one["name"] == "bollinger") == "channels"


@pytest.mark.parametrize("name", list(indicators()))
def test_what_is_shown_of_an_indicator_is_what_it_declares(name):
    text = " ".join(shown(show_indicator, name, width=1000).split())
    one = indicators()[name]
    assert " ".join(one.description.split()) in text  # nothing of it is taken for markup
    assert one.source in text
    for output in one.bind().described:
        assert output.name in text
        assert output.description in text
    assert json.loads(shown(show_indicator, name, as_json=True))["lookback"] == one.bind().lookback


def test_parameters_may_be_given():
    text = shown(show_indicator, "bollinger(30, 2.5)")
    assert "bollinger_30_2p5_upper" in text
    assert "19 bars" not in text
    assert "29 bars" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "rsj"], "Did you mean rsi?"),
        (["show", "rsi(1)"], "period must be a whole number from 2"),
        (["warmup", "--bars", "none.csv"], "none.csv: there is no such file"),
        (["warmup", "--bars", "bars.txt"], "bars.txt: bars are read from .csv, .feather, .parquet"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, said):
    done = CliRunner().invoke(app, ["indicators", *words])
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_warm_up_reads_files_of_all_kinds(tmp_path):
    found = []
    for suffix, write in {"csv": "write_csv", "parquet": "write_parquet", "feather": "write_ipc"}.items():
        file = tmp_path / f"bars.{suffix}"
        getattr(walk(), write)(file)
        found.append(json.loads(shown(show_warm_up, None, file, tolerance=1e-9, as_json=True)))
    assert found[0] == found[1] == found[2]
    needs = {one["indicator"]: one for one in found[0]}
    assert needs["sma(20)"]["needed"] == needs["sma(20)"]["lookback"] == 19
    assert 150 < needs["ema(20)"]["needed"] < needs["ema(20)"]["lookback"]
    assert not any(one["too_small"] for one in found[0])


@pytest.mark.slow
def test_warm_up_says_what_the_bars_lack(tmp_path):
    walk().write_csv(tmp_path / "bars.csv")
    text = shown(show_warm_up, None, tmp_path / "bars.csv", tolerance=1e-9)
    assert "not measured: the bars have no benchmark" in text
    assert f"of {len(indicators())} measured" in text
    walk().drop("close").write_csv(tmp_path / "bars.csv")
    with pytest.raises(BarsError, match="the bars need the columns open, high, low, close; they have open, high"):
        shown(show_warm_up, None, tmp_path / "bars.csv", tolerance=1e-9)
    walk(low=pl.when(pl.int_range(pl.len()) == 6).then(None).otherwise(1.0)).write_csv(tmp_path / "bars.csv")
    with pytest.raises(BarsError, match="low of row 7 is None; indicators need finite numbers"):
        shown(show_warm_up, None, tmp_path / "bars.csv", tolerance=1e-9)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"close": pl.lit("abc")}, "close must hold numbers: "),
        ({"session": pl.lit("2020-13-45")}, "session must hold dates such as 2018-12-31: "),
        ({"session": pl.lit("2020-01-01T00:00:00Z")}, "session must hold dates such as 2018-12-31: "),
        ({"session": pl.lit(20200101)}, "session must hold dates such as 2018-12-31: they are "),
    ],
)
def test_warm_up_says_which_column_is_of_another_kind(tmp_path, changed, said):
    file = tmp_path / "bars.CSV"
    walk(30).with_columns(**changed).write_csv(file)
    with pytest.raises(BarsError, match=f"^{said}"):
        shown(show_warm_up, None, file, tolerance=1e-9)


def test_warm_up_without_rows_says_so(tmp_path):
    walk().clear().write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BarsError, match="the bars have no rows"):
        shown(show_warm_up, None, tmp_path / "bars.parquet", tolerance=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "said"), [(1, "give --bars with more of them"), (90, "Every lookback measured is enough")]
)
def test_warm_up_says_that_all_is_well_of_what_it_measured_alone(tmp_path, rows, said):
    walk(rows).write_csv(tmp_path / "bars.csv")
    text = " ".join(shown(show_warm_up, None, tmp_path / "bars.csv", tolerance=1e-9).split())
    assert said in text
    assert ("is enough" in text) is (rows > 1)


@pytest.mark.slow
def test_a_lookback_that_is_too_small_ends_with_exit_code_3(tmp_path, monkeypatch):
    walk().write_csv(tmp_path / "bars.csv")
    words = ["indicators", "warmup", "--bars", str(tmp_path / "bars.csv")]
    assert CliRunner().invoke(app, words).exit_code == 0
    monkeypatch.setitem(vars(parse_indicator("ema(20)").indicator), "lookback", lambda **_: 60)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 3
    assert "Lookback too small: ema(20)" in done.stdout
