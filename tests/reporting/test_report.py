import dataclasses
import datetime as dt
import math
import re
import subprocess
import sys
from html.parser import HTMLParser

import polars as pl
import pytest

from tradepipe.reporting import write_report
from tradepipe.reporting.report import explained_orders, render_report

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what a reader or a browser would get from the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.texts, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for key, value in attrs if key in {"src", "href", "xlink:href", "data", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for key, value in attrs if key in {"src", "href", "xlink:href"}]

    def handle_data(self, text):
        if "style" not in self.open:
            self.texts.append(text)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def written(data, tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report") / "deep" / "report.html", data)


@pytest.fixture(scope="module")
def page(written):
    return Page(written.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_page_parses(page):
    assert page.open == []
    assert page.tags.count("svg") == 10
    assert page.tags.count("title") == 1


@pytest.mark.slow
def test_nothing_is_loaded_from_anywhere(written, page):
    text = written.read_text(encoding="utf-8")
    assert all(load.startswith("#") for load in page.loads)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not re.search(r"url\((?!#)|@import", text)
    # Addresses are names of XML namespaces only.
    assert set(re.findall(r'https?://[^"\s<]+', text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in text


def test_ids_are_unique_or_say_the_same(written):
    """Two plots may share a clip path: the id is made from its content."""
    found = re.findall(r'<(\w+) id="([^"]+)"[^>]*>(.*?)</\1>', written.read_text(encoding="utf-8"), re.DOTALL)
    bodies = {}
    for _tag, name, body in found:
        assert bodies.setdefault(name, body) == body


def test_numbers_and_reasons_are_told(page):
    for said in (
        "us_indices",
        "1999-01-04 to 2018-12-31",
        "5,031 sessions",
        "SPX: arma_garch shows no skill in forecasting returns",
        "all symbols: ensemble ",
        "all symbols: seasonal_naive is worse than the random walk",
        "Who earned it",
        "By regime",
        "wild down, ensemble",
        "2017, arma_garch",
        "below_min_trade",
        "high_below_low",
        "188 fills with a notional of",
        "buy and hold",
        "Why: the newest orders sent",
        "Why not: the newest intents denied",
    ):
        assert said in page.text


def test_the_newest_orders_are_explained_by_their_signals(data, page):
    explained = explained_orders(data.orders, data.signals)
    assert explained.height == 15
    assert explained["decided_at"].is_sorted(descending=True)
    newest = explained.row(0, named=True)
    assert newest["session"] == dt.date(2018, 12, 31)
    signal = data.signals.filter(
        pl.col("symbol") == newest["symbol"], pl.col("decided_at") == newest["decided_at"]
    ).row(0, named=True)
    assert newest["score"] == signal["score"]
    assert newest["client_order_id"] in page.text
    sent = data.orders.filter(pl.col("state") == "FILLED").sort("decided_at")["client_order_id"]
    assert sent[-1] in page.text
    assert f"{signal['score']:.3f}" in page.text


def test_an_order_without_its_signal_is_shown_all_the_same(data):
    explained = explained_orders(data.orders, data.signals.clear())
    assert explained["score"].null_count() == explained.height == 15


@pytest.mark.slow
def test_the_same_data_gives_the_same_bytes(data, written, tmp_path):
    assert write_report(tmp_path / "again.html", data).read_bytes() == written.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.html"]


def test_the_callers_remark_is_shown_as_text(nothing):
    text = render_report(dataclasses.replace(nothing, remark="Made on <b>Monday</b> & read on Tuesday."))
    assert "Made on &lt;b&gt;Monday&lt;/b&gt; &amp; read on Tuesday." in text


@pytest.mark.slow
def test_names_from_data_cannot_break_out_of_the_page(recent):
    evil = '"><script>alert(1)</script>'
    rename = pl.col("symbol").replace("SPX", evil)
    frames = {name: getattr(recent, name).with_columns(rename) for name in ("bars", "forecasts", "orders", "accuracy")}
    page = Page(render_report(dataclasses.replace(recent, **frames)))
    assert page.open == []
    assert "script" not in page.tags


def test_a_report_before_anything_happened(nothing):
    page = Page(render_report(nothing))
    for said in (
        "No bars yet.",
        "No positions yet: nothing was bought or sold.",
        "No forecast has met its target yet",
        "No orders yet.",
        "Nothing is published yet.",
        "No row was refused.",
    ):
        assert said in page.text
    assert not re.search(r"\b(nan|none|inf)\b", page.text, re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["forecasts", "signals", "positions", "bars"])
def test_a_report_while_a_layer_is_empty(recent, missing):
    page = Page(render_report(dataclasses.replace(recent, **{missing: getattr(recent, missing).clear()})))
    assert page.open == []
    assert not re.search(r"\b(nan|none|inf)\b", page.text, re.IGNORECASE)


@pytest.mark.slow
def test_nan_is_never_shown(recent):
    wild = recent.accuracy.with_columns(hit_rate=math.nan, qlike=math.inf, dm_p_value=None, dm_statistic=None)
    page = Page(render_report(dataclasses.replace(recent, accuracy=wild)))
    assert not re.search(r"\b(nan|none|inf)\b", page.text, re.IGNORECASE)
    assert "\N{EN DASH}" in page.text


@pytest.mark.slow
def test_importing_the_package_imports_nothing_heavy():
    heavy = {"matplotlib", "rich", "jinja2", "dagster", "pandas", "pandera", "scipy", "PIL"}
    code = f"import sys, tradepipe.reporting; sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
