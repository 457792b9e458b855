"""Versions as rows of the registry's tables, and back."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tradepipe.forecasting.registry.model import Event, Registered, Version
from tradepipe.forecasting.registry.tables import active_versions, history, versions
from tradepipe.store.model import Input

CHUNK = 5_000  # values in one IN list; SQLite takes 32,766, PostgreSQL 65,535


def values(version: Version, training: int, now: dt.datetime, run_id: str | None, before: str | None) -> dict[str, Any]:
    """A new row of `versions`."""
    return {
        "market": version.market,
        "version": version.id,
        "member": version.member,
        "partition": version.partition,
        "mean_spec": version.mean,
        "variance_spec": version.variance,
        "engines": json.dumps(version.engines, sort_keys=True),
        "parameters": json.dumps(version.parameters, sort_keys=True),
        "fits_dataset": version.fits.dataset,
        "fits_partition": version.fits.partition,
        "fits_generation": version.fits.generation,
        "fits_content": version.fits.content,
        "first_session": version.first_session,
        "last_session": version.last_session,
        "code_version": version.code_version,
        "training_id": training,
        "supersedes": before,
        "superseded_by": None,
        "status": "candidate",
        "registered_at": now,
        "run_id": run_id,
    }


def registered(connection: sa.Connection, query: sa.Select[Any]) -> list[Registered]:
    """The versions that a query of `versions` finds, with the regimes that they are active in."""
    rows = list(connection.execute(query))
    regimes: dict[int, list[str]] = {}
    held = sa.select(active_versions.c.version_id, active_versions.c.regime).order_by(active_versions.c.regime)
    for number, regime in connection.execute(held):
        regimes.setdefault(number, []).append(regime)
    return [_registered(row, regimes.get(row.id, ())) for row in rows]


def events(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Event]:
    """What happened, oldest first."""
    table = history.c
    query = (
        sa.select(
            table.seq,
            table.at,
            table.who,
            table.why,
            table.happening,
            versions.c.market,
            versions.c.version,
            table.regime,
            table.before,
            table.after,
            table.evidence,
            table.run_id,
        )
        .join(versions, versions.c.id == table.version_id)
        .where(*where)
        .order_by(table.seq)
    )
    return [Event(*row) for row in connection.execute(query)]


def _registered(row: sa.Row[Any], regimes: Sequence[str]) -> Registered:
    version = Version(
        market=row.market,
        id=row.version,
        member=row.member,
        partition=row.partition,
        mean=row.mean_spec,
        variance=row.variance_spec,
        engines=json.loads(row.engines),
        parameters={name: tuple(told) for name, told in json.loads(row.parameters).items()},
        fits=Input(row.fits_dataset, row.fits_partition, row.fits_content, row.fits_generation),
        first_session=row.first_session,
        last_session=row.last_session,
        code_version=row.code_version,
    )
    return Registered(
        version=version,
        number=row.id,
        status=row.status,
        regimes=tuple(regimes),
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        registered_at=row.registered_at,
        run_id=row.run_id,
    )
