import datetime as dt
import io
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tradepipe.reporting import (
    drawdown,
    equity_curve,
    forecast_skill,
    indicator_panel,
    price_and_volume,
    price_with_forecasts,
    rows_per_partition,
    to_markdown,
    to_png,
    to_svg,
)
from tradepipe.reporting.drawing import MAX_POINTS, every_nth, thinned
from tradepipe.reporting.plots import skill_ratios

SVG = "{http://www.w3.org/2000/svg}"
USD = {"symbol": "SPX", "currency": "USD"}
SKILL = {"model": "arma_garch", "horizon": 5}
NAMES = ("forecasts", "volume", "indicators", "rows", "skill", "equity", "drawdown")


def drawn(name, data, indicators):
    """The plots by name, of whatever frames are given."""
    return {
        "forecasts": lambda: price_with_forecasts(data.bars, data.forecasts, **SKILL, **USD),
        "volume": lambda: price_and_volume(data.bars, **USD),
        "indicators": lambda: indicator_panel(data.bars, indicators, **USD),
        "rows": lambda: rows_per_partition(partition_rows(data), dataset="us_indices/bars"),
        "skill": lambda: forecast_skill(data.scores, **SKILL),
        "equity": lambda: equity_curve(data.positions, data.bars, currency="USD"),
        "drawdown": lambda: drawdown(data.positions, data.bars),
    }[name]()


def partition_rows(data):
    return data.generations.filter(pl.col("layer") == "bars").select("partition", "rows")


def lines(figure, panel=0):
    return {line.get_label(): line for line in figure.axes[panel].get_lines()}


@pytest.mark.parametrize("name", NAMES)
def test_every_plot_says_what_is_seen_in_which_unit(name, data, indicators):
    figure = drawn(name, data, indicators)
    assert len(figure.get_suptitle()) > 10
    assert all(axes.get_ylabel() for axes in figure.axes)
    assert figure.axes[-1].get_xlabel()
    for axes in figure.axes:
        assert all(len(line.get_xdata()) <= MAX_POINTS for line in axes.get_lines())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_svg_is_well_formed_repeatable_and_refers_to_nothing_outside(name, data, indicators):
    text = to_svg(drawn(name, data, indicators))
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert root.tag == f"{SVG}svg"
    assert text == to_svg(drawn(name, data, indicators))
    assert not re.search(r"nan\b|\binf\b", text, re.IGNORECASE)
    links = [value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")]
    assert all(link.startswith("#") for link in links)
    assert "<!DOCTYPE" not in text
    assert not re.search(r"\d{4}-\d\d-\d\dT", text)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) | {link[1:] for link in links} == set(ids)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_png_and_markdown_are_repeatable_and_small(name, data, indicators):
    figure = drawn(name, data, indicators)
    assert to_png(figure) == to_png(drawn(name, data, indicators))
    text = to_markdown(figure, "a [plot]")
    assert text.startswith("![a  plot ](data:image/png;base64,iVBOR")
    assert len(text) <= 60_000


@pytest.mark.parametrize("name", NAMES)
def test_empty_frames_give_a_sentence(name, nothing, indicators):
    text = to_svg(drawn(name, nothing, indicators.clear()))
    words = " ".join("".join(element.itertext()) for element in ET.fromstring(text).iter(f"{SVG}text"))  # noqa: S314
    assert "yet" in words


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "rows"])
def test_the_legend_lies_above_the_data(name, data, indicators):
    figure = drawn(name, data, indicators)
    figure.draw_without_rendering()
    for axes in figure.axes:
        told = axes.get_legend()
        if told is not None:
            box = told.get_window_extent()
            assert box.y0 >= axes.get_window_extent().y1 - 1
            assert box.x1 <= figure.bbox.x1
            title = figure._suptitle.get_window_extent()
            assert not title.overlaps(box)


