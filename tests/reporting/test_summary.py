import dataclasses
import datetime as dt
import io
import math

import polars as pl
import pytest
from rich.console import Console

from tradepipe.contracts import QUARANTINE
from tradepipe.reporting import render_summary, summarise
from tradepipe.reporting.data import GENERATIONS
from tradepipe.reporting.summary import layer_table, order_counts, quarantine_counts
from tradepipe.reporting.wording import count, number, p_value, percent, plural

NO = "\N{EN DASH}"


def shown(summary, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    render_summary(console, summary)
    return console.file.getvalue()


def test_layers_come_in_the_chains_order_with_a_digest_of_their_contents():
    rows = [
        ("orders", "2018-12", 9, 3, "o"),
        ("bars", "2018-12", 7, 40, "b"),
        ("bars", "2018-11", 8, 42, "a"),
        ("bars.quarantine", "2018-11", 2, 1, "q"),
    ]
    frame = pl.DataFrame(rows, schema=GENERATIONS, orient="row")
    table = layer_table(frame)
    assert table.select("layer", "partitions", "first", "last", "rows", "generation").rows() == [
        ("bars", 2, "2018-11", "2018-12", 82, 8),
        ("orders", 1, "2018-12", "2018-12", 3, 9),
        ("bars.quarantine", 1, "2018-11", "2018-11", 1, 2),
    ]
    assert layer_table(frame.reverse()).equals(table)
    restated = frame.with_columns(content=pl.col("content").replace("a", "A"))
    changed = layer_table(restated)["digest"] != table["digest"]
    assert changed.to_list() == [True, False, False]


def test_counts_put_the_most_frequent_first(orders, quarantine):
    counted = order_counts(orders)
    assert counted.rows()[:2] == [("DENIED", "below_min_trade", 202), ("FILLED", None, 188)]
    assert counted["orders"].is_sorted(descending=True)
    assert counted["orders"].sum() == orders.height
    assert quarantine_counts(quarantine).rows() == [
        ("bars", "high_below_low", 3),
        ("bars", "close_missing", 2),
        ("raw_bars", "not_a_session", 1),
    ]


def test_fills_add_up(data, market):
    totals = summarise(data).fills
    costs = market.settings.execution.costs
    assert totals.fills == data.fills.height == 188
    # The settings charge fee and slippage in basis points of the notional of each side.
    assert totals.fees == pytest.approx(totals.notional * float(costs.fee_bps) / 1e4, rel=1e-6)
    assert totals.slippage == pytest.approx(totals.notional * float(costs.slippage_bps) / 1e4, rel=1e-3)


def test_the_account_is_compared_with_buying_and_holding(data):
    summary = summarise(data)
    assert summary.performance.sessions == summary.buy_and_hold.sessions == 251
    assert summary.performance.start_equity == 1_000_000
    last = data.positions.sort("session").row(-1, named=True)
    assert summary.performance.end_equity == pytest.approx(float(last["equity"]))
    year = data.bars.filter(pl.col("session") >= dt.date(2018, 1, 2)).sort("session")
    growth = year.group_by("symbol").agg(pl.col("close").last() / pl.col("close").first())["close"].mean()
    assert summary.buy_and_hold.end_equity == pytest.approx(1_000_000 * growth)


def test_the_random_walk_is_not_compared_with_itself(data):
    summary = summarise(data)
    assert summary.accuracy["model"].unique().sort().to_list() == ["arma_garch", "ensemble"]
    assert [sentence.split(":")[0] for sentence in summary.verdicts] == ["IXIC", "SPX"]


def test_one_screen(data):
    text = shown(summarise(data))
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(len(line.rstrip()) for line in lines) <= 100
    for said in (
        "us_indices",
        "5,031 sessions",
        "10,062",
        "high_below_low",
        "below_min_trade",
        "+1.5 %",
        "buy and hold",
        "ensemble: random_walk ",
        "; now mostly normal flat",
    ):
        assert said in text


def test_one_screen_however_much_there_is(data, quarantine):
    """Many symbols, reasons and layers: still one screen, and what is left out is counted."""
    many = 50
    refused = pl.concat(
        quarantine.head(1).with_columns(
            reason=pl.lit(f"a_reason_with_quite_a_long_name_{n}"), layer=pl.lit("indicators")
        )
        for n in range(many)
    )
    told = pl.concat(
        data.orders.head(1).with_columns(reason=pl.lit(f"another_reason_with_quite_a_long_name_{n}"))
        for n in range(many)
    )
    judged = pl.concat(
        data.accuracy.filter(pl.col("model") == "arma_garch").with_columns(symbol=pl.lit(f"A_LONG_SYMBOL_{n}"))
        for n in range(many)
    )
    layers = pl.concat(data.generations.head(3).with_columns(layer=pl.lit(f"a_layer_{n}")) for n in range(many))
    full = {"quarantine": refused, "orders": told, "accuracy": judged, "generations": layers}
    text = shown(summarise(dataclasses.replace(data, **full)))
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(len(line.rstrip()) for line in lines) <= 100
    others = [line for line in lines if "others" in line]
    assert len(others) >= 2
    assert "496 more in the report" in text


def test_one_screen_before_anything_happened(nothing):
    text = shown(summarise(nothing))
    for said in (
        "no bars yet",
        "Nothing is published yet.",
        "No row was refused.",
        "No orders yet.",
        "No forecast has met its target yet.",
        "0 fills. No positions yet.",
    ):
        assert said in text
    assert "nan" not in text.lower()


def test_a_narrow_terminal_gets_no_line_longer_than_itself(data):
    assert max(len(line.rstrip()) for line in shown(summarise(data), width=72).splitlines()) <= 72


def test_nan_is_never_shown(data):
    wild = data.accuracy.with_columns(
        pl.lit(math.nan).alias(name) for name in ("rmse_ratio", "hit_rate", "coverage_95", "qlike")
    )
    text = shown(summarise(dataclasses.replace(data, accuracy=wild)))
    assert "nan" not in text.lower()
    assert NO in text


def test_frames_without_columns_are_empty_too(nothing):
    bare = dataclasses.replace(nothing, accuracy=pl.DataFrame())
    assert summarise(bare).accuracy.is_empty()


def test_quarantine_of_nothing_counts_nothing():
    assert quarantine_counts(QUARANTINE.empty()).rows() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(1234567), "1,234,567"),
        (count(None), NO),
        (number(1234.5), "1,234.50"),
        (number(-0.001), "0.00"),
        (number(math.inf), NO),
        (percent(0.01234), "1.2 %"),
        (percent(-0.0001), "0.0 %"),
        (percent(-0.5, signed=True), "-50.0 %"),
        (percent(0.5, signed=True), "+50.0 %"),
        (percent(0.0, signed=True), "0.0 %"),
        (percent(1e-6, signed=True), "0.0 %"),
        (percent(math.nan), NO),
        (p_value(0.0), "< 0.001"),
        (p_value(0.0314), "0.031"),
        (p_value(None), NO),
        (plural(1, "order"), "1 order"),
        (plural(1200, "order"), "1,200 orders"),
        (plural(2, "more symbol", "more symbols"), "2 more symbols"),
    ],
)
def test_numbers_as_people_read_them(text, expected):
    assert text == expected
