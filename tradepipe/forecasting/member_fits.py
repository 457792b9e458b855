"""How each member was fitted, as the frame beside the forecasts."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from tradepipe.contracts.forecasts import FITS
from tradepipe.forecasting.members import BASELINES, RANDOM_WALK
from tradepipe.forecasting.model import BoolArray, Fits
from tradepipe.forecasting.refits.answers import lower_engine, said
from tradepipe.forecasting.refits.fitting import MemberFit
from tradepipe.forecasting.refits.task import Task

CODE_VERSION = "1"
"""Of everything that fits: counted up when parameters change."""

_DIGITS = 12


def fits_frame(
    partition: str, task: Task, fits: Mapping[str, Sequence[MemberFit]], min_train_bars: int
) -> pl.DataFrame:
    """One row a symbol, refit session and member, also of symbols that the random walk stands in for.

    Args:
        partition: its key.
        task: the partition's.
        fits: of each member, in the order in which they were made.
        min_train_bars: returns that members other than baselines need.
    """
    frames = [FITS.empty()]
    for name, made in fits.items():
        version = version_of(name, partition, made)
        frames += [_rows(name, task, fit, version) for fit in made]
        if name not in BASELINES:
            frames += _stood_in_for(name, task, fits[RANDOM_WALK], min_train_bars, version)
    return pl.concat(frames).sort(FITS.key).insert_column(0, pl.lit(partition).alias("partition"))


def version_of(name: str, partition: str, fits: Sequence[MemberFit]) -> str:
    """The model version of one member in a partition: the same specs, code and parameters give the same name."""
    digest = hashlib.sha256(CODE_VERSION.encode())
    refits = sorted({(fit.window.refit, fit.window.trigger) for fit in fits})
    for refit, trigger in refits:
        # Restored and fitted symbols come in batches of their own: the order must not depend on that.
        parts = [fit for fit in fits if (fit.window.refit, fit.window.trigger) == (refit, trigger)]
        order = np.argsort(np.concatenate([fit.window.rows for fit in parts]), kind="stable")
        symbols = [symbol for fit in parts for symbol in fit.mean.symbols]
        digest.update(f"{refit} {','.join(symbols[place] for place in order.tolist())}".encode())
        for equations in ([fit.mean for fit in parts], [fit.variance for fit in parts]):
            values = np.concatenate([one.parameters for one in equations])[order]
            digest.update(f"{equations[0].spec.text} {equations[0].names}".encode())
            digest.update(np.where(np.isnan(values), np.nan, values).tobytes())  # a NaN has many forms
    return f"{name}/{partition}/{digest.hexdigest()[:8]}"


def _rows(name: str, task: Task, fit: MemberFit, version: str) -> pl.DataFrame:
    mean, variance, window = fit.mean, fit.variance, fit.window
    frame = pl.DataFrame(
        {
            "symbol": mean.symbols,
            "session": pl.Series(task.schedule.days[np.full(len(window.rows), window.refit)]),
            "trained_through": pl.Series(task.schedule.days[task.bars.last_session(window.stops)]),
            "trigger": pl.Series([window.trigger]).gather(np.zeros(len(window.rows), np.int64)),
            "engine": lower_engine(mean.engine, variance.engine),
            "fallback": pl.Series(said(mean.reason, variance.reason), dtype=pl.String),
            "observations": window.stops - window.starts,
            "log_likelihood": pl.Series(mean.log_likelihood).fill_nan(None),
            "variance_log_likelihood": pl.Series(variance.log_likelihood).fill_nan(None),
            "converged": mean.converged & variance.converged,
            "evaluations": mean.evaluations + variance.evaluations,
            "warnings": [", ".join(filter(None, pair)) for pair in zip(mean.warnings, variance.warnings, strict=True)],
            "parameters": _parameters(mean, variance),
        }
    )
    whole = frame.with_columns(model=pl.lit(name), version=pl.lit(version)).select(FITS.column_names)
    return whole if fit.answered is None else whole.filter(pl.Series(fit.answered))


def _parameters(*equations: Fits) -> pl.Series:
    """A JSON object a row, of the parameters that it has, both equations' together."""
    columns = {
        name: pl.Series(name, fits.parameters[:, column])
        for fits in equations
        for column, name in enumerate(fits.names)
        if not np.isnan(fits.parameters[:, column]).all()
    }
    if not columns:
        return pl.Series(["{}"]).gather(np.zeros(len(equations[0]), np.int64))
    frame = pl.DataFrame(list(columns.values())).fill_nan(None)
    members = [pl.lit(f'"{name}":') + pl.col(name).round_sig_figs(_DIGITS).cast(pl.String) for name in columns]
    inside = pl.concat_str(members, separator=",", ignore_nulls=True)
    return frame.select(pl.concat_str(pl.lit("{"), inside, pl.lit("}")).alias("parameters")).to_series()


def _stood_in_for(
    name: str, task: Task, walks: Sequence[MemberFit], min_train_bars: int, version: str
) -> Iterator[pl.DataFrame]:
    for fit in walks:
        short: BoolArray = fit.window.stops - fit.window.starts < min_train_bars
        if short.any():
            yield (
                _rows(name, task, fit, version)
                .filter(pl.Series(short))
                .with_columns(fallback=pl.lit(f"fewer than {min_train_bars} returns"))
            )