def test_pictures_are_on_white_and_as_large_as_said(data, indicators):
    with Image.open(io.BytesIO(to_png(drawn("equity", data, indicators), resolution=50))) as picture:
        assert picture.size[0] == 400
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.slow
def test_markdown_goes_down_in_resolution_until_it_fits_and_says_when_it_cannot(data, indicators):
    figure = drawn("equity", data, indicators)
    full = len(to_markdown(figure))
    assert len(to_markdown(figure, limit=full - 1)) < full
    with pytest.raises(ValueError, match=r"plot 'equity': [\d,]+ characters at 45 dpi, 100 are allowed"):
        to_markdown(figure, "equity", limit=100)


def test_no_figure_stays_behind(data, indicators):
    import matplotlib as mpl
    from matplotlib._pylab_helpers import Gcf

    before = dict(mpl.rcParams)
    to_svg(drawn("equity", data, indicators))
    assert Gcf.figs == {}
    assert dict(mpl.rcParams) == before


def test_forecasts_stand_at_the_session_they_were_made_for(data):
    figure = price_with_forecasts(data.bars, data.forecasts, **SKILL, **USD)
    median = lines(figure)["forecast median"]
    made = data.forecasts.filter(
        pl.col("symbol") == "SPX", pl.col("model") == "arma_garch", pl.col("horizon") == 5
    ).sort("target_session")
    last = made.row(-1, named=True)
    assert median.get_xdata()[-1] == np.datetime64(last["target_session"])
    assert median.get_ydata()[-1] == last["price"]
    close = lines(figure)["close"]
    assert close.get_xdata()[-1] == np.datetime64(dt.date(2018, 12, 31))
    assert len(close.get_xdata()) == 250
    assert median.get_xdata()[0] >= close.get_xdata()[0]
    assert median.get_xdata()[-1] > close.get_xdata()[-1]


def test_without_forecasts_the_close_is_still_shown(data):
    figure = price_with_forecasts(data.bars, data.forecasts.clear(), **SKILL, **USD)
    assert figure.get_suptitle() == "SPX: close (no forecasts of arma_garch yet)"
    assert list(lines(figure)) == ["close"]


def test_equity_is_compared_with_a_dashed_line(data):
    both = lines(equity_curve(data.positions, data.bars, currency="USD"))
    assert both["account"].get_linestyle() == "-"
    assert both["buy and hold"].get_linestyle() == "--"
    assert both["account"].get_ydata()[0] == pytest.approx(both["buy and hold"].get_ydata()[0], abs=1)


def test_numbers_of_an_axis_share_one_size(data):
    figure = equity_curve(data.positions, data.bars, currency="USD")
    figure.draw_without_rendering()
    texts = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert all(text.endswith(" M") for text in texts if text != "0")


def test_drawdown_names_the_worst(data):
    assert re.fullmatch(r"Drawdown of the account: at worst -\d+\.\d %", drawdown(data.positions).get_suptitle())


def test_an_indicator_that_is_not_configured_is_not_drawn(data, indicators):
    figure = indicator_panel(data.bars, indicators.drop("rsi_14", "sma_50", "ema_20"), **USD)
    assert len(figure.axes) == 1
    assert set(lines(figure)) == {"close", "sma_20"}


def test_warm_up_leaves_a_gap(data, indicators):
    bars = data.bars.filter(pl.col("session") < dt.date(1999, 4, 1))
    average = lines(indicator_panel(bars, indicators, **USD))["sma_50"].get_ydata()
    assert np.isnan(average[:49]).all()
    assert not np.isnan(average[49:]).any()


def test_skill_is_the_ratio_of_rolling_errors(data):
    window = 100
    ratios = skill_ratios(data.scores, **SKILL, window=window)
    own = data.scores.filter(pl.col("symbol") == "SPX", pl.col("horizon") == 5)
    last = {
        model: own.filter(pl.col("model") == model).sort("target_session")["squared_error"].tail(window).mean()
        for model in ("arma_garch", "random_walk")
    }
    expected = math.sqrt(last["arma_garch"] / last["random_walk"])
    assert ratios.filter(pl.col("symbol") == "SPX").item(-1, "rmse_ratio") == pytest.approx(expected)
    sessions = own["target_session"].unique().sort()
    assert ratios["target_session"].min() == sessions[window - 1]


