"""docs/indicators.md says what the registry says, and shows every indicator on real prices."""

import datetime as dt
import io
import re
from dataclasses import replace

import polars as pl
import pytest
from PIL import Image

from tradepipe.indicators import document as text
from tradepipe.indicators import indicators, parse_indicator
from tradepipe.indicators.registry import families, family_of
from tradepipe.paths import source_checkout
from tradepipe.reporting import indicator_document
from tradepipe.reporting.indicator_document import document, draw, index_bars, perpetual_bars, values_of
from tradepipe.reporting.indicator_plots import indicator_figure, pattern_figure

DOCS = source_checkout() / "docs"
REMEDY = "run `tradepipe indicators document`"
LARGEST = 22_000


@pytest.fixture(scope="module")
def index():
    return index_bars()


def only(monkeypatch, *chosen):
    """Make these the registry that the page and the plots see."""
    found = {one.name: one for one in chosen}
    monkeypatch.setattr(text, "indicators", lambda: found)
    monkeypatch.setattr(indicator_document, "indicators", lambda: found)
    return found


def test_the_page_is_current():
    assert (DOCS / text.PAGE).read_text() == text.page(), REMEDY


def test_every_indicator_has_its_picture_and_no_picture_is_left_over():
    expected = {text.image_of(one) for one in indicators().values()}
    found = {path.relative_to(DOCS).as_posix(): path for path in (DOCS / text.IMAGES).iterdir()}
    assert set(found) == expected, REMEDY
    too_large = [name for name, path in found.items() if path.stat().st_size > LARGEST]
    assert too_large == []
    for path in found.values():
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert picture.width == 640


def test_every_indicator_is_in_a_family_and_once_on_the_page():
    page = text.page()
    for name, indicator in indicators().items():
        assert family_of(indicator) in families()
        assert len(re.findall(rf"^### {name}$", page, re.MULTILINE)) == 1
        assert page.count(f"(#{name})") == 1
        assert f"`{indicator.bind().text}`" in page
        for output in indicator.bind().described:
            assert f"| `{output.name}` | {text._escaped(output.unit)} |" in page


def test_the_page_tells_what_the_registry_says(monkeypatch):
    changed = replace(
        indicators()["bollinger"],
        title="Bands",
        description="Mean * width, see `a * b`.",
        source="Somebody (1999)",
        differences="none at all",
        path_dependent=True,
        lookback=lambda **_: 12_345,
    )
    only(monkeypatch, changed)
    page = text.page()
    for said in (
        r"Bands, configured as `bollinger(20, 2)`. Mean \* width, see `a * b`.",
        "- Reads: close\n",
        "- Lookback: 12,345 bars at the defaults; depends on the path",
        "- Source: Somebody (1999)\n",
        "- Differences from TA-Lib: none at all\n",
        "| `width` | 2 | a number from 0.1 to 10 | standard deviations to either side |\n",
        "| `bollinger_20_2_lower` | price currency | any | 19 | float32 | ",
        "(indicators/bollinger.png)",
    ):
        assert said in page
    outputs = changed.outputs
    doubled = replace(
        changed,
        differences="",
        parameters=changed.parameters[:1],
        outputs=lambda label, **p: tuple(
            replace(one, precision=pl.Float64, minimum=0, description="|x|", warm_up=7)
            for one in outputs(label, width=2, **p)
        ),
    )
    only(monkeypatch, doubled)
    page = text.page()
    assert "Differences" not in page.split("## Contents")[1]
    assert r"| `bollinger_20_lower` | price currency | [0, inf) | 7 | float64 | \|x\| |" in page


def test_values_are_those_of_the_kernel_on_the_whole_history(index):
    rows = values_of(indicators()["sma"], index)
    expected = index["close"].rolling_mean(20)
    assert rows["sma_20"].null_count() == 19
    assert (rows["sma_20"] - expected).abs().max() < 1e-8
    assert rows["open_time"][-1] == dt.datetime(2018, 12, 31, tzinfo=dt.UTC)
    assert index.item(-1, "close") == 2506.850098
    assert index.item(-1, "benchmark") == 6635.279785


