"""Plots of evaluations: coverage beside its level, error beside the random walk's, weights of the members."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.contracts.evaluation import TREND_STATES, UNKNOWN, VOLATILITY_STATES
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.forecasting.evaluation.views import calibration, rolling_skill, weights_over_time
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.reporting.drawing import (
    BLUE,
    HEIGHT,
    INK,
    ORANGE,
    QUIET,
    RULE,
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
from tradepipe.reporting.wording import count, number, p_value, percent, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOTHING = "No forecast has met its target yet."
_FAR = 1.2  # times the random walk's error, beyond which a line is not drawn
_SHORT = 70  # sessions of a run, up to which each is drawn by itself
_BESIDE = 0.36  # of the room between two levels, to either side
_MARKS = "osD^vP"
_FIXED = {ENSEMBLE: Stroke(INK, "solid", 1.8), RANDOM_WALK: Stroke(QUIET, "solid", 1.0)}


def coverage(table: pl.DataFrame, *, horizon: int) -> "Figure":
    """Share of outcomes inside each model's intervals beside the share that was promised.

    Bars show the standard deviation over symbols, where there are several.

    Args:
        table: `tradepipe.forecasting.evaluate`, by nothing.
        horizon: bars ahead.
    """
    title = f"Coverage of the intervals, {plural(horizon, 'bar')} ahead"
    told = calibration(table.filter(pl.col("horizon") == horizon))
    if told.is_empty():
        return sentence_figure(title, _NOTHING)
    figure, (axes,) = new_figure(title)
    levels = sorted(set(told["level"]))
    strokes = _strokes(told)
    for place, level in enumerate(levels):
        edges = place - _BESIDE, place + _BESIDE
        axes.plot(edges, (level, level), color=QUIET, linewidth=1.0, label="" if place else "as promised")
    for place, (model, stroke) in enumerate(strokes):
        own = told.filter(pl.col("model") == model).sort("level")
        beside = _BESIDE * (2 * (place + 0.5) / len(strokes) - 1)
        axes.errorbar(
            [one + beside for one in range(len(levels))],
            own["coverage"].to_list(),
            yerr=own["spread"].fill_null(0.0).to_list(),
            color=stroke.colour,
            marker=_MARKS[place % len(_MARKS)],
            markersize=5,
            linestyle="none",
            elinewidth=1.0,
            label=model,
        )
    legend(axes)
    axes.set_xticks(range(len(levels)), [percent(level, 0) for level in levels])
    spread = " (bars: spread over symbols)" if told["spread"].is_not_null().any() else ""
    name_axes(axes, y="outcomes inside", x=f"level of the interval{spread}")
    number_axis(axes, percent=True)
    return figure


def skill(sums: pl.DataFrame, *, horizon: int) -> "Figure":
    """Error of each model over the random walk's, over the last twelve months at each month.

    A model whose error is far from the others' is named with its own, and not drawn: its line would flatten theirs.

    Args:
        sums: EVALUATIONS contract, any partitions.
        horizon: bars ahead.
    """
    title = f"Forecast error against the random walk, {plural(horizon, 'bar')} ahead"
    told = rolling_skill(sums.filter(pl.col("horizon") == horizon)).filter(pl.col("model") != RANDOM_WALK)
    if told.is_empty():
        return sentence_figure(title, _NOTHING)
    middles = dict(told.group_by("model").agg(pl.col("rmse_ratio").median()).sort("model").rows())
    far = {model: ratio for model, ratio in middles.items() if ratio is not None and ratio > _FAR}
    figure, (axes,) = new_figure(title)
    axes.axhline(1.0, color=QUIET, linewidth=1.0)
    for model, stroke in _strokes(told):
        if model not in far:
            line(axes, told.filter(pl.col("model") == model).select("from_session", "rmse_ratio"), stroke, model)
    if len(far) < len(middles):
        legend(axes)
    name_axes(axes, y="ratio of RMSE, 12 months\n(below 1: better)")
    axes.ticklabel_format(axis="y", useOffset=False)
    left_out = ", ".join(f"{model} about {number(ratio)}" for model, ratio in far.items())
    date_axis(axes, "month of the targets" + (f" (not drawn: {left_out})" if far else ""))
    return figure


def weights(sums: pl.DataFrame, *, horizon: int) -> "Figure":
    """Mean weight of each member in the ensemble, month by month (EVALUATIONS contract, any partitions)."""
    title = f"Weights in the ensemble, {plural(horizon, 'bar')} ahead"
    told = weights_over_time(sums.filter(pl.col("horizon") == horizon))
    if told.is_empty():
        return sentence_figure(title, "No ensemble has met its target yet.")
    figure, (axes,) = new_figure(title)
    for model, stroke in _strokes(told):
        line(axes, told.filter(pl.col("model") == model).select("from_session", "weight"), stroke, model)
    legend(axes)
    axes.set_ylim(0, 1)
    name_axes(axes, y="weight")
    number_axis(axes, percent=True)
    date_axis(axes, "month of the targets")
    return figure


def metrics(table: pl.DataFrame) -> str:
    """The table as Markdown, one row a model and horizon (`tradepipe.forecasting.evaluate`, by nothing)."""
    names = ("forecasts", "RMSE / walk", "p", "MASE", "sMAPE", "hits", "CRPS", "log score", "80", "90", "95")
    heads = ("model", "bars", *names, "± 95", "QLIKE", "fallbacks", "Sharpe", "wins")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in table.to_dicts():
        cells = (
            row["model"],
            count(row["horizon"]),
            count(row["forecasts"]),
            number(row["rmse_ratio"], 4),
            p_value(row["dm_p_value"]),
            number(row["mase"], 3),
            number(row["smape"], 3),
            percent(row["hit_rate"]),
            number(row["crps"], 5),
            number(row["log_score"], 3),
            *(percent(row[f"coverage_{level}"]) for level in (80, 90, 95)),
            percent(row["coverage_95_spread"]),
            number(row["qlike"], 3),
            percent(row["fallback_share"]),
            number(row["sharpe"], 3),
            percent(row["win_rate"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def members(made_by: pl.DataFrame) -> str:
    """Who fitted what, as Markdown, one row a member.

    Args:
        made_by: model, engine, fallback (null: none), trigger, fits.
    """
    lines = ["| member | fits | engines | for drift | fallbacks | commonest reason |", f"|{'---|' * 6}"]
    for (model,), own in made_by.sort("model").group_by("model", maintain_order=True):
        fits = int(own["fits"].sum())
        engines = own.group_by("engine").agg(pl.col("fits").sum()).sort("fits", "engine", descending=[True, False])
        shares = ", ".join(f"{engine} {percent(some / fits)}" for engine, some in engines.rows())
        instead = own.filter(pl.col("fallback").is_not_null())
        reasons = instead.group_by("fallback").agg(pl.col("fits").sum()).sort("fits", "fallback", descending=True)
        drift = own.filter(pl.col("trigger") == "drift")["fits"].sum()
        cells = (
            str(model),
            count(fits),
            shares,
            count(drift),
            percent(instead["fits"].sum() / fits),
            str(reasons["fallback"][0]).replace("|", "/") if reasons.height else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def active(versions: Sequence[tuple[str, str]]) -> str:
    """Active versions as Markdown, one row a regime; pairs of regime and version, the best of a regime first."""
    if not versions:
        return "No version is active."
    by_regime: dict[str, list[str]] = {}
    for regime, version in versions:
        by_regime.setdefault(regime, []).append(version)
    rows = (f"| {regime} | {', '.join(held)} |" for regime, held in by_regime.items())
    return "\n".join(["| regime | active |", "|---|---|", *rows])


def regimes(made: pl.DataFrame) -> "Figure":
    """Share of bars in each state of volatility and of trend, month by month, or session by session of a short run.

    Args:
        made: REGIMES contract.
    """
    title = "Regimes: share of bars in each state"
    if made.is_empty():
        return sentence_figure(title, "No bars yet.")
    figure, panels = new_figure(title, (1.0, 1.0), height=HEIGHT * 1.3)
    short = made["session"].n_unique() <= _SHORT
    time = pl.col("session") if short else pl.col("session").dt.truncate("1mo")
    for axes, column, states, colours in (
        (panels[0], "volatility_state", VOLATILITY_STATES, (BLUE, RULE, ORANGE)),
        (panels[1], "trend_state", TREND_STATES, (ORANGE, RULE, BLUE)),
    ):
        named = [*states, UNKNOWN]
        shares = made.group_by(time).agg((pl.col(column) == state).mean().alias(state) for state in named)
        shares = shares.sort("session").filter(pl.col(UNKNOWN) < 1)
        if shares.height:
            edges = shares["session"].cast(pl.Datetime("us")).to_numpy()
            parts = [shares[state].to_numpy() for state in states]
            axes.stackplot(edges, *parts, labels=states, colors=colours, linewidth=0)
        legend(axes)
        axes.set_ylim(0, 1)
        name_axes(axes, y=column.removesuffix("_state"))
        number_axis(axes, percent=True)
    date_axis(panels[-1], "session" if short else "month")
    return figure


def _strokes(told: pl.DataFrame) -> list[tuple[str, Stroke]]:
    """Each model and its stroke; the ensemble and the random walk have their own, and stand at the ends."""
    models = [model for model in sorted(set(told["model"])) if model not in _FIXED]
    others = [(model, STROKES[place % len(STROKES)]) for place, model in enumerate(models)]
    fixed = [(model, stroke) for model, stroke in _FIXED.items() if (told["model"] == model).any()]
    return [*fixed[:1], *others, *fixed[1:]]
