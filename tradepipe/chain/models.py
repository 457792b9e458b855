"""Model versions: what each partition's members were, registered with their lineage and judged by evaluations."""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.chain.layer import FITS_LAYER, ORIGINS_LAYER
from tradepipe.chain.layers import LAYERS
from tradepipe.chain.run import PARTITION, LayerRun, Reports
from tradepipe.contracts import MODEL_VERSIONS
from tradepipe.markets import Market
from tradepipe.store import Generation, Input

if TYPE_CHECKING:
    from tradepipe.forecasting.registry import ModelRegistry, Version

MEMBERS_LAYER = "member_forecasts"

_FIT_COLUMNS = ["symbol", "session", "model", "trained_through", "engine", "observations", "parameters", "version"]
_JUDGED = ["model", "made_in", "horizon", "regime", "test_first_session"]


class OtherSpecsError(RuntimeError):
    """Member forecasts were made with other settings or code than their versions would be registered with."""


def publish_versions(run: LayerRun, registry: "ModelRegistry") -> tuple[Reports, dict[str, int]]:
    """Publish the versions of `run`'s partitions, register them, enter what evaluations say, let the rule promote.

    The registry is written after the rows are published; doing it again changes nothing. The partitions in which the
    first targets were forecast are registered too, so that partitions may be run in any order.

    Returns:
        What was published; and how many versions are new, judged rows were entered, and changes the rule made.

    Raises:
        OtherSpecsError: member forecasts of the run's partitions are stale.
    """
    told, noted = run.market.settings.forecasts, Counter[str]()

    def publish(part: LayerRun) -> Reports:
        sources = _sources(part)
        rows = version_rows(part.market, part.read(FITS_LAYER, columns=_FIT_COLUMNS), sources)
        reports = part.publish(rows.filter(pl.col(PARTITION).is_in(part.keys)))
        made = versions_of(part, rows, sources)
        noted["versions: new"] += len(registry.register(part.market.name, made, part.run_id))
        ids = {(one.member, one.partition): one.id for one in made}
        evidence = evidence_of(part.market, part.read(ORIGINS_LAYER, columns=[*_JUDGED, *_added()]), ids)
        noted["versions: judged rows"] += registry.judge(part.market.name, evidence, part.keys)
        return reports

    reports = run.in_batches(len(told.members) + 1, publish)
    noted["versions: changes by rule"] = len(registry.obey(run.market.name, told.promotion, run.run_id))
    return reports, dict(noted)


def version_rows(market: Market, fits: pl.DataFrame, sources: Mapping[str, Generation]) -> pl.DataFrame:
    """MODEL_VERSIONS rows and `partition` of the fits of partitions in `sources`.

    Args:
        market: whose members.
        fits: FITS columns of any partitions; a version names the partition that it served.
        sources: member forecasts by partition, made with the settings that the market has now.
    """
    from tradepipe.forecasting.members import members_of  # noqa: PLC0415 - numpy

    specs = {one.name: one for one in members_of(market.settings.forecasts)}
    served = fits.with_columns(partition=pl.col("version").str.split("/").list.get(1))
    served = served.filter(pl.col(PARTITION).is_in(list(sources)), pl.col("model").is_in(list(specs)))
    key = [PARTITION, "model", "version"]
    table = served.group_by(key).agg(
        engines=pl.col("engine").value_counts(sort=True),
        reach=pl.col("trained_through").min(),
        observations=pl.col("observations").max(),
        last_session=pl.col("trained_through").max(),
        symbols=pl.col("symbol").n_unique().cast(pl.Int32),
        fits=pl.len().cast(pl.Int32),
    )
    told = table.sort(key).join(_parameters(served, key), on=key, how="left", maintain_order="left").to_dicts()
    rows = [
        {name: row[name] for name in (*key, "parameters", "last_session", "symbols", "fits")}
        | {
            "mean": specs[row["model"]].mean.text,
            "variance": specs[row["model"]].variance.text,
            "engines": json.dumps(
                {one["engine"]: one["count"] / row["fits"] for one in row["engines"]}, sort_keys=True
            ),
            "first_session": _back(market, row["reach"], row["observations"]),
            "code_version": sources[row[PARTITION]].code_version,
        }
        for row in told
    ]
    return pl.DataFrame(rows, schema={PARTITION: pl.String, **MODEL_VERSIONS.polars_schema})


