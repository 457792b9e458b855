"""How our figures look, and the few things every plot needs. matplotlib is imported when one is drawn.

Figures are made with matplotlib's object-oriented interface: no pyplot, so no figure is kept
anywhere and none has to be closed. The colours are from Okabe and Ito's palette for colour-blind
readers; lines that share an axis differ in stroke as well, for greyscale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#24292f"
QUIET = "#6e7781"
RULE = "#d8dee4"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"

MAX_POINTS = 2000
WIDTH = 8.0
HEIGHT = 3.3
_TITLE_SIZE = 10.5
_TEXT_SIZE = 8.5


@dataclass(frozen=True)
class Stroke:
    """Colour and stroke of a line, told apart without colour too."""

    colour: str
    style: Any = "solid"
    width: float = 1.2


STROKES = (
    Stroke(BLUE),
    Stroke(ORANGE, (0, (5, 2))),
    Stroke(GREEN, (0, (1, 1.5)), 1.6),
    Stroke(PURPLE, (0, (6, 2, 1, 2))),
)


def new_figure(title: str, heights: Sequence[float] = (1.0,), *, height: float = HEIGHT) -> "tuple[Figure, list[Axes]]":
    """A figure with a title and panels of relative `heights` below each other that share the x axis."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a third of a second, only where a plot is drawn

    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": list(heights)})
    panels = [_tidied(axes) for axes in grid[:, 0]]
    figure.suptitle(title, x=0.01, ha="left", fontsize=_TITLE_SIZE, fontweight="bold", color=INK)
    return figure, panels


def sentence_figure(title: str, sentence: str) -> "Figure":
    """A figure that says why there is nothing to draw."""
    figure, (axes,) = new_figure(title, height=1.2)
    axes.set_axis_off()
    axes.text(0.0, 0.5, sentence, transform=axes.transAxes, fontsize=_TEXT_SIZE + 1, color=QUIET, va="center")
    return figure


def _tidied(axes: "Axes") -> "Axes":
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.tick_params(axis="both", labelsize=_TEXT_SIZE, colors=INK, length=0)
    axes.tick_params(axis="x", length=3, color=QUIET)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    return axes


def name_axes(axes: "Axes", *, y: str, x: str | None = None) -> None:
    """Label the axes with what they show and in which unit."""
    axes.set_ylabel(y, fontsize=_TEXT_SIZE, color=INK)
    if x is not None:
        axes.set_xlabel(x, fontsize=_TEXT_SIZE, color=INK)


def date_axis(axes: "Axes", label: str = "session") -> None:
    """Few, readable dates on the lowest panel's x axis."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_fontsize(_TEXT_SIZE)
    axes.xaxis.get_offset_text().set_color(INK)
    name_axes(axes, y=axes.get_ylabel(), x=label)


def number_axis(axes: "Axes", *, percent: bool = False) -> None:
    """Thousands separated on the y axis, or fractions as per cent; never an offset or a power of ten."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=3))

    def text(value: float, _place: int | None) -> str:
        if percent:
            return f"{100 * value:,.6g} %"
        size, sign = _size(max(abs(limit) for limit in axes.get_ylim()))
        return f"{value / size:,.10g}{sign if value else ''}"

    axes.yaxis.set_major_formatter(FuncFormatter(text))


def _size(largest: float) -> tuple[float, str]:
    """The size all numbers of an axis are told in, and what it is called."""
    sizes = ((1e12, " tn"), (1e9, " bn"), (1e6, " M"))
    return next(((size, sign) for size, sign in sizes if largest >= size), (1.0, ""))


def legend(axes: "Axes") -> None:
    """Say what the lines are, above the panel, where no data is."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        borderpad=0.0,
        ncols=4,
        frameon=False,
        fontsize=_TEXT_SIZE,
        labelcolor=INK,
        handlelength=2.2,
        columnspacing=1.6,
    )


def line(axes: "Axes", frame: pl.DataFrame, stroke: Stroke, label: str) -> None:
    """Draw the second column of `frame` over the first; nulls and what is not finite leave a gap."""
    x, y = frame.columns
    drawn = thinned(frame, y)
    axes.plot(
        _numpy(drawn[x]),
        _numpy(drawn[y]),
        color=stroke.colour,
        linestyle=stroke.style,
        linewidth=stroke.width,
        label=label,
        solid_joinstyle="round",
    )


def band(axes: "Axes", frame: pl.DataFrame, colour: str, label: str) -> None:
    """Shade between the second and the third column of `frame` over the first."""
    x, lower, upper = frame.columns
    drawn = every_nth(frame)
    axes.fill_between(
        _numpy(drawn[x]),
        _numpy(drawn[lower]),
        _numpy(drawn[upper]),
        color=colour,
        alpha=0.22,
        linewidth=0,
        label=label,
    )


def thinned(frame: pl.DataFrame, y: str, limit: int = MAX_POINTS) -> pl.DataFrame:
    """At most `limit` rows of `frame` that keep the picture: each stretch's lowest and highest `y`, and both ends."""
    if frame.height <= limit:
        return frame
    stretches = (limit - 2) // 2
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    marked = frame.with_columns(_place=place, _stretch=place * stretches // frame.height)
    value = pl.when(pl.col(y).is_finite()).then(pl.col(y))
    kept = marked.group_by("_stretch").agg(
        # A stretch of nulls is kept as its first row, so that the gap stays.
        low=pl.col("_place").get(value.arg_min().fill_null(0)),
        high=pl.col("_place").get(value.arg_max().fill_null(0)),
    )
    places = pl.concat([kept["low"], kept["high"], pl.Series([0, frame.height - 1])]).unique().sort()
    return frame[places]


def every_nth(frame: pl.DataFrame, limit: int = MAX_POINTS) -> pl.DataFrame:
    """At most `limit` evenly spaced rows of `frame`, the last one among them."""
    step = -(-frame.height // limit) if frame.height else 1
    return frame[(frame.height - 1) % step :: step] if step > 1 else frame


def _numpy(values: pl.Series) -> np.ndarray[Any, np.dtype[Any]]:
    """For matplotlib: datetimes without a zone (all ours are UTC), numbers as floats with NaN for gaps."""
    if values.dtype.is_temporal():
        return values.cast(pl.Datetime("us")).to_numpy()
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
