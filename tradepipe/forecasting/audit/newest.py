"""The newest fits of a partition, of a few symbols, under the eyes of the peer libraries."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from tradepipe.contracts import FORECAST_AUDIT, FORECAST_SCORES
from tradepipe.forecasting.audit.peers import audit
from tradepipe.forecasting.audit.realised import with_realised
from tradepipe.forecasting.engines import filter_batch
from tradepipe.forecasting.members.run import tasks_of, usable_rows
from tradepipe.forecasting.model import Fits, Member, Panel
from tradepipe.forecasting.refits.cache import FitCache
from tradepipe.forecasting.refits.fitting import Fitter, MemberFit, residuals_of
from tradepipe.forecasting.refits.keeping import needs_all_symbols
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.forecasting.refits.task import Task
from tradepipe.forecasting.retraining import optimised
from tradepipe.settings.forecasts import ForecastSettings

_RENAMED: Final = {"reason": "fallback"}
_REALISED: Final = ("judged", "realised_error", "walk_error")
_OF_FITS: Final = [name for name in FORECAST_AUDIT.column_names if name not in _REALISED]


def audited(  # noqa: PLR0913 - each is a different thing that a market has
    panel: pl.DataFrame,
    window: pl.DataFrame,
    settings: ForecastSettings,
    *,
    schedule: RefitSchedule,
    cache: FitCache | None = None,
    sectors: Mapping[str, str] | None = None,
    scores: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Fit the partition's last refit of some symbols again by the peers, and compare: rows of FORECAST_AUDIT.

    The symbols are the `audit.symbols` whose digest with the partition's name comes first, among those with enough
    returns: others in each partition, and the same in each run.

    Args:
        panel: as for `member_forecasts`.
        window: one row of what `member_forecasts` takes.
        settings: which members, and `audit`.
        schedule: of the refits.
        cache: where fits are kept; what is not there is fitted.
        sectors: as for `member_forecasts`.
        scores: FORECAST_SCORES columns of the partition's forecasts one bar ahead whose targets have come.
    """
    rows, partition = usable_rows(panel, settings.exog), window["partition"].item()
    (whole,) = tasks_of(rows, window, settings, schedule, sectors)
    refits = whole.windows(settings.min_train_bars)
    there = [whole.bars.symbols[row] for row in refits[-1].rows.tolist()] if refits else []
    chosen = drawn(there, partition, settings.audit.symbols)
    if not chosen:
        return FORECAST_AUDIT.empty()
    (few,) = tasks_of(rows.filter(pl.col("symbol").is_in(chosen)), window, settings, schedule, sectors)
    fitter, tolerance = Fitter(settings.engine, 1, cache), settings.audit.tolerance
    found = [FORECAST_AUDIT.empty().select(_OF_FITS)]
    for member in optimised(settings):
        task = whole if needs_all_symbols(member) else few
        found += _compared(task, member, fitter, chosen, settings.min_train_bars, tolerance)
    known = FORECAST_SCORES.empty() if scores is None else scores
    return with_realised(pl.concat(found).sort(FORECAST_AUDIT.key), known).select(FORECAST_AUDIT.column_names)


def drawn(symbols: Sequence[str], partition: str, count: int) -> list[str]:
    """`count` of `symbols`, as good as random, but always the same for one partition; sorted."""
    by_chance = sorted(symbols, key=lambda one: hashlib.sha256(f"{partition} {one}".encode()).digest())
    return sorted(by_chance[:count])


def _compared(  # noqa: PLR0913, PLR0917 - each is a different thing
    task: Task, member: Member, fitter: Fitter, chosen: Sequence[str], fewest: int, tolerance: float
) -> Iterator[pl.DataFrame]:
    for fit in fitter.chain(member, task.bars, task.windows(fewest, members=needs_all_symbols(member)))[-1]:
        names = [one for one in chosen if one in fit.mean.symbols]
        if not names:
            continue
        panel = task.bars.panel(fit.window.rows, fit.window.starts, fit.window.stops)
        # A fit of a chain comes without its residuals.
        mean = replace(_standing(fit, panel), log_likelihood=fit.mean.log_likelihood)
        session = pl.lit(task.schedule.sessions[fit.window.refit])
        for equation, table in (
            ("mean", audit(panel, [mean.spec], {mean.spec: mean}, names, tolerance)),
            (
                "variance",
                audit(residuals_of(mean), [fit.variance.spec], {fit.variance.spec: fit.variance}, names, tolerance),
            ),
        ):
            yield (
                table.rename(_RENAMED)
                .with_columns(model=pl.lit(member.name), equation=pl.lit(equation), session=session)
                .select(_OF_FITS)
            )


def _standing(fit: MemberFit, panel: Panel) -> Fits:
    return filter_batch({fit.mean.spec: fit.mean}, panel)[fit.mean.spec]
