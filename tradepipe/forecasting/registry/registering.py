"""Entering versions and their metrics, inside the caller's transaction."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradepipe.forecasting.registry import rows
from tradepipe.forecasting.registry.data import remember
from tradepipe.forecasting.registry.errors import ModelRegistryError, UnknownModelError, VersionConflictError, listed
from tradepipe.forecasting.registry.metrics import EVIDENCE, SUMS
from tradepipe.forecasting.registry.model import Happening, Version
from tradepipe.forecasting.registry.places import Author
from tradepipe.forecasting.registry.tables import history, judgements, versions

Place = tuple[str, str]
"""Member and partition: at any time one version is its present one."""

_OF_COMPUTATION = (
    *("engines", "parameters", "fits_dataset", "fits_partition", "fits_generation", "fits_content"),
    *("first_session", "last_session", "code_version", "training_id"),
)
"""What of a version may differ where its specs, code and parameters are the same."""


def enter(connection: sa.Connection, market: str, made: Sequence[Version], author: Author) -> list[str]:
    """Write what is new of `made`, say what it supersedes, and return the ids of what was written.

    What is known already names, from now on, the computation that `made` tells of.

    Raises:
        VersionConflictError: an id stands for something else already.
    """
    _refuse_twice(market, made)
    known, present = _known(connection, market, made), _present(connection, market, made)
    again = [one for one in made if one.id in known and _is_anew(one, known[one.id])]
    for one in made:
        if one.id in known:
            _refuse_another(one, known[one.id])
    for one, training in zip(again, remember(connection, [one.data for one in again]), strict=True):
        _made_again(connection, one, known[one.id], training, author)
    fresh = [one for one in made if one.id not in known]
    if fresh:
        before = {one.id: row.version for one in fresh if (row := present.get((one.member, one.partition))) is not None}
        trainings = remember(connection, [one.data for one in fresh])
        told = [
            rows.values(one, training, author.at, author.run_id, before.get(one.id))
            for one, training in zip(fresh, trainings, strict=True)
        ]
        connection.execute(sa.insert(versions), told)
        known |= _known(connection, market, fresh)
        told_of = [{"version_id": known[one.id].id, "happening": "registered", "after": "candidate"} for one in fresh]
        common = {"at": author.at, "who": author.who, "why": author.why, "run_id": author.run_id}
        connection.execute(sa.insert(history), [one | common for one in told_of])
    for one in made:
        now_present = present.get((one.member, one.partition))
        if now_present is not None and now_present.version != one.id:
            _supersede(connection, now_present, known[one.id], author)
    return [one.id for one in fresh]


def enter_evidence(connection: sa.Connection, market: str, evidence: pl.DataFrame, partitions: Sequence[str]) -> int:
    """Write what evaluations of `partitions` say, in place of what they said before; the number of rows.

    Raises:
        ModelRegistryError: columns are lacking, a partition is none of `partitions`, or a row is there twice.
        UnknownModelError: a version is not registered.
    """
    if lacking := [name for name in EVIDENCE if name not in evidence.columns]:
        raise ModelRegistryError(f"evidence lacks the columns {', '.join(lacking)}. Remedy: {', '.join(EVIDENCE)}")
    told = evidence.select(pl.col(name).cast(dtype) for name, dtype in EVIDENCE.items())
    key = ["version", "partition", "regime", "horizon"]
    if strangers := sorted(set(told["partition"]) - set(partitions)):
        raise ModelRegistryError(f"evidence of {listed(strangers)}, which is none of {listed(partitions)}")
    if told.select(key).is_duplicated().any():
        twice = told.filter(told.select(key).is_duplicated()).row(0, named=True)
        raise ModelRegistryError(f"evidence holds {', '.join(f'{name} {twice[name]}' for name in key)} twice")
    if infinite := [name for name in SUMS if not told[name].is_finite().all()]:
        raise ModelRegistryError(f"evidence holds {listed(infinite)} that is no number. Remedy: leave such rows out")
    named = told["version"].unique().to_list()
    known: dict[str, int] = {}
    for start in range(0, len(named), rows.CHUNK):
        found = sa.select(versions.c.version, versions.c.id).where(
            versions.c.market == market, versions.c.version.in_(named[start : start + rows.CHUNK])
        )
        known.update(connection.execute(found).tuples().all())
    if unknown := sorted(set(named) - known.keys()):
        raise UnknownModelError(
            f"{market}: {listed(unknown)} is not registered. Remedy: materialise model_versions of its partition first."
        )
    for start in range(0, len(partitions), rows.CHUNK):
        some = partitions[start : start + rows.CHUNK]
        connection.execute(sa.delete(judgements).where(judgements.c.market == market, judgements.c.partition.in_(some)))
    if not told.is_empty():
        written = told.with_columns(
            version_id=pl.col("version").replace_strict(known, return_dtype=pl.Int64), market=pl.lit(market)
        ).drop("version")
        connection.execute(sa.insert(judgements), written.to_dicts())
    return told.height


def _known(connection: sa.Connection, market: str, made: Sequence[Version]) -> dict[str, sa.Row[Any]]:
    ids = [one.id for one in made]
    found: dict[str, sa.Row[Any]] = {}
    for start in range(0, len(ids), rows.CHUNK):
        query = sa.select(versions).where(
            versions.c.market == market, versions.c.version.in_(ids[start : start + rows.CHUNK])
        )
        found |= {row.version: row for row in connection.execute(query)}
    return found


def _present(connection: sa.Connection, market: str, made: Sequence[Version]) -> dict[Place, sa.Row[Any]]:
    partitions = sorted({one.partition for one in made})
    found: dict[Place, sa.Row[Any]] = {}
    for start in range(0, len(partitions), rows.CHUNK):
        query = sa.select(versions).where(
            versions.c.market == market,
            versions.c.partition.in_(partitions[start : start + rows.CHUNK]),
            versions.c.superseded_by.is_(None),
        )
        found |= {(row.member, row.partition): row for row in connection.execute(query)}
    return found


def _supersede(connection: sa.Connection, old: sa.Row[Any], new: sa.Row[Any], author: Author) -> None:
    """Let `new` be what its partition holds. Where `old` is active it stays so until somebody replaces it."""
    connection.execute(sa.update(versions).where(versions.c.id == new.id).values(superseded_by=None))
    connection.execute(sa.update(versions).where(versions.c.id == old.id).values(superseded_by=new.version))
    _note(connection, old, "superseded", f"its partition was computed anew: {new.version}", author)


def _note(connection: sa.Connection, one: sa.Row[Any], happening: Happening, why: str, author: Author) -> None:
    """A line of history that leaves the status as it is."""
    told = {"at": author.at, "who": author.who, "why": why, "happening": happening, "version_id": one.id}
    same = {"before": one.status, "after": one.status}
    connection.execute(sa.insert(history).values(**told, **same, run_id=author.run_id))


def _is_anew(made: Version, known: sa.Row[Any]) -> bool:
    """Whether the same parameters came out of another computation: of other data, or under other settings."""
    before = (known.fits_dataset, known.fits_partition, known.fits_content, known.fits_generation, known.code_version)
    return (*dataclasses.astuple(made.fits), made.code_version) != before


def _made_again(connection: sa.Connection, made: Version, known: sa.Row[Any], training: int, author: Author) -> None:
    """Let a version name the computation that its partition holds now; history keeps which one it named before."""
    told = rows.values(made, training, author.at, author.run_id, known.supersedes)
    present = {name: value for name, value in told.items() if name in _OF_COMPUTATION}
    connection.execute(sa.update(versions).where(versions.c.id == known.id).values(present))
    why = f"computed again, alike; before: fits {known.fits_generation}, code {known.code_version}"
    _note(connection, known, "registered", why, author)


def _refuse_twice(market: str, made: Sequence[Version]) -> None:
    if strangers := sorted({one.market for one in made} - {market}):
        raise ModelRegistryError(f"versions of {listed(strangers)} cannot be registered in {market}")
    places = [(one.member, one.partition) for one in made]
    if len(set(places)) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise ModelRegistryError(
            f"{market}: two versions of {twice[0]} in {twice[1]}; a partition has one of each member"
        )


def _refuse_another(made: Version, known: sa.Row[Any]) -> None:
    told = {
        "member": (made.member, known.member),
        "partition": (made.partition, known.partition),
        "mean": (made.mean, known.mean_spec),
        "variance": (made.variance, known.variance_spec),
    }
    if other := [f"{name} {new!r} instead of {old!r}" for name, (new, old) in told.items() if new != old]:
        raise VersionConflictError(
            f"{made.market} {made.id} is registered already, with {', '.join(other)}. Nothing was changed. "
            "Remedy: materialise the partition again, so that the id follows from its specs, code and parameters."
        )
