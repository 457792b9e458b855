"""Readers while partitions are replaced: 2,000 reads, 100 replacements, no failure, no mixture."""

import pytest

from tests.store.samples import DATASET, SMALL, files, small
from tests.store.workers import PROCESSES, read_while_replaced, replace_while_read
from tradepipe.store import PartitionStore

READS, REPLACEMENTS, READERS = 2_000, 100, 2
KEYS = ("2024-01", "2024-02")


@pytest.mark.slow
def test_every_read_is_one_whole_generation(store: PartitionStore, database_url):
    store.publish(DATASET, {key: small(rows=100, value=0.0) for key in KEYS}, SMALL, code_version="1", inputs={})
    reads = PROCESSES.Value("q", 0)
    writer = PROCESSES.Process(
        target=replace_while_read, args=(store.root, database_url, REPLACEMENTS, reads, READS, KEYS), daemon=True
    )
    readers = [
        PROCESSES.Process(
            target=read_while_replaced, args=(store.root, database_url, READS // READERS, reads, KEYS), daemon=True
        )
        for _ in range(READERS)
    ]
    for process in (writer, *readers):
        process.start()
    for process in readers:
        process.join()
    assert [process.exitcode for process in readers] == [0] * READERS
    writer.join()
    assert writer.exitcode == 0
    assert reads.value == READS
    current = store.catalogue.current(DATASET)
    assert current[KEYS[0]].number == REPLACEMENTS + 1
    assert files(store) == sorted(one.path for one in current.values())
