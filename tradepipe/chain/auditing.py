"""The audit of a market's fits: which partition, published with its inputs, and the verdict."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.chain.layers import LAYERS, dataset, fingerprint
from tradepipe.chain.members import panel_columns, panel_of, schedule_of, sectors_for
from tradepipe.chain.run import LayerRun, PartitionReport, Reports
from tradepipe.contracts import FORECAST_AUDIT, FORECAST_SCORES
from tradepipe.markets import Market
from tradepipe.observability.meter import WRITE, Meter
from tradepipe.store import Catalogue, Generation, Input, PartitionStore

if TYPE_CHECKING:
    from tradepipe.forecasting.refits.cache import FitCache

AUDIT = "forecast_audit"
DESCRIPTION = (
    "A few symbols' newest fits beside what statsmodels and arch reach on the same returns, tests of what the "
    "residuals still know, and the error of the partition's forecasts once their targets have come."
)
SCORES = "forecast_scores"
_MEMBERS = "member_forecasts"
_VERSION = "2"
_LATELY = 2  # partitions: targets of the last origins come with the next one


@dataclass(frozen=True)
class Verdict:
    """What an audit found.

    Attributes:
        compared: equations of which the peer has a likelihood.
        short: of these, those where ours lies below it by more than `audit.tolerance`.
        worst: gap of the worst, in nats; None: nothing was compared.
        names: symbol, member and equation of those that are short.
    """

    compared: int
    short: int
    worst: float | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Verdict":
        """Of rows of FORECAST_AUDIT."""
        compared, short = rows.drop_nulls("gap"), rows.filter(~pl.col("passed"))
        names = short.select(pl.concat_str("symbol", "model", "equation", separator=" ")).to_series()
        worst = compared["gap"].min()
        return cls(compared.height, short.height, worst if isinstance(worst, float) else None, tuple(names))


def audit_version(market: Market) -> str:
    """Version of code, contract and settings, those of the fits among them."""
    parts = (FORECAST_AUDIT.version, LAYERS[_MEMBERS].code_version(market), market.settings.forecasts.audit)
    return f"{_VERSION}-{fingerprint(parts)}"


def to_audit(catalogue: Catalogue, market: Market) -> list[tuple[str, str]]:
    """The newest partitions of which member forecasts are published, and a digest of their fits and scores.

    Of the one before the newest the last targets have come since, so it is looked at once more.
    """
    fits, scores = (catalogue.current(dataset(market.name, name)) for name in (f"{_MEMBERS}.fits", SCORES))
    told = {key: [fits[key], *_scored(scores, key)] for key in sorted(fits)[-_LATELY:]}
    contents = {key: "\n".join(one.content for one in found) for key, found in told.items()}
    return [(key, hashlib.sha256(text.encode()).hexdigest()[:16]) for key, text in contents.items()]


def _scored(current: Mapping[str, Generation], key: str) -> list[Generation]:
    """Scores that hold targets one bar ahead of the partition `key`: its own, and those of the next one."""
    return [current[one] for one in sorted(current) if one >= key][:_LATELY]


def publish_audit(
    store: PartitionStore, market: Market, keys: Sequence[str], cache: "FitCache", run_id: str | None = None
) -> tuple[Reports, dict[str, Verdict]]:
    """Audit the partitions `keys`, publish what was found, and what to think of each."""
    from tradepipe.forecasting.audit.newest import audited  # noqa: PLC0415 - kernels

    told, meter = market.settings.forecasts, Meter()
    frames, inputs = {}, {}
    current = store.catalogue.current(dataset(market.name, SCORES))
    for key in keys:
        run = LayerRun(store, market, _MEMBERS, [key], run_id)
        values = run.read("indicators", columns=panel_columns(told))
        closes = run.read("bars", columns=["symbol", "open_time", "close"])
        scored = _scored(current, key)
        own = market.partitions.key_expr("session") == key, pl.col("horizon") == 1
        scores = store.read_generations(scored, FORECAST_SCORES).filter(*own)
        frames[key] = audited(
            panel_of(market, values, closes),
            run.windows("indicators"),
            told,
            schedule=schedule_of(market),
            cache=cache,
            sectors=sectors_for(told, market),
            scores=scores,
        )
        read = (Input(one.dataset, one.partition, one.content, one.id) for one in scored)
        inputs[key] = [*run.inputs(key), *read]
    with meter.phase(WRITE):
        published = store.publish(
            dataset(market.name, AUDIT),
            frames,
            FORECAST_AUDIT,
            code_version=audit_version(market),
            inputs=inputs,
            run_id=run_id,
        )
    meter.rows[WRITE] += sum(frame.height for frame in frames.values())
    reports = [
        PartitionReport(
            partition=key,
            rows=frames[key].height,
            refused=0,
            changed=published[key].changed,
            content=published[key].generation.content,
            generation=published[key].generation.id,
            sha256=published[key].generation.sha256,
        )
        for key in keys
    ]
    return Reports(reports, meter.measured()), {key: Verdict.of(frame) for key, frame in frames.items()}
