import datetime as dt

import numpy as np
import polars as pl
import pytest

from tradepipe.reporting.fan import fan_figure, fan_points, fan_text
from tradepipe.reporting.rendering import to_png

DAY = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
SHADES = "░▒▓■"


def history(closes):
    times = [DAY + dt.timedelta(days=place) for place in range(len(closes))]
    return pl.DataFrame({"open_time": times, "close": closes}, schema_overrides={"open_time": pl.Datetime("us", "UTC")})


def forecast(close, widths, *, since=40):
    ends = {
        f"price_{side}_{level}": [close * np.exp(sign * part * width) for width in widths]
        for level, part in ((80, 1.0), (90, 1.5), (95, 2.0))
        for side, sign in (("lower", -1), ("upper", 1))
    }
    times = [DAY + dt.timedelta(days=since + place) for place in range(len(widths))]
    frame = pl.DataFrame({"horizon": range(1, len(widths) + 1), "target_open_time": times, **ends, "price": close})
    return frame.with_columns(pl.col("target_open_time").cast(pl.Datetime("us", "UTC")), pl.col("price").cast(float))


def test_the_fan_opens_at_the_last_close():
    points = fan_points(history([10.0, 20.0]), forecast(20.0, [0.1, 0.2]))
    assert points.row(0)[1:] == (20.0,) * 7
    assert points["price_upper_95"].to_list() == pytest.approx([20, 20 * np.exp(0.2), 20 * np.exp(0.4)])


def test_every_line_is_as_wide_as_asked_and_wider_intervals_are_lighter():
    text = fan_text(history(list(np.linspace(90, 100, 40))), forecast(100.0, [0.02, 0.03, 0.05]), width=80, height=16)
    lines = text.plain.split("\n")
    assert len(lines) == 17
    assert max(map(len, lines)) <= 80
    assert lines[-1].split() == ["2018-01-01", "2018-02-09", "2018-02-12"]
    last = [line[42] for line in lines[:-1] if line[42] in SHADES]  # 20 characters of closes, 23 of fan
    # From the edge to the middle: 95, 90, 80 %, the median, and back.
    assert [one for place, one in enumerate(last) if place == 0 or last[place - 1] != one] == list("░▒▓■▓▒░")


def test_higher_prices_are_further_up():
    text = fan_text(history([1.0] * 20 + [2.0] * 20), forecast(2.0, [0.01]), width=80, height=10).plain.split("\n")
    dotted = [place for place, line in enumerate(text[:-1]) if line[:2].strip()]
    assert min(dotted) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("closes", [[5.0], [5.0] * 30, [1e-6, 2e-6], [1e9] * 300])
def test_any_history_has_a_picture(closes):
    made = forecast(closes[-1], [0.0, 0.0])
    assert "■" in fan_text(history(closes), made).plain
    assert to_png(fan_figure(history(closes), made, title="X", currency="USD")).startswith(b"\x89PNG")


def test_without_a_forecast_a_sentence_stands_there():
    figure = fan_figure(history([1.0]).clear(), forecast(1.0, [0.1]).clear(), title="X", currency="USD")
    assert "Nothing is forecast" in figure.axes[0].texts[0].get_text()
