"""What came out, for people: plots, a summary on one screen, and a report to keep.

Importing this package imports neither matplotlib nor rich nor jinja2.
"""

from tradepipe.reporting.data import GENERATIONS, ReportData
from tradepipe.reporting.performance import Performance
from tradepipe.reporting.plots import (
    forecast_skill,
    indicator_panel,
    price_and_volume,
    price_with_forecasts,
    rows_per_partition,
)
from tradepipe.reporting.rendering import to_markdown, to_png, to_svg
from tradepipe.reporting.report import write_report
from tradepipe.reporting.screen import render_summary
from tradepipe.reporting.summary import Summary, summarise
from tradepipe.reporting.trading_plots import drawdown, equity_curve

__all__ = [
    "GENERATIONS",
    "Performance",
    "ReportData",
    "Summary",
    "drawdown",
    "equity_curve",
    "forecast_skill",
    "indicator_panel",
    "price_and_volume",
    "price_with_forecasts",
    "render_summary",
    "rows_per_partition",
    "summarise",
    "to_markdown",
    "to_png",
    "to_svg",
    "write_report",
]
