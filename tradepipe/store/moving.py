"""Moving generations from one file to another, inside a transaction that holds the write lock."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from tradepipe.store.cold import ColdTierError
from tradepipe.store.errors import StoreError
from tradepipe.store.tables import generations, retired_files

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Iterable[Item], act: Callable[[Item], Result]) -> list[Result]:
    """`act` on each of `items`, whatever becomes of the others: one broken file must not keep all as they are.

    Raises:
        StoreError: at the end, with what was said of each that failed.
        ColdTierError: at once: what fails for the service fails for all.
    """
    done: list[Result] = []
    failed: list[str] = []
    for item in items:
        try:
            done.append(act(item))
        except ColdTierError:
            raise
        except StoreError as error:
            failed.append(str(error))
    if failed:
        raise StoreError("\n".join(failed))
    return done


def retire(connection: sa.Connection, files: Sequence[tuple[str, str]], reason: str, now: dt.datetime) -> None:
    """Remember that (path, tier) were let go of at `now`: the sweep leaves them to readers for the grace period."""
    if not files:
        return
    keys = sa.tuple_(retired_files.c.path, retired_files.c.tier)
    connection.execute(sa.delete(retired_files).where(keys.in_(list(files))))
    rows: list[dict[str, Any]] = [
        {"path": path, "tier": tier, "reason": reason, "retired_at": now} for path, tier in files
    ]
    connection.execute(sa.insert(retired_files), rows)


def in_place(path: str, tier: str, number: int | None) -> sa.ColumnElement[bool]:
    """Selects the generations, superseded ones too, whose rows are there and were not swept."""
    table = generations.c
    is_slice = table.slice.is_(None) if number is None else table.slice == number
    return sa.and_(table.path == path, table.tier == tier, is_slice, table.swept_at.is_(None))
