"""The summary on one screen: at most 24 lines of 100 columns."""

from typing import TYPE_CHECKING, Any

import polars as pl

from tradepipe.reporting.summary import Summary
from tradepipe.reporting.wording import count, number, p_value, percent, plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

COLUMNS = 100
LINES = 24
_LAYERS_SHOWN = 9
_REFUSALS_SHOWN = 3
_ORDERS_SHOWN = 3
_FORECASTS_SHOWN = 4
_MEMBERS_SHOWN = 3


def render_summary(console: "Console", summary: Summary) -> None:
    """Print `summary` in at most 24 lines of 100 columns; what does not fit is counted."""
    from rich.console import Group  # noqa: PLC0415 - only who watches pays for rich
    from rich.table import Table  # noqa: PLC0415

    upper = Table.grid(padding=(0, 3, 0, 0))
    upper.add_row(_layers(summary), Group(_refusals(summary), "", _orders(summary)))
    for part in (_title(summary), upper, "", _models(summary), _forecasts(summary), "", _account(summary)):
        console.print(part, width=min(COLUMNS, console.width), highlight=False)


def _title(summary: Summary) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    period = (
        f"{summary.first_session} to {summary.last_session}, {plural(summary.sessions, 'session')}"
        if summary.sessions
        else "no bars yet"
    )
    return Text.assemble((summary.market, "bold"), f"  {period}", no_wrap=True, overflow="ellipsis")


def _table(*columns: str) -> "Table":
    """A table whose first column is text and whose others are numbers, unless marked by a leading '<'."""
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for place, name in enumerate(columns):
        left = place == 0 or name.startswith("<")
        table.add_column(name.removeprefix("<"), justify="left" if left else "right", no_wrap=True, overflow="ellipsis")
    return table


def _sentence(text: str) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")


def _layers(summary: Summary) -> "Table | Text":
    if summary.layers.is_empty():
        return _sentence("Nothing is published yet.")
    table = _table("layer", "partitions", "rows")
    shown, more = _parted(summary.layers, "rows", _LAYERS_SHOWN)
    for layer in shown:
        table.add_row(layer["layer"], count(layer["partitions"]), count(layer["rows"]))
    if more:
        table.add_row("others", "", count(more))
    return table


def _refusals(summary: Summary) -> "Table | Text":
    if summary.quarantine.is_empty():
        return _sentence("No row was refused.")
    table = _table("refused rows", "<reason", "rows")
    shown, more = _parted(summary.quarantine, "rows", _REFUSALS_SHOWN)
    for refusal in shown:
        table.add_row(refusal["layer"], refusal["reason"], count(refusal["rows"]))
    if more:
        table.add_row("others", "", count(more))
    return table


def _orders(summary: Summary) -> "Table | Text":
    if summary.orders.is_empty():
        return _sentence("No orders yet.")
    table = _table("orders", "<reason", "orders")
    shown, more = _parted(summary.orders, "orders", _ORDERS_SHOWN)
    for order in shown:
        table.add_row(order["state"], order["reason"] or "", count(order["orders"]))
    if more:
        table.add_row("others", "", count(more))
    return table


def _models(summary: Summary) -> "Text":
    """One line on what the layers of models found."""
    if not summary.weights:
        return _sentence("No ensemble has met its target yet.")
    weights = ", ".join(f"{model} {percent(weight, 0)}" for model, weight in summary.weights[:_MEMBERS_SHOWN])
    newest = sorted(summary.regimes.items(), key=lambda one: (-one[1], one[0]))
    now = f"; now {'mostly ' if len(newest) > 1 else ''}{newest[0][0]}" if newest else ""
    return _sentence(f"ensemble: {weights}; fallbacks {percent(summary.fallbacks)}{now}")


def _forecasts(summary: Summary) -> "Table | Text":
    if summary.accuracy.is_empty():
        return _sentence("No forecast has met its target yet.")
    # The longest horizon of each symbol first: it is the one traded on.
    ranked = summary.accuracy.sort("horizon", "symbol", "model", descending=[True, False, False])
    left_out = ranked.height - _FORECASTS_SHOWN
    table = _table(
        "error against the random walk", "ahead", "forecasts", "difference", "p", "right sign", "inside 95 %"
    )
    for row in ranked.head(_FORECASTS_SHOWN).to_dicts():
        ratio = row["rmse_ratio"]
        table.add_row(
            f"{row['symbol']} {row['model']}",
            plural(row["horizon"], "bar"),
            count(row["forecasts"]),
            percent(None if ratio is None else ratio - 1.0, signed=True),
            p_value(row["dm_p_value"]),
            percent(row["hit_rate"]),
            percent(row["coverage_95"]),
        )
    if left_out > 0:
        table.add_row(f"{count(left_out)} more in the report")
    return table


def _account(summary: Summary) -> "Table | Text":
    result = summary.performance
    if result is None:
        return _sentence(f"{plural(summary.fills.fills, 'fill')}. No positions yet.")
    fills = f"{plural(summary.fills.fills, 'fill')}, fees {number(summary.fills.fees, 0)} {summary.currency}"
    table = _table(fills, f"equity {summary.currency}", "return p.a.", "volatility", "max drawdown", "Sharpe")
    for name, judged in (("account", result), ("buy and hold", summary.buy_and_hold)):
        if judged is not None:
            table.add_row(
                name,
                number(judged.end_equity, 0),
                percent(judged.annual_return),
                percent(judged.volatility),
                percent(judged.max_drawdown),
                number(judged.sharpe),
            )
    return table


def _parted(counts: pl.DataFrame, column: str, shown: int) -> tuple[list[dict[str, Any]], int]:
    """The first rows, and the sum of the rest; one row too many is shown rather than called "others"."""
    if counts.height <= shown + 1:
        return counts.to_dicts(), 0
    return counts.head(shown).to_dicts(), int(counts[column][shown:].sum())
