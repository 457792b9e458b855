"""One market's report as a single HTML file: no scripts, nothing loaded from anywhere."""

import tempfile
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tradepipe.reporting.attribution import attribution
from tradepipe.reporting.data import SYMBOLS_PLOTTED, ReportData
from tradepipe.reporting.drawing import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RULE
from tradepipe.reporting.forecast_section import figures, section
from tradepipe.reporting.plots import forecast_skill, price_and_volume, price_with_forecasts
from tradepipe.reporting.rendering import to_svg
from tradepipe.reporting.summary import summarise
from tradepipe.reporting.trading_plots import drawdown, equity_curve
from tradepipe.reporting.wording import count, number, p_value, percent, plural

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

TEMPLATE = "report.html.jinja"
ROWS_SHOWN = 40
ORDERS_EXPLAINED = 15

# Fixed colours would vanish on a dark page; the page's style sheet gives these names their colours.
_THEMED = {
    INK: "currentColor",
    QUIET: "var(--quiet)",
    RULE: "var(--rule)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
}


def write_report(path: Path, data: ReportData) -> Path:
    """Write the report of `data` to `path` and return it; folders are made, an older report is replaced at once.

    The content depends on `data` alone: the same data gives the same bytes.
    """
    text = render_report(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A browser that reloads meanwhile sees the old report or the new one.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".html", delete=False) as file:
        file.write(text)
    written = Path(file.name)
    written.chmod(0o644)
    return written.replace(path)


def render_report(data: ReportData) -> str:
    """The report as HTML text."""
    was_denied = pl.col("state") == "DENIED"
    summary = summarise(data)
    judged = section(data)
    template = _environment().get_template(TEMPLATE)
    return template.render(
        data=data,
        summary=summary,
        judged=judged,
        overall=judged.overall.to_dicts(),
        earned=attribution(data.positions, data.fills, data.orders, data.decided_on, model=data.model).to_dicts(),
        verdicts=summary.verdicts[:ROWS_SHOWN],
        rows_shown=ROWS_SHOWN,
        sent=explained_orders(data.orders.filter(~was_denied), data.signals).to_dicts(),
        denied=explained_orders(data.orders.filter(was_denied), data.signals).to_dicts(),
        plots=_plots(data, judged.overall),
        symbols_left_out=max(len(data.symbols) - SYMBOLS_PLOTTED, 0),
    )


def explained_orders(orders: pl.DataFrame, signals: pl.DataFrame, newest: int = ORDERS_EXPLAINED) -> pl.DataFrame:
    """The newest orders, each with the score and the volatility of the signal it came from.

    Args:
        orders: ORDERS contract.
        signals: SIGNALS contract; an order without its signal here has nulls.
        newest: how many.

    Returns:
        The columns of `orders` plus score, volatility_bps, horizon and model, the newest first.
    """
    key = ["symbol", "decided_at", "strategy"]
    asked = signals.select(*key, "score", "volatility_bps", "horizon", "model")
    newest_first = orders.sort("decided_at", "symbol", descending=[True, False], maintain_order=True).head(newest)
    return newest_first.join(asked, on=key, how="left", maintain_order="left")


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only where a report is written

    environment = Environment(
        loader=PackageLoader("tradepipe.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., Any]] = {
        "count": count,
        "number": number,
        "percent": percent,
        "p_value": p_value,
        "plural": plural,
        "labelled": lambda rows, column: [{**row, "part": row[column]} for row in rows],
    }
    environment.filters.update(filters)
    return environment


def _plots(data: ReportData, overall: pl.DataFrame) -> dict[str, list[str]]:
    """The plots of each section as SVG, drawn one after the other so that one figure is in memory at a time."""
    sections: dict[str, list[str]] = {"account": [], "skill": [], "forecasts": [], "prices": []}
    add = {name: lambda figure, plots=plots: plots.append(_themed(figure)) for name, plots in sections.items()}
    add["account"](equity_curve(data.positions, data.bars, currency=data.currency))
    add["account"](drawdown(data.positions, data.bars))
    for figure in figures(data, overall):
        add["skill"](figure)
    for symbol in data.symbols[:SYMBOLS_PLOTTED]:
        add["forecasts"](
            price_with_forecasts(
                data.bars,
                data.forecasts,
                symbol=symbol,
                model=data.model,
                horizon=data.horizon,
                currency=data.currency,
            )
        )
        add["prices"](price_and_volume(data.bars, symbol=symbol, currency=data.currency))
    if data.scores.height or data.evaluations.is_empty():
        add["forecasts"](forecast_skill(data.scores, model=data.model, horizon=data.horizon))
    return sections


def _themed(figure: "Figure") -> str:
    """The figure as SVG whose colours come from the page, with its title for those who cannot see it."""
    svg = to_svg(figure)
    for fixed, named in _THEMED.items():
        svg = svg.replace(fixed, named)
    title = figure.get_suptitle()
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title, quote=True)}" ', 1)
