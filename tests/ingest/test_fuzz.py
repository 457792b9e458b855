"""Some of the broken files of `tests.ingest.fuzz`; all 100,000 by `python -m tests.ingest.fuzz`."""

import pytest

from tests.ingest import fuzz


@pytest.mark.slow
def test_broken_files_lose_nothing_and_publish_nothing_broken():
    found = fuzz.run(150, seed=7)
    assert found["raw"] > 500
    assert {"ragged_row", "number_unreadable", "time_unreadable", "unknown_symbol", "header_repeated"} <= set(found)


@pytest.mark.slow
def test_a_thousand_broken_files_lose_nothing_and_publish_nothing_broken():
    found = fuzz.run(1_200, seed=50_000)
    assert {"file_truncated", "not_text", "column_missing", "file_empty", "value_missing"} <= set(found)
    assert found["bars"] > 4_000