def test_skill_of_many_symbols_is_pooled(data):
    many = pl.concat(
        data.scores.with_columns(symbol=pl.lit(f"S{n}")).unique(["target_session", "model", "horizon"])
        for n in range(5)
    )
    assert skill_ratios(many, **SKILL)["symbol"].unique().to_list() == ["all symbols"]


def test_skill_of_intraday_bars_weighs_each_that_both_models_forecast():
    opens = [dt.datetime(2020, 1, day, hour, tzinfo=dt.UTC) for day in (1, 2, 3) for hour in (9, 10)]

    def made(model, errors):
        return pl.DataFrame(
            {
                "symbol": ["SPX"] * 6,
                "target_open_time": opens,
                "target_session": [time.date() for time in opens],
                "model": [model] * 6,
                "horizon": [5] * 6,
                "squared_error": [float(error) for error in errors],
            }
        )

    walk = made("random_walk", [1, 1, 1, 1, 1, 1])
    # The first model's bar of 9 on the second day has no counterpart, so it counts for neither.
    model = made("arma_garch", [4, 2, 900, 3, 1, 1])
    kept = walk.filter(pl.col("target_open_time") != opens[2])
    ratios = skill_ratios(pl.concat([model, kept]), **SKILL, window=2)
    assert ratios["target_session"].to_list() == [dt.date(2020, 1, 2), dt.date(2020, 1, 3)]
    assert ratios["rmse_ratio"].to_list() == pytest.approx([math.sqrt(9 / 3), math.sqrt(5 / 3)])


def test_of_a_sessions_bars_the_forecast_of_its_last_close_is_shown(data):
    own = data.forecasts.filter(
        pl.col("symbol") == "SPX", pl.col("model") == "arma_garch", pl.col("horizon") == 5
    ).sort("target_open_time")
    hour = pl.duration(hours=1)
    earlier = own.with_columns(pl.col("open_time") - hour, pl.col("target_open_time") - hour, price=pl.lit(1.0))
    median = lines(price_with_forecasts(data.bars, pl.concat([own, earlier]), **SKILL, **USD))["forecast median"]
    alone = lines(price_with_forecasts(data.bars, own, **SKILL, **USD))["forecast median"]
    assert (median.get_ydata() == alone.get_ydata()).all()


def test_skill_counts_only_what_both_models_forecast(data):
    half = data.scores.filter((pl.col("model") != "random_walk") | (pl.col("target_session") >= dt.date(2017, 1, 1)))
    assert skill_ratios(half, **SKILL)["target_session"].min() > dt.date(2017, 6, 1)


values = st.lists(st.one_of(st.none(), st.floats(allow_infinity=True), st.floats(-100, 100)), min_size=0, max_size=400)


@given(values, st.integers(4, 60))
def test_thinning_keeps_extremes_ends_and_order(series, limit):
    frame = pl.DataFrame({"x": list(range(len(series))), "y": series}, schema={"x": pl.Int64, "y": pl.Float64})
    kept = thinned(frame, "y", limit)
    assert kept.height <= limit or frame.height <= limit
    assert kept["x"].is_sorted()
    assert kept["x"].n_unique() == kept.height
    if series:
        assert {kept.item(0, "x"), kept.item(-1, "x")} == {0, len(series) - 1}
    finite = [value for value in series if value is not None and math.isfinite(value)]
    shown = [value for value in kept["y"] if value is not None and math.isfinite(value)]
    if finite:
        assert (min(shown), max(shown)) == (min(finite), max(finite))


@given(st.integers(0, 500), st.integers(1, 60))
def test_every_nth_keeps_the_last_row(height, limit):
    kept = every_nth(pl.DataFrame({"x": range(height)}, schema={"x": pl.Int64}), limit)
    assert kept.height <= limit
    assert kept.height == 0 or kept.item(-1, "x") == height - 1
