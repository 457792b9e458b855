"""A store's folder and its catalogue belong together: another catalogue would take its files for orphans."""

import os
import uuid
from pathlib import Path

import sqlalchemy as sa

from tradepipe.store.database import writing
from tradepipe.store.errors import StoreError
from tradepipe.store.files import SUFFIX
from tradepipe.store.tables import catalogue_identity, generations

MARKER = ".catalogue"


class ForeignStoreError(StoreError):
    """The folder holds the files of another catalogue."""


def claim(root: Path, engine: sa.Engine) -> None:
    """Tie `root` to the catalogue behind `engine` the first time, and see that they are a pair ever after.

    Raises:
        ForeignStoreError: the folder belongs to another catalogue, or holds files while this one is new.
    """
    identity, marker = _identity(engine), root / MARKER
    if not marker.exists():
        if _is_new(engine) and next(root.glob(f"*/*/*{SUFFIX}"), None) is not None:
            raise ForeignStoreError(_said(root, engine, "the folder holds files, and this catalogue knows none"))
        draft = root / f"{MARKER}.{uuid.uuid4().hex}"
        draft.write_text(identity, encoding="utf-8")
        try:
            os.link(draft, marker)  # unlike a rename, this never replaces another process's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if marker.read_text(encoding="utf-8").strip() != identity:
        raise ForeignStoreError(_said(root, engine, "the folder belongs to another catalogue"))


def _identity(engine: sa.Engine) -> str:
    query = sa.select(catalogue_identity.c.identity)
    with engine.connect() as connection:
        found = connection.scalar(query)
    if found is None:
        with writing(engine) as connection:
            found = connection.scalar(query)  # another process may have been first
            if found is None:
                found = uuid.uuid4().hex
                connection.execute(sa.insert(catalogue_identity).values(id=1, identity=found))
    return str(found)


def _is_new(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return connection.scalar(sa.select(generations.c.id).limit(1)) is None


def _said(root: Path, engine: sa.Engine, reason: str) -> str:
    return (
        f"{root}: {reason}. A sweep would remove them all. Remedy: point store.catalogue_url at the catalogue "
        f"they were published in (this is {engine.url.render_as_string(hide_password=True)}), or store.root at "
        f"another folder; where you know that they belong together, remove {root / MARKER} or the files."
    )
