"""The plots that marts show in their metadata, as Markdown."""

from collections.abc import Callable

import polars as pl

from tradepipe.reporting.drawing import BLUE, INK, Stroke, band, date_axis, legend, line, name_axes, new_figure
from tradepipe.reporting.rendering import to_markdown
from tradepipe.reporting.wording import plural


def plots(mart: str, frame: pl.DataFrame) -> dict[str, str]:
    """The plots of the mart of that name; none for most, and none without rows."""
    draw = _PLOTS.get(mart)
    return {} if draw is None or frame.is_empty() else draw(frame)


def _scorecard(frame: pl.DataFrame) -> dict[str, str]:
    months = (
        frame.group_by("month")
        .agg(lowest=pl.min("score"), highest=pl.max("score"), mean=pl.mean("score"), symbols=pl.n_unique("symbol"))
        .sort("month")
    )
    title = f"Quality score by month, {plural(frame['symbol'].n_unique(), 'symbol')}"
    figure, (axes,) = new_figure(title)
    band(axes, months.select("month", "lowest", "highest"), BLUE, "lowest to highest symbol")
    line(axes, months.select("month", "mean"), Stroke(INK, width=1.3), "mean of symbols")
    axes.set_ylim(max(0.0, float(months["lowest"].min() or 0.0) - 0.02), 1.005)  # type: ignore[arg-type]  # floats
    legend(axes)
    name_axes(axes, y="score, 0 to 1")
    date_axis(axes, "month")
    return {"score": to_markdown(figure)}


_PLOTS: dict[str, Callable[[pl.DataFrame], dict[str, str]]] = {"quality_scorecard": _scorecard}
