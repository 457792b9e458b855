"""`tradepipe forecast`: what is forecast for a symbol, and why."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from tradepipe.chain.latest import LatestForecast, NoForecastError, as_document, latest_forecast, market_of
from tradepipe.chain.profiling import Profile, profile_forecasts
from tradepipe.commands.blast_radius import SessionError
from tradepipe.commands.project import Project
from tradepipe.contracts.forecasts import ENSEMBLE, LEVELS
from tradepipe.reporting.fan import WIDTH, fan_figure, fan_text
from tradepipe.reporting.rendering import to_png, to_svg
from tradepipe.reporting.wording import UNKNOWN, count, number, p_value, percent, plural, price

RESOLUTION = 160
_PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class Wanted:
    """What the command is asked for: its arguments."""

    symbol: str
    market: str | None = None
    as_of: str | None = None
    plot: Path | None = None
    profile: bool = False
    as_json: bool = False


def show_forecast(project: Project, console: Console, wanted: Wanted) -> None:
    """Print the newest forecast of a symbol; write its chart and tell what it costs, where that is asked for.

    Raises:
        NoForecastError: no such symbol, several markets have it, nothing was forecast yet, or `plot` is no picture.
        UnknownMarketError: no such market.
        SessionError: `as_of` is no date.
    """
    plot = wanted.plot
    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise NoForecastError(f"--plot {plot}: a chart is written as {' or '.join(_PICTURES)}; name such a file")
    if wanted.market is not None:
        project.market(wanted.market)
    chosen = market_of(project.markets, wanted.symbol, wanted.market)
    found = latest_forecast(project.store, chosen, wanted.symbol, _session(wanted.as_of))
    cost = None
    if wanted.profile:
        cost = profile_forecasts(project.store, chosen, chosen.partitions.key_of(found.session))
    currency = chosen.settings.currency
    if plot is not None:
        _write(plot, found, currency)
    if wanted.as_json:
        spent = None if cost is None else cost.spending
        extra = {"profile": spent.seconds, "fits_a_cpu_second": spent.fits_a_second} if spent else {}
        told = {**as_document(found), **extra}
        console.out(json.dumps(told, indent=1, default=str))
        return
    tell(console, found, currency)
    if cost is not None:
        _tell_cost(console, cost)
    if plot is not None:
        console.print(f"chart      {plot}", soft_wrap=True)


def _session(as_of: str | None) -> dt.date | None:
    try:
        return None if as_of is None else dt.date.fromisoformat(as_of)
    except ValueError:
        raise SessionError(f"--as-of {as_of!r} is no session; expected a date such as 2018-06-05") from None


def _write(path: Path, found: LatestForecast, currency: str) -> None:
    title = f"{found.symbol}: forecast after the close of {_origin(found)}"
    figure = fan_figure(found.history, found.of(ENSEMBLE), title=title, currency=currency)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".svg":
        path.write_text(to_svg(figure), encoding="utf-8")
    else:
        path.write_bytes(to_png(figure, resolution=RESOLUTION))


def tell(console: Console, found: LatestForecast, currency: str) -> None:
    """Print a forecast, why, and how good it was lately; `currency` is that of its prices."""
    told = found.of(ENSEMBLE)
    console.print(
        f"[bold]{found.symbol}[/]  {found.market}, after the close of {_origin(found)} at "
        f"{price(told['origin_price'][0])} {currency}"
    )
    console.print(_ahead(told, currency))
    console.print()
    console.print(fan_text(found.history, told, width=min(console.width, WIDTH)))
    console.print()
    console.print(_members(found))
    _tell_why(console, found)
    _tell_lately(console, found)


def _origin(found: LatestForecast) -> str:
    """The session; of several bars a session also which one."""
    several = found.history.filter(pl.col("session") == found.session).height > 1
    return f"the bar of {found.forecasts['open_time'][0]:%Y-%m-%d %H:%M} UTC" if several else str(found.session)


def _table(*columns: str) -> Table:
    """Columns of numbers, unless marked by a leading '<'."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name.removeprefix("<"), justify="left" if name.startswith("<") else "right")
    return table


