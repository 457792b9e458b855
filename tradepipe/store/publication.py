"""Publishing drafts: write new files, then make all of them current in one catalogue transaction.

The order of steps is what makes a crash harmless. Files appear under names that nothing refers to;
the catalogue's commit is the one moment at which readers see the new generations, all at once.
What a killed writer leaves behind is files without a generation, which the sweep removes.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tradepipe.store import files
from tradepipe.store.catalogue import CHUNK, current_on, insert_generations, last_numbers
from tradepipe.store.database import writing
from tradepipe.store.drafts import Draft
from tradepipe.store.errors import StoreError
from tradepipe.store.model import COLD, HOT, Generation, Published
from tradepipe.store.tables import current_generations, generation_inputs, generations

Key = tuple[str, str]
Current = Mapping[Key, Generation]

MAX_ROUNDS = 10


@dataclass
class Publication:
    """One publication of `drafts` below `root`.

    `checkpoint` is called with the name of each step just after it, "written" and
    "renamed" after each file; `staged` with the key of each
    draft that is as far as it can be before the commit.
    """

    engine: sa.Engine
    root: Path
    drafts: Sequence[Draft]
    run_id: str | None
    clock: Callable[[], dt.datetime]
    checkpoint: Callable[[str], None]
    staged: Callable[[Draft], None]
    _files: dict[Key, files.StoredFile] = field(default_factory=dict)

    def run(self) -> dict[Key, Published]:
        """Publish, and say what became of each draft.

        A writer that commits first makes us look again; the last to commit wins. That can cost
        another round of writing when our rows, which were current, are not any more.
        """
        with self.engine.connect() as connection:
            current = self._current(connection)
        for _ in range(MAX_ROUNDS):
            lacking = self._lacking(current)
            if all(self._repeats(draft, current) for draft in self.drafts):
                self._discard(self._files)
                return {draft.key: Published(current[draft.key], changed=False) for draft in self.drafts}
            if not self._write(lacking):
                continue
            with writing(self.engine) as connection:
                current = self._current(connection)
                if not self._lacking(current):
                    published = self._commit(connection, current)
                    self.checkpoint("inserted")
                else:
                    published = None
            if published is not None:
                self.checkpoint("committed")
                used = {one.generation.path for one in published.values()}
                self._discard({key: file for key, file in self._files.items() if file.path not in used})
                return published
        raise StoreError(
            f"{self.drafts[0].dataset}: files of this publication kept vanishing before it could be committed. "
            "Remedy: raise store.grace, so that the sweep leaves running writers alone."
        )

    def _current(self, connection: sa.Connection) -> Current:
        partitions: dict[str, list[str]] = {}
        for draft in self.drafts:
            partitions.setdefault(draft.dataset, []).append(draft.partition)
        return {
            (dataset, partition): generation
            for dataset, wanted in partitions.items()
            for partition, generation in current_on(connection, dataset, wanted).items()
        }

    def _lacking(self, current: Current) -> list[Draft]:
        """Drafts whose rows are in no file yet: neither the current generation's nor one of ours.

        Looks at the disk, because a sweep may have taken our uncommitted file for an orphan. Under
        the write lock no sweep runs, so what is found there then stays.
        """
        return [draft for draft in self.drafts if not self._holds(draft, current) and not self._has_file(draft.key)]

    def _holds(self, draft: Draft, current: Current) -> bool:
        generation = current.get(draft.key)
        if generation is None or generation.content != draft.content:
            return False
        return generation.tier == COLD or (self.root / generation.path).is_file()

    def _has_file(self, key: Key) -> bool:
        return key in self._files and (self.root / self._files[key].path).is_file()

    def _repeats(self, draft: Draft, current: Current) -> bool:
        return self._holds(draft, current) and draft.repeats(current[draft.key])

    def _write(self, drafts: Sequence[Draft]) -> bool:
        """Write the drafts' files; False when a sweep took one of them for an orphan meanwhile."""
        written: dict[Key, files.StoredFile] = {}
        try:
            for draft in drafts:
                files.make_folder(self.root, draft.dataset)
                written[draft.key] = files.write_temporary(
                    self.root, draft.dataset, draft.partition, draft.frame, draft.contract
                )
                self.staged(draft)
                self.checkpoint("written")
            # After the last write, so that the disk had time to take in the first ones by itself.
            for file in written.values():
                files.sync_temporary(self.root, file)
            self.checkpoint("synced")
            for file in written.values():
                files.rename_temporary(self.root, file)
                self.checkpoint("renamed")
            files.sync_folders(self.root, written.values())
            self.checkpoint("visible")
        except BaseException as error:
            # Nothing refers to these files; a full disk is better left as it was found.
            self._discard(written)
            if isinstance(error, FileNotFoundError):
                return False
            raise
        self._files.update(written)
        return True

    def _discard(self, unused: Mapping[Key, files.StoredFile]) -> None:
        for file in unused.values():
            (self.root / file.path).unlink(missing_ok=True)
            (self.root / (file.path + files.TEMPORARY)).unlink(missing_ok=True)

    def _commit(self, connection: sa.Connection, current: Current) -> dict[Key, Published]:
        now = self.clock()
        result: dict[Key, Published] = {}
        fresh: list[Draft] = []
        for draft in self.drafts:
            if self._repeats(draft, current):
                result[draft.key] = Published(current[draft.key], changed=False)
            else:
                fresh.append(draft)
        numbers = last_numbers(connection, [draft.key for draft in fresh if draft.key not in current])
        made = [self._generation(draft, current, numbers, now) for draft in fresh]
        if not made:
            return result
        rows = [{name: value for name, value in vars(one).items() if name != "id"} for one in made]
        for draft, generation, number in zip(fresh, made, insert_generations(connection, rows), strict=True):
            result[draft.key] = Published(replace(generation, id=number), changed=True)
        self._point(connection, [result[draft.key].generation for draft in fresh], current, now)
        used = [
            {
                "generation_id": result[draft.key].generation.id,
                "dataset": one.dataset,
                "partition": one.partition,
                "content": one.content,
                "input_generation_id": one.generation,
            }
            for draft in fresh
            for one in draft.inputs
        ]
        if used:
            connection.execute(sa.insert(generation_inputs), used)
        return result

    def _point(self, connection: sa.Connection, made: Sequence[Generation], current: Current, now: dt.datetime) -> None:
        """Make the new generations current, and the ones before them superseded."""
        superseded = [old.id for one in made if (old := current.get((one.dataset, one.partition))) is not None]
        for start in range(0, len(superseded), CHUNK):
            connection.execute(
                sa.update(generations)
                .where(generations.c.id.in_(superseded[start : start + CHUNK]))
                .values(superseded_at=now)
            )
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        for start in range(0, len(made), CHUNK):
            rows = [
                {"dataset": one.dataset, "partition": one.partition, "generation_id": one.id}
                for one in made[start : start + CHUNK]
            ]
            upsert = insert(current_generations).values(rows)
            changed = {"generation_id": upsert.excluded.generation_id}
            connection.execute(upsert.on_conflict_do_update(index_elements=["dataset", "partition"], set_=changed))

    def _generation(self, draft: Draft, current: Current, numbers: Mapping[Key, int], now: dt.datetime) -> Generation:
        before = current.get(draft.key)
        shared = before if before is not None and self._holds(draft, current) else None
        file = files.StoredFile(shared.path, shared.size, shared.sha256) if shared else self._files[draft.key]
        return Generation(
            id=0,  # the catalogue gives it
            dataset=draft.dataset,
            partition=draft.partition,
            number=before.number + 1 if before is not None else numbers.get(draft.key, 0) + 1,
            path=file.path,
            rows=draft.frame.height,
            size=file.size,
            sha256=file.sha256,
            content=draft.content,
            contract=draft.contract.name,
            contract_version=draft.contract.version,
            code_version=draft.code_version,
            inputs_digest=draft.inputs_digest,
            known_at=draft.known_at,
            created_at=now,
            run_id=self.run_id,
            superseded_at=None,
            swept_at=None,
            slice=shared.slice if shared else None,
            tier=shared.tier if shared else HOT,
        )
