"""A forecast as a fan: what the price did, and where it may go, as a figure or in characters."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tradepipe.contracts.forecasts import LEVELS
from tradepipe.reporting.drawing import (
    BLUE,
    INK,
    Stroke,
    band,
    date_axis,
    legend,
    line,
    name_axes,
    new_figure,
    number_axis,
    sentence_figure,
)
from tradepipe.reporting.wording import price

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.text import Text

WIDTH, HEIGHT = 96, 16
_MARGIN = 12  # characters of the price scale
_FAN_SHARE = 0.35  # of the width; five bars of forecast deserve more room than five of two hundred bars
_DRAWN = 60  # closes in the figure
_LEGEND = f"{', '.join(str(level) for level in LEVELS[:-1])} and {LEVELS[-1]} % intervals"
_SHADES = {95: "\N{LIGHT SHADE}", 90: "\N{MEDIUM SHADE}", 80: "\N{DARK SHADE}"}
_MEDIAN, _BLANK = "\N{BLACK SQUARE}", " "
_BRAILLE = 0x2800
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def fan_points(history: pl.DataFrame, forecast: pl.DataFrame) -> pl.DataFrame:
    """Price and intervals from the origin on, where all are the last close.

    Args:
        history: open_time (UTC) and close, oldest first, at least one.
        forecast: FORECASTS rows of one model and origin, by horizon.

    Returns:
        target_open_time, price, and price_lower_80 to price_upper_95; one row more than `forecast` has.
    """
    names = ["price", *(f"price_{side}_{level}" for level in LEVELS for side in ("lower", "upper"))]
    close = pl.col("close").cast(pl.Float64)
    origin = history.tail(1).select(pl.col("open_time").alias("target_open_time"), *(close.alias(one) for one in names))
    return pl.concat([origin, forecast.sort("horizon").select("target_open_time", *names)])


def fan_figure(history: pl.DataFrame, forecast: pl.DataFrame, *, title: str, currency: str) -> "Figure":
    """The closes of `history` and the fan of `forecast`; arguments as of `fan_points`, currency of the axis."""
    if history.is_empty() or forecast.is_empty():
        return sentence_figure(title, "Nothing is forecast yet.")
    figure, (axes,) = new_figure(title, height=4.0)
    points = fan_points(history, forecast)
    for level in sorted(LEVELS, reverse=True):
        columns = "target_open_time", f"price_lower_{level}", f"price_upper_{level}"
        # They lie upon each other, so the innermost is the darkest; three entries of one colour would tell nothing.
        band(axes, points.select(columns), BLUE, _LEGEND if level == max(LEVELS) else "_nolegend_")
    line(axes, points.select("target_open_time", "price"), Stroke(BLUE, (0, (4, 1.5)), 1.5), "median forecast")
    line(axes, history.select("open_time", "close").tail(_DRAWN), Stroke(INK, width=1.4), "close")
    legend(axes)
    name_axes(axes, y=f"price, {currency}")
    number_axis(axes)
    date_axis(axes, "start of bar, UTC")
    return figure


def fan_text(history: pl.DataFrame, forecast: pl.DataFrame, *, width: int = WIDTH, height: int = HEIGHT) -> "Text":
    """The same in `height` lines of at most `width` characters, the price scale at the right."""
    from rich.text import Text  # noqa: PLC0415 - only who watches pays for rich

    points = fan_points(history, forecast)
    columns = max(width - _MARGIN, 20)
    ahead = max(int(columns * _FAN_SHARE), 1)
    closes = history["close"].cast(pl.Float64).to_numpy()[-2 * (columns - ahead) :]
    past = min(columns - ahead, -(-len(closes) // 2))
    fan = {name: _stretched(points[name].to_numpy(), ahead) for name in points.columns[1:]}
    low = min(float(closes.min()), float(fan["price_lower_95"].min()))
    high = max(float(closes.max()), float(fan["price_upper_95"].max()))
    rows = _Rows(low, high, height)
    told = Text(no_wrap=True)
    dots = _braille(closes, past, rows)
    shown = {level: (rows.of(fan[f"price_upper_{level}"]), rows.of(fan[f"price_lower_{level}"])) for level in LEVELS}
    median = rows.of(fan["price"])
    marked = set(np.linspace(0, height - 1, 5).astype(int).tolist())
    for row in range(height):
        told.append("".join(dots[row]))
        for column in range(ahead):
            if median[column] == row:
                told.append(_MEDIAN, "bold blue")
                continue
            inside = [level for level in LEVELS if shown[level][0][column] <= row <= shown[level][1][column]]
            told.append(_SHADES[min(inside)] if inside else _BLANK, "blue")
        told.append(f" {price(rows.price(row)):>{_MARGIN - 2}}" if row in marked else "", "dim")
        told.append("\n")
    dates = _dates(history.tail(len(closes)), points, past, ahead)
    told.append(dates, "dim")
    return told


class _Rows:
    """Lines of characters from `high`, line 0, down to `low`."""

    def __init__(self, low: float, high: float, height: int) -> None:
        room = max(high - low, abs(high) * 1e-6, 1e-12) * 0.02
        self.low, self.high, self.height = low - room, high + room, height

    def of(self, prices: "np.ndarray[tuple[int], np.dtype[np.float64]]", parts: int = 1) -> "list[int]":
        """The line of each price, each line cut into `parts`."""
        share = (self.high - prices) / (self.high - self.low)
        lines = np.clip((share * self.height * parts).astype(int), 0, self.height * parts - 1)
        return [int(one) for one in lines]

    def price(self, row: int) -> float:
        return self.high - (row + 0.5) / self.height * (self.high - self.low)


def _stretched(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]", columns: int
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """`values` at as many evenly spaced places, straight between them, the first one left out: it is history."""
    places = np.linspace(0, len(values) - 1, columns + 1)[1:]
    return np.asarray(np.interp(places, np.arange(len(values)), values))


def _braille(closes: "np.ndarray[tuple[int], np.dtype[np.float64]]", columns: int, rows: _Rows) -> "list[list[str]]":
    """The closes as a line of dots, two a character across and four down."""
    cells = np.zeros((rows.height, columns), dtype=np.int64)
    drawn = np.interp(np.linspace(0, len(closes) - 1, 2 * columns), np.arange(len(closes)), closes)
    places = rows.of(drawn, 4)
    for x, y in enumerate(places):
        before = places[x - 1] if x else y
        for dot in range(min(y, before + 1), max(y, before - 1) + 1):
            cells[dot // 4, x // 2] |= _DOTS[dot % 4, x % 2]
    return [[chr(_BRAILLE + int(cell)) if cell else _BLANK for cell in line] for line in cells]


def _dates(history: pl.DataFrame, points: pl.DataFrame, past: int, ahead: int) -> str:
    """First bar, origin and last target below the lines that they belong to."""
    first, origin = (f"{history['open_time'][place]:%Y-%m-%d}" for place in (0, -1))
    last = f"{points['target_open_time'][-1]:%Y-%m-%d}"
    left = f"{first}{origin:>{max(past - len(first), len(origin) + 1)}}"
    return f"{left}{last:>{max(past + ahead - len(left), len(last) + 1)}}"