def _ahead(told: pl.DataFrame, currency: str) -> Table:
    intervals = [f"{level} % interval" for level in LEVELS]
    daily = told["target_session"].n_unique() == told.height
    table = _table(
        "bars ahead",
        "<session" if daily else "<bar, UTC",
        "mean, bp",
        "volatility, bp",
        f"price, {currency}",
        *intervals,
    )
    for row in told.to_dicts():
        ends = (f"{price(row[f'price_lower_{one}'])} to {price(row[f'price_upper_{one}'])}" for one in LEVELS)
        table.add_row(
            str(row["horizon"]),
            str(row["target_session"]) if daily else f"{row['target_open_time']:%Y-%m-%d %H:%M}",
            _bp(row["mean_return"]),
            number(1e4 * row["volatility"], 0),
            price(row["price"]),
            *ends,
        )
    return table


def _members(found: LatestForecast) -> Table:
    """Each member at the longest horizon, the heaviest first, with the fit behind it."""
    horizon = max(found.forecasts["horizon"].to_list())
    ahead = f"{plural(horizon, 'bar')} ahead"
    table = _table(
        *(f"<{ahead}", "weight", "mean, bp", "volatility, bp", "<engine", "<refitted after", "<trigger", "<version")
    )
    rows = found.forecasts.filter(pl.col("horizon") == horizon, pl.col("model") != ENSEMBLE)
    fits = {row["model"]: row for row in found.fits.to_dicts()}
    for row in rows.sort("weight", "model", descending=[True, False]).to_dicts():
        fit = fits.get(row["model"], {})
        table.add_row(
            row["model"],
            number(row["weight"], 3),
            _bp(row["mean_return"]),
            number(1e4 * row["volatility"], 0),
            row["engine"],
            str(fit.get("session", UNKNOWN)),
            fit.get("trigger", UNKNOWN),
            fit.get("version", UNKNOWN),
        )
    return table


def _tell_why(console: Console, found: LatestForecast) -> None:
    for row in found.of(ENSEMBLE).head(1).to_dicts():
        width = "past errors (conformal)" if row["interval"] == "conformal" else "the model's law"
        console.print(f"intervals  as wide as {width}; regime {found.regime or 'not known'}", soft_wrap=True)
    instead = found.forecasts.filter(pl.col("fallback").is_not_null()).unique("model", maintain_order=True)
    for row in instead.to_dicts():
        console.print(f"instead    {row['model']}: {row['fallback']}", markup=False, soft_wrap=True)
    if found.fits.is_empty():
        console.print("fits       their file was removed, superseded or evicted")
    console.print(f"from       {found.market}/forecasts, generation {found.generation}")


def _tell_lately(console: Console, found: LatestForecast) -> None:
    if found.lately.is_empty():
        console.print("lately     no forecast has met its target yet")
        return
    horizon = max(found.lately["horizon"].to_list())
    told = found.lately.filter(pl.col("horizon") == horizon)
    console.print()
    names = "forecasts", "RMSE / walk", "p", "right sign", *(f"inside {one} %" for one in LEVELS)
    table = _table(f"<last year, {plural(horizon, 'bar')} ahead", *names)
    first = pl.col("model") == ENSEMBLE
    for row in told.sort(first, "model", descending=[True, False]).to_dicts():
        inside = (percent(row[f"coverage_{one}"]) for one in LEVELS)
        ratio = number(row["rmse_ratio"], 4)
        shown = count(row["forecasts"]), ratio, p_value(row["dm_p_value"]), percent(row["hit_rate"])
        table.add_row(row["model"], *shown, *inside)
    console.print(table)
    if found.sentence:
        console.print(found.sentence, markup=False)


def _tell_cost(console: Console, cost: Profile) -> None:
    console.print()
    spent = cost.spending
    table = _table(f"<cost of {cost.partition}", "CPU-s", "share", "fits", "fits / CPU-s")
    for name, share in spent.shares.items():
        rate = count(round(spent.fits_a_second[name])) if name in spent.fits_a_second else ""
        made = count(spent.fits[name]) if name in spent.fits else ""
        table.add_row(name, number(spent.seconds[name], 3), percent(share), made, rate)
    console.print(table)
    console.print(f"{plural(cost.symbols, 'symbol')}, {plural(cost.fits, 'fit')}, computed anew without the fit cache")


def _bp(value: float) -> str:
    return f"{1e4 * value:+.1f}"