def versions_of(run: LayerRun, rows: pl.DataFrame, sources: Mapping[str, Generation]) -> "list[Version]":
    """What `rows` (of `version_rows`) say, with where all parameters are and what they were trained on."""
    from tradepipe.forecasting.registry import Version  # noqa: PLC0415 - SQLAlchemy's tables

    fits = {one.partition: one for one in run.generations(FITS_LAYER)}
    data = run.store.catalogue.inputs([one.id for one in sources.values()])
    windows = {key: tuple(data[one.id]) for key, one in sources.items()}
    return [
        Version(
            market=run.market.name,
            id=row["version"],
            member=row["model"],
            partition=row[PARTITION],
            mean=row["mean"],
            variance=row["variance"],
            engines=json.loads(row["engines"]),
            parameters={name: tuple(three) for name, three in json.loads(row["parameters"]).items()},
            fits=_input(fits[row[PARTITION]]),
            first_session=row["first_session"],
            last_session=row["last_session"],
            code_version=row["code_version"],
            data=windows[row[PARTITION]],
        )
        for row in rows.to_dicts()
    ]


def evidence_of(market: Market, sums: pl.DataFrame, ids: Mapping[tuple[str, str], str]) -> pl.DataFrame:
    """EVIDENCE of versions from EVALUATION_ORIGINS columns; what no version of `ids` made is left out.

    Args:
        market: whose partitions.
        sums: of any partitions.
        ids: member and partition to the version.
    """
    from tradepipe.forecasting.registry import EVIDENCE  # noqa: PLC0415

    named = pl.DataFrame(
        [(member, key, version) for (member, key), version in sorted(ids.items())],
        schema={"model": pl.String, "made_in": pl.String, "version": pl.String},
        orient="row",
    )
    placed = sums.with_columns(market.partitions.key_expr("test_first_session").alias(PARTITION))
    judged = placed.join(named, on=["model", "made_in"])
    told = judged.select(pl.col(name).cast(dtype) for name, dtype in EVIDENCE.items())
    return told.sort("version", PARTITION, "regime", "horizon")


def _sources(run: LayerRun) -> dict[str, Generation]:
    """Member forecasts that were made as the market is set now, by partition."""
    wanted = LAYERS[MEMBERS_LAYER].code_version(run.market)
    found = {one.partition: one for one in run.generations(MEMBERS_LAYER)}
    if stale := [key for key in run.keys if key in found and found[key].code_version != wanted]:
        raise OtherSpecsError(
            f"{run.market.name}/member_forecasts {stale[0]} was made with other settings or code than now, and so were "
            f"{len(stale) - 1} more. Nothing was registered. Remedy: `tradepipe run`, or materialise it first."
        )
    return {key: one for key, one in found.items() if one.code_version == wanted}


def _parameters(fits: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The newest fit of each symbol, as JSON: name to least, median and most over symbols."""
    newest = fits.sort("session").group_by(*key, "symbol", maintain_order=True).agg(pl.col("parameters").last())
    names = newest["parameters"].str.extract_all(r'"[^"]+":').explode().drop_nulls().unique().sort()
    plain = [name.strip('":') for name in names]
    values = [
        pl.col("parameters")
        .str.extract(rf'"{re.escape(name)}": ?(-?[0-9.eE+-]+)')
        .cast(pl.Float64, strict=False)
        .alias(name)
        for name in plain
    ]
    three = [
        pl.concat_list(pl.col(name).min(), pl.col(name).median(), pl.col(name).max()).alias(name) for name in plain
    ]
    table = newest.with_columns(values).group_by(key).agg(three)
    told = [
        json.dumps({name: row[name] for name in plain if row[name][0] is not None}, sort_keys=True)
        for row in table.to_dicts()
    ]
    return table.select(key).with_columns(parameters=pl.Series(told, dtype=pl.String))


def _back(market: Market, session: dt.date, bars: int) -> dt.date:
    """The session that surely holds the first of the `bars` bars up to `session`, or the market's first."""
    before = market.calendar.sessions(market.partitions.start, session)
    return before[max(0, len(before) - 1 - market.lookback_sessions(bars))] if before else session


def _input(generation: Generation) -> Input:
    return Input(generation.dataset, generation.partition, generation.content, generation.id)


def _added() -> tuple[str, ...]:
    from tradepipe.forecasting.registry.metrics import ADDED  # noqa: PLC0415

    return ADDED
