"""What evaluations said of versions, read inside a transaction, and how models stand by it."""

from typing import Any

import polars as pl
import sqlalchemy as sa

from tradepipe.forecasting.registry.metrics import EVIDENCE
from tradepipe.forecasting.registry.model import Standing
from tradepipe.forecasting.registry.standing import standings
from tradepipe.forecasting.registry.tables import judgements, versions, withdrawals
from tradepipe.settings.forecasts import PromotionSettings


def evidence(connection: sa.Connection, market: str, *where: sa.ColumnElement[bool]) -> pl.DataFrame:
    """EVIDENCE of versions of a market, with the columns that `standings` asks for."""
    told = versions.c
    columns = [versions.c.version, *(judgements.c[name] for name in EVIDENCE if name != "version")]
    query = (
        sa.select(*columns, told.member, told.mean_spec, told.variance_spec, told.code_version)
        .add_columns(told.partition.label("made"), told.id.label("number"))
        .join(versions, versions.c.id == judgements.c.version_id)
        .where(judgements.c.market == market, *where)
        .order_by(versions.c.id, judgements.c.partition, judgements.c.regime, judgements.c.horizon)
    )
    schema: dict[str, Any] = {
        **EVIDENCE,
        "member": pl.String,
        **dict.fromkeys(("mean_spec", "variance_spec", "code_version"), pl.String),
        "made": pl.String,
        "number": pl.Int64,
    }
    found = pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=schema, orient="row")
    # Of a layer's version the part before the dash is the code; the rest digests all settings, of other members too.
    code = pl.col("code_version").str.split("-").list.first()
    return found.with_columns(model=pl.concat_str("mean_spec", "variance_spec", code, separator=", ")).drop(
        "mean_spec", "variance_spec", "code_version"
    )


def standings_of(connection: sa.Connection, market: str, rule: PromotionSettings) -> list[Standing]:
    """What the rule sees: see `ModelRegistry.standings`."""
    newest = (
        sa.select(judgements.c.partition)
        .where(judgements.c.market == market)
        .distinct()
        .order_by(judgements.c.partition.desc())
        .limit(rule.partitions)
    )
    told = evidence(connection, market, judgements.c.partition.in_(newest), versions.c.superseded_by.is_(None))
    taken = sa.select(versions.c.version, withdrawals.c.regime).join(
        withdrawals, withdrawals.c.version_id == versions.c.id
    )
    withdrawn = {(version, regime) for version, regime in connection.execute(taken.where(versions.c.market == market))}
    return standings(told, rule, withdrawn=withdrawn)


def superseded(connection: sa.Connection, market: str) -> set[str]:
    """Versions whose partition was computed anew, with another outcome."""
    query = sa.select(versions.c.version)
    return set(connection.scalars(query.where(versions.c.market == market, versions.c.superseded_by.is_not(None))))
