"""Plots of single indicators for the documentation: the price above, what the indicator says below or over it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.indicators import BoundIndicator
from tradepipe.indicators.model import Output
from tradepipe.reporting.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    QUIET,
    STROKES,
    Stroke,
    date_axis,
    legend,
    line,
    name_axes,
    new_figure,
    number_axis,
    sentence_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PRICE_UNIT = "price currency"
SIGN_UNITS = ("sign", "signal: -1, 0 or 1")
_PANEL = 1.25
_PRICE = 1.9


def indicator_figure(bound: BoundIndicator, rows: pl.DataFrame, *, currency: str) -> "Figure":
    """Close, with the outputs that lie where prices lie over it and the others in a panel a unit below.

    Args:
        bound: what is shown.
        rows: open_time, close and every output, in time order.
        currency: unit of the price axis.
    """
    if not rows.select(output.name for output in bound.described).count().sum_horizontal().item():
        return sentence_figure(bound.text, "No value in these bars.")
    over: dict[str, Output] = {}
    panels: dict[str, dict[str, Output]] = {}
    for output in bound.described:
        # A long name for each of five lines leaves the plot no room.
        word = output.name.removeprefix(f"{bound.label}_")
        (over if _lies_on_prices(output, rows) else panels.setdefault(output.unit, {}))[word] = output
    heights = [_PRICE, *(_PANEL for _ in panels)]
    figure, (price, *below) = new_figure(bound.text, heights, height=sum(heights) + 0.7)
    _lines(price, rows, over, close=True)
    name_axes(price, y=f"price, {currency}")
    for axes, (unit, outputs) in zip(below, panels.items(), strict=True):
        _lines(axes, rows, outputs)
        name_axes(axes, y=_short(currency if unit == PRICE_UNIT else unit.replace(PRICE_UNIT, currency)))
    date_axis(figure.axes[-1], "start of bar, UTC")
    return figure


def pattern_figure(bound: BoundIndicator, rows: pl.DataFrame, *, currency: str) -> "Figure":
    """Candles, and a mark at each bar whose value is not 0.

    Args:
        bound: an indicator with one output that is 1, -1 or 0.
        rows: open_time, the four prices and the output, in time order.
        currency: unit of the price axis.
    """
    (name,) = (output.name for output in bound.described)
    never = "" if (rows[name] != 0).any() else ": never found; the last sessions"
    figure, (axes,) = new_figure(f"{bound.text}{never}", height=2.9)
    place = pl.int_range(pl.len())
    for colour, chosen in ((GREEN, pl.col("close") >= pl.col("open")), (ORANGE, pl.col("close") < pl.col("open"))):
        part = rows.with_columns(place=place).filter(chosen)
        at = part["place"].to_numpy()
        axes.vlines(at, part["low"].to_numpy(), part["high"].to_numpy(), color=INK, linewidth=0.8, zorder=2)
        bottom, height = part.select(
            pl.min_horizontal("open", "close"), height=(pl.col("close") - pl.col("open")).abs()
        )
        axes.bar(at, height.to_numpy(), 0.7, bottom.to_numpy(), color=colour, edgecolor=INK, linewidth=0.5, zorder=3)
    reach = _number((rows["high"].max(), rows["low"].min()))
    for sign, marker, column, away in ((1, "^", "low", -0.06), (-1, "v", "high", 0.06)):
        found = rows.with_columns(place=place).filter(pl.col(name) == sign)
        axes.scatter(
            found["place"].to_numpy(), found[column].to_numpy() + away * reach, marker=marker, color=BLUE, s=42
        )
    step = max(rows.height // 6, 1)
    shown = range(0, rows.height, step)
    axes.set_xticks(list(shown), [f"{rows.item(at, 'open_time'):%Y-%m-%d}" for at in shown])
    axes.margins(y=0.12)
    name_axes(axes, y=f"price, {currency}", x="session (mark below: 1, above: -1)")
    number_axis(axes)
    return figure


def _lines(axes: "Axes", rows: pl.DataFrame, outputs: Mapping[str, Output], *, close: bool = False) -> None:
    """Draw outputs, by the word that the legend has for each; and the close."""
    if close:
        line(axes, rows.select("open_time", "close"), Stroke(INK, width=1.0), "close")
    many = len(STROKES) < len(outputs)
    strokes = [*STROKES, *(Stroke(QUIET, stroke.style) for stroke in STROKES)] if many else STROKES
    for (word, output), stroke in zip(outputs.items(), strokes, strict=False):
        if output.unit in SIGN_UNITS:
            times = rows["open_time"].dt.replace_time_zone(None).to_numpy()
            values = rows[output.name].cast(pl.Float64).fill_null(0).to_numpy()
            axes.fill_between(times, values, step="post", color=stroke.colour, alpha=0.35, linewidth=0, label=word)
        else:
            line(axes, rows.select("open_time", output.name), stroke, word)
    if not close:
        _frame(axes, rows, list(outputs.values()))
    legend(axes)
    number_axis(axes)


def _frame(axes: "Axes", rows: pl.DataFrame, outputs: Sequence[Output]) -> None:
    """The whole range of values that are bounded and use it, such as 0 to 100; zero, where values cross it."""
    bounds = [bound for output in outputs for bound in (output.minimum, output.maximum)]
    known = [bound for bound in bounds if bound is not None]
    values = pl.concat([rows[output.name].cast(pl.Float64) for output in outputs])
    low, high = _number((values.min(),)), _number((values.max(),))
    if len(known) == len(bounds) and high - low > 0.5 * (max(known) - min(known)):
        room = 0.04 * (max(known) - min(known))
        axes.set_ylim(min(known) - room, max(known) + room)
    if low < 0 < high:
        axes.axhline(0, color=QUIET, linewidth=0.8)


def _lies_on_prices(output: Output, rows: pl.DataFrame) -> bool:
    """Whether it is a price, not a distance between prices: half of it lies where the closes lie, with some room."""
    if output.unit != PRICE_UNIT:
        return False
    low, high = _number((rows["close"].min(),)), _number((rows["close"].max(),))
    room = high - low
    near = rows[output.name].is_between(low - room, high + room).mean()
    return isinstance(near, float) and near > 0.5


def _short(unit: str) -> str:
    """A unit for the side of a low panel: its words on several lines."""
    words, lines = unit.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 16 and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _number(values: Sequence[object]) -> float:
    """The one number, or the first less the second."""
    found = [float(value) for value in values if isinstance(value, int | float)]
    return found[0] - found[1] if len(found) > 1 else found[0]