@pytest.mark.parametrize(
    ("name", "panels", "over_the_close"),
    [
        ("sma(20)", 1, 1),
        ("bollinger(20, 2)", 3, 3),
        ("rsi(14)", 2, 0),
        ("atr(14)", 2, 0),  # in price currency, but a distance between prices
        ("returns", 3, 0),  # two units
    ],
)
def test_prices_lie_over_the_close_and_other_units_below(index, name, panels, over_the_close):
    bound = parse_indicator(name)
    rows = values_of(bound.indicator, index).tail(250)
    figure = indicator_figure(bound, rows, currency="points")
    assert len(figure.axes) == panels
    assert len(figure.axes[0].lines) == 1 + over_the_close
    drawn = sum(len(axes.get_legend().get_texts()) for axes in figure.axes) - 1
    assert drawn == len(bound.described)


def test_bounded_values_that_use_their_range_are_shown_in_it(index):
    rows = values_of(indicators()["rsi"], index)
    assert indicator_figure(parse_indicator("rsi(14)"), rows, currency="x").axes[1].get_ylim() == (-4, 104)
    calm = rows.with_columns(rsi_14=50 + pl.col("rsi_14") / 100)
    assert indicator_figure(parse_indicator("rsi(14)"), calm, currency="x").axes[1].get_ylim()[0] > 40


def test_nothing_to_draw_is_said(index):
    rows = values_of(indicators()["sma"], index).head(10)
    (axes,) = indicator_figure(parse_indicator("sma(20)"), rows, currency="x").axes
    assert [one.get_text() for one in axes.texts] == ["No value in these bars."]


def test_marks_stand_where_a_pattern_is(index):
    bound = parse_indicator("engulfing")
    rows = values_of(bound.indicator, index).tail(120)
    (axes,) = pattern_figure(bound, rows, currency="x").axes
    places = {int(x) for one in axes.collections[-2:] for x, _ in one.get_offsets()}
    assert places == set((rows["engulfing"] != 0).arg_true().to_list())
    assert places
    never = pattern_figure(bound, rows.with_columns(engulfing=0.0), currency="x")
    assert "never found" in never.get_suptitle()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macd", "doji"])
def test_a_picture_is_small_and_the_same_each_time(index, name):
    first = draw(indicators()[name], index, None)
    assert first == draw(indicators()[name], index, None)
    assert len(first) < LARGEST
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.mode == "P"


@pytest.mark.slow
def test_document_writes_what_changed_and_removes_what_is_gone(monkeypatch, tmp_path):
    chosen = only(monkeypatch, indicators()["sma"], indicators()["rsi"])
    names = [path.relative_to(tmp_path).as_posix() for path in document(tmp_path)]
    assert names == ["indicators/rsi.png", "indicators/sma.png", "indicators.md"]
    assert (tmp_path / "indicators.md").read_text() == text.page()
    assert document(tmp_path) == []
    del chosen["sma"]
    assert {path.name for path in document(tmp_path)} == {"sma.png", "indicators.md"}
    assert not (tmp_path / "indicators" / "sma.png").exists()
    assert "sma.png" not in (tmp_path / "indicators.md").read_text()


def test_what_needs_data_that_is_not_here_stays_as_it_is(monkeypatch, tmp_path):
    funding = replace(indicators()["sma"], name="carry", inputs=("funding_rate",))
    only(monkeypatch, funding)
    (tmp_path / "indicators").mkdir()
    (tmp_path / "indicators" / "carry.png").write_bytes(b"as it was")
    document(tmp_path, data=tmp_path)
    assert (tmp_path / "indicators" / "carry.png").read_bytes() == b"as it was"
    assert "leaves this plot as it is" in (tmp_path / "indicators.md").read_text()


def test_bars_of_the_perpetual_know_what_was_known(tmp_path):
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    def write(name, hours, value):
        frame = pl.DataFrame({"date": [start + dt.timedelta(hours=hour) for hour in hours]})
        frame.with_columns(
            (pl.int_range(pl.len()) * 1.0 + value).alias(column)
            for column in ("open", "high", "low", "close", "volume")
        ).write_ipc(tmp_path / f"BTC_USDT_USDT-{name}.feather")

    assert perpetual_bars(tmp_path) is None
    write("1h-futures", range(23), 100.0)  # the third bar lacks its last hour
    write("8h-funding_rate", (0, 8, 16), 0.5)
    write("8h-mark", (0, 8, 16), 200.0)
    rows = perpetual_bars(tmp_path)
    assert rows.select("open", "high", "low", "close", "volume").rows() == [
        (100, 107, 100, 107, sum(range(100, 108))),
        (108, 115, 108, 115, sum(range(108, 116))),
    ]
    assert rows.select("mark_price", "funding_rate").rows() == [(200, 0.5), (201, 1.5)]
    assert rows["open_time"].to_list() == [start, start + dt.timedelta(hours=8)]
