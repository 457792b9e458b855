"""T7: what the ensemble is worth out of sample, against the random walk, and whether its intervals hold.

Forecasts of every session after the first training window, refitted monthly, of panels that had no part in the choice
of the gate (decision 0017): all 505 stocks of 2013 to 2018, also those that listed later; large stocks and funds of
2010 to 2024; indices, currencies, crypto, and oil with VIX. Every year and horizon counts, also the year of 25
sessions. Where the gate is shut the ensemble's mean is the random walk's; so it is also told how often it opens.
`--quick` takes 120 of the stocks, and the large ones; all take two minutes of CPU.
"""

from dataclasses import dataclass, field

import polars as pl

from benchmarks.common.bars import Figure
from benchmarks.common.daily_panels import Market, all_stocks, judged, large, stocks
from benchmarks.common.other_panels import others
from tradepipe.forecasting.ensemble import ensemble_lookback
from tradepipe.forecasting.ensemble.gate import gate_of
from tradepipe.settings.forecasts import ForecastSettings

STEPS = 5
WORTH, POINTS = 1.001, 1.0
LEVELS = (80, 90, 95)
LONG = {"large": 750}
"""Returns of a training window, where not 500."""

MONTHS = 6
"""Partitions at once, as the layer does: all forecasts of all models together do not fit memory."""


def measure(*, quick: bool) -> dict[str, Figure]:
    """Worst year and horizon of each panel, and how far intervals miss what they promise."""
    panels = {"stocks": stocks(120) if quick else all_stocks(), "large": large(), **({} if quick else others())}
    figures: dict[str, Figure] = {}
    for name, panel in panels.items():
        if panel is None:
            print(f"T7 {name}: skipped, the shared data is not beside the checkout")
        else:
            figures |= _figures(name, _judged(panel, LONG.get(name, 500)))
    return figures


@dataclass
class Judged:
    """Sums over batches of partitions.

    Attributes:
        errors: year, horizon, model, `square`, the sum of squared errors.
        held: year, model, `count` of conformal intervals, and how many held the target at each level.
        opened: partition, horizon, `origins`, and at how many of them a member beside the random walk counted.
    """

    errors: list[pl.DataFrame] = field(default_factory=list)
    held: list[pl.DataFrame] = field(default_factory=list)
    opened: list[pl.DataFrame] = field(default_factory=list)


def _judged(told: Market, train: int) -> Judged:
    settings = ForecastSettings(horizon=STEPS, train_bars=train, min_train_bars=train // 2, refit="month")
    last = len(told.traded) - 1
    members = told.members(told.windows(train + 1, last, "%Y-%m", train + 40), settings)
    windows, found = told.windows(train + 1, last, "%Y-%m", ensemble_lookback(settings)), Judged()
    print(f"gate at {gate_of(settings):.2f} standard deviations")
    for part in windows.iter_slices(MONTHS):
        first, end = part.select(pl.min("anchor_session"), pl.max("last_session")).row(0)
        made = told.forecasts(members.filter(pl.col("session").is_between(first, end)), part, settings)
        beside = made.filter(~pl.col("model").is_in(["ensemble", "random_walk"]))
        counts = beside.group_by("session", "horizon").agg((pl.col("weight") > 0).any().alias("open"))
        found.opened.append(counts.group_by("horizon").agg(pl.len().alias("origins"), pl.col("open").sum()))
        rows = judged(made, told)
        square = (pl.col("error") ** 2).sum().alias("square")
        found.errors.append(rows.group_by("year", "horizon", "model").agg(square))
        inside = [pl.col(f"inside_{level}").sum() for level in LEVELS]
        conformal = rows.filter(interval="conformal")
        found.held.append(conformal.group_by("year", "model").agg(pl.len().alias("count"), *inside))
    return found


def _figures(name: str, found: Judged) -> dict[str, Figure]:
    sums = pl.concat(found.errors).group_by("year", "horizon", "model").agg(pl.sum("square"))
    walk = sums.filter(model="random_walk").select("year", "horizon", walk="square")
    ratios = sums.join(walk, on=["year", "horizon"]).with_columns(ratio=pl.col("square") / pl.col("walk"))
    for (model,), rows in ratios.sort("model").group_by("model", maintain_order=True):
        whole, years = rows["square"].sum() / rows["walk"].sum(), rows["ratio"]
        print(
            f"T7 {name}: {model} {whole:.4f} of the random walk's squared error, {years.min():.4f} to {years.max():.4f}"
        )
    opened = pl.concat(found.opened).select(pl.sum("open", "origins")).row(0)
    print(f"T7 {name}: the gate is open at {opened[0]} of {opened[1]} origins and horizons")
    counts = pl.concat(found.held)
    ours = counts.filter(model="ensemble").sort("year")
    shares = _shares(ours)
    by_year = {year: _shares(rows) for (year,), rows in ours.group_by("year", maintain_order=True)}
    print(f"T7 {name}: coverage {shares}; by year {by_year}")
    for model in ("random_walk", "arma_garch"):
        print(f"T7 {name}: {model} covers {_shares(counts.filter(model=model))}")
    cells = ratios.filter(model="ensemble").sort("ratio")
    worst = cells.row(-1, named=True)
    missed = max(abs(share - level) for level, share in zip(LEVELS, shares, strict=True))
    where = f"random walk; {worst['year']} at horizon {worst['horizon']}, {cells.height} years and horizons"
    return {
        f"T7_ensemble_worst_{name}": _figure(worst["ratio"], WORTH, "of the random walk's MSE", where),
        f"T7_coverage_{name}": _figure(missed, POINTS, "points", f"nominal 80, 90, 95 %: {shares}"),
    }


def _figure(measured: float, target: float, unit: str, peer: str) -> Figure:
    return {"measured": round(measured, 4), "target": target, "unit": unit, "better": "lower", "peer": peer}


def _shares(counts: pl.DataFrame) -> list[float]:
    return [round(100 * counts[f"inside_{level}"].sum() / counts["count"].sum(), 2) for level in LEVELS]
