"""How each member was fitted, as the frame beside the forecasts."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np
import polars as pl

from tradepipe.contracts.forecasts import FITS
from tradepipe.forecasting.members import BASELINES, RANDOM_WALK, members_of
from tradepipe.forecasting.model import BoolArray, Fits, Member
from tradepipe.forecasting.refits.answers import lower_engine, said
from tradepipe.forecasting.refits.fitting import MemberFit
from tradepipe.forecasting.refits.task import Task
from tradepipe.settings.forecasts import ForecastSettings

CODE_VERSION = "3"
"""Of everything that fits: counted up when parameters change."""

_DIGITS = 12


def fits_frame(
    partition: str, task: Task, fits: Mapping[str, Sequence[MemberFit]], settings: ForecastSettings
) -> pl.DataFrame:
    """One row a symbol, refit session and member, also of symbols that the random walk stands in for.

    Args:
        partition: its key.
        task: the partition's.
        fits: of each member, in the order in which they were made.
        settings: which members there are, and how many returns those other than baselines need.
    """
    members = {one.name: one for one in members_of(settings)}
    told: list[_Told] = []
    for name, made in fits.items():
        version = version_of(members[name], partition, made)
        told += [_Told(name, version, fit, fit.answered) for fit in made]
        if name not in BASELINES:
            told += _stood_in_for(name, version, fits[RANDOM_WALK], settings.min_train_bars)
    return _rows(task, told).sort(FITS.key).insert_column(0, pl.lit(partition).alias("partition"))


@dataclass(frozen=True)
class _Told:
    """A fit under a member's name: its own, or the random walk's that stands in for the symbols `chosen`."""

    name: str
    version: str
    fit: MemberFit
    chosen: BoolArray | None
    instead: str | None = None


def version_of(member: Member, partition: str, fits: Sequence[MemberFit]) -> str:
    """The model version of one member in a partition: the same specs, code and parameters give the same name."""
    # The specs by themselves too: where the random walk stands in for all symbols, there is no fit to name them.
    digest = hashlib.sha256(f"{CODE_VERSION} {member.mean.text} {member.variance.text}".encode())
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
    return f"{member.name}/{partition}/{digest.hexdigest()[:8]}"


def _rows(task: Task, told: Sequence[_Told]) -> pl.DataFrame:
    """All rows in one frame, built from arrays: a frame a refit would cost more than the refit."""
    if not told:
        return FITS.empty()
    means, variances = ([getattr(one.fit, name) for one in told] for name in ("mean", "variance"))
    windows = [one.fit.window for one in told]
    which = np.repeat(np.arange(len(told)), [len(window.rows) for window in windows])
    stops = np.concatenate([window.stops for window in windows])

    def shared(values: Sequence[str | None]) -> pl.Series:
        return pl.Series(values, dtype=pl.String).gather(which)

    def of(equations: Sequence[Fits], name: str) -> np.ndarray[tuple[int], np.dtype[Any]]:
        return np.concatenate([getattr(one, name) for one in equations])

    def words(equations: Sequence[Fits], name: str) -> list[Any]:
        return list(chain.from_iterable(getattr(one, name) for one in equations))

    fallback = pl.Series(said(words(means, "reason"), words(variances, "reason")), dtype=pl.String)
    warnings = zip(words(means, "warnings"), words(variances, "warnings"), strict=True)
    frame = pl.DataFrame(
        {
            "symbol": pl.Series(task.bars.symbols).gather(np.concatenate([window.rows for window in windows])),
            "session": pl.Series(task.schedule.days[np.array([window.refit for window in windows])[which]]),
            "model": shared([one.name for one in told]),
            "trained_through": pl.Series(task.schedule.days[task.bars.last_session(stops)]),
            "trigger": shared([window.trigger for window in windows]),
            "engine": lower_engine(words(means, "engine"), words(variances, "engine")),
            "fallback": shared([one.instead for one in told]).fill_null(fallback),
            "observations": stops - np.concatenate([window.starts for window in windows]),
            "log_likelihood": pl.Series(of(means, "log_likelihood")).fill_nan(None),
            "variance_log_likelihood": pl.Series(of(variances, "log_likelihood")).fill_nan(None),
            "converged": of(means, "converged") & of(variances, "converged"),
            "evaluations": of(means, "evaluations") + of(variances, "evaluations"),
            "warnings": [", ".join(filter(None, pair)) if any(pair) else "" for pair in warnings],
            "parameters": _parameters(means, variances),
            "version": shared([one.version for one in told]),
        }
    ).select(FITS.column_names)
    if all(one.chosen is None for one in told):
        return frame
    everyone = (np.ones(len(one.fit.window.rows), np.bool_) if one.chosen is None else one.chosen for one in told)
    return frame.filter(pl.Series(np.concatenate(list(everyone))))


def _parameters(means: Sequence[Fits], variances: Sequence[Fits]) -> pl.Series:
    """A JSON object a row, of the parameters that it has, both equations' together."""
    texts: list[pl.Series] = []
    for _, alike in groupby(zip(means, variances, strict=True), key=lambda pair: (pair[0].names, pair[1].names)):
        both = [list(equations) for equations in zip(*alike, strict=True)]
        columns = {
            name: pl.Series(name, values)
            for equations in both
            for name, values in zip(
                equations[0].names, np.concatenate([one.parameters for one in equations]).T, strict=True
            )
            if not np.isnan(values).all()
        }
        if not columns:
            texts.append(pl.Series(["{}"]).gather(np.zeros(sum(map(len, both[0])), np.int64)))
            continue
        frame = pl.DataFrame(list(columns.values())).fill_nan(None)
        members = [pl.lit(f'"{name}":') + pl.col(name).round_sig_figs(_DIGITS).cast(pl.String) for name in columns]
        inside = pl.concat_str(members, separator=",", ignore_nulls=True)
        texts.append(frame.select(pl.concat_str(pl.lit("{"), inside, pl.lit("}")).alias("parameters")).to_series())
    return pl.concat(texts)


def _stood_in_for(name: str, version: str, walks: Sequence[MemberFit], min_train_bars: int) -> Iterator[_Told]:
    for fit in walks:
        short: BoolArray = fit.window.stops - fit.window.starts < min_train_bars
        if short.any():
            yield _Told(name, version, fit, short, f"fewer than {min_train_bars} returns")
