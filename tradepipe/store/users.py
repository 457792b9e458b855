"""The other way along the lineage: which generations were computed from given ones."""

from collections.abc import Collection

import sqlalchemy as sa

from tradepipe.store.catalogue import Catalogue
from tradepipe.store.model import Generation
from tradepipe.store.tables import generation_inputs, generations

_CHUNK = 5_000  # values in one IN list; SQLite takes 32,766, PostgreSQL 65,535


def users_of(catalogue: Catalogue, generation_ids: Collection[int]) -> list[Generation]:
    """Generations that name one of `generation_ids` as an input, oldest first; superseded and swept ones too."""
    wanted = sorted(generation_ids)
    found: dict[int, Generation] = {}
    table = generation_inputs.c
    with catalogue.engine.connect() as connection:
        for start in range(0, len(wanted), _CHUNK):
            naming = sa.select(table.generation_id).where(table.input_generation_id.in_(wanted[start : start + _CHUNK]))
            query = sa.select(generations).where(generations.c.id.in_(naming)).order_by(generations.c.id)
            found |= {row.id: Generation(*row) for row in connection.execute(query)}
    return [found[number] for number in sorted(found)]
