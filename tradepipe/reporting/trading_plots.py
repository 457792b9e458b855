"""Plots of trading results: equity and drawdown. See `tradepipe.reporting.plots` for the data layers."""

from typing import TYPE_CHECKING

import polars as pl

from tradepipe.reporting.drawing import (
    BLUE,
    HEIGHT,
    INK,
    ORANGE,
    Stroke,
    date_axis,
    legend,
    line,
    name_axes,
    new_figure,
    number_axis,
    sentence_figure,
    thinned,
)
from tradepipe.reporting.performance import buy_and_hold, drawdowns, equity_by_session
from tradepipe.reporting.wording import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_POSITIONS = "No positions yet: nothing was bought or sold."
_HELD = Stroke(ORANGE, (0, (5, 2)))


def equity_curve(positions: pl.DataFrame, bars: pl.DataFrame, *, currency: str) -> "Figure":
    """The account's equity, and what it would be had it bought all symbols in equal parts at the start.

    Args:
        positions: POSITIONS contract.
        bars: BARS contract, for the comparison.
        currency: unit of equity.
    """
    title = "Equity of the account, and of buying all symbols in equal parts and holding them"
    equity = equity_by_session(positions)
    if equity.is_empty():
        return sentence_figure(title, _NO_POSITIONS)
    figure, (axes,) = new_figure(title)
    line(axes, equity, Stroke(BLUE, width=1.5), "account")
    held = buy_and_hold(bars, equity)
    if held.height:
        line(axes, held, _HELD, "buy and hold")
    legend(axes)
    name_axes(axes, y=f"equity, {currency}")
    number_axis(axes)
    date_axis(axes)
    return figure


def drawdown(positions: pl.DataFrame, bars: pl.DataFrame | None = None) -> "Figure":
    """How far the account is below its highest equity so far; with `bars`, beside buy and hold."""
    equity = equity_by_session(positions)
    if equity.is_empty():
        return sentence_figure("Drawdown of the account", _NO_POSITIONS)
    falls = drawdowns(equity)
    worst = falls["drawdown"].min()
    deepest = percent(worst if isinstance(worst, float) else None)
    figure, (axes,) = new_figure(f"Drawdown of the account: at worst {deepest}", height=HEIGHT * 0.85)
    shaded = thinned(falls, "drawdown")
    axes.fill_between(
        shaded["session"].cast(pl.Datetime("us")).to_numpy(),
        shaded["drawdown"].fill_null(0.0).to_numpy(),
        color=BLUE,
        alpha=0.22,
        linewidth=0,
    )
    line(axes, falls, Stroke(BLUE, width=1.0), "account")
    held = equity.clear() if bars is None else buy_and_hold(bars, equity)
    if held.height:
        line(axes, drawdowns(held), _HELD, "buy and hold")
        legend(axes)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    axes.set_ylim(top=0.0)
    name_axes(axes, y="below the highest\nequity so far")
    number_axis(axes, percent=True)
    date_axis(axes)
    return figure
