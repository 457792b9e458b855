"""Stale is what has other content, code or settings behind it, and nothing else."""

import pytest

from tests.projects import FIRST, LAST, LAYERS, SmallProject
from tradepipe.chain import LandingIndex, ranges, stale_partitions

pytestmark = pytest.mark.slow


def stale(small: SmallProject) -> dict[str, list[str]]:
    market, store = small.market, small.store
    landing = LandingIndex.read(small.settings.landing_folder, market, store)
    keys = market.partitions.keys(FIRST, LAST)
    found: dict[str, list[str]] = {}
    for one in stale_partitions(store.catalogue, market, keys, landing):
        found.setdefault(one.layer, []).append(one.partition)
    return found


def months(first: int, last: int) -> list[str]:
    return [f"2018-{month:02d}" for month in range(first, last + 1)]


def test_a_fresh_project_is_stale_everywhere(fresh):
    assert stale(fresh) == {layer: months(1, 12) for layer in LAYERS}


def test_a_finished_project_is_not_stale(project):
    assert stale(project) == {}


def test_a_restated_file_makes_stale_what_was_computed_from_it_and_nothing_before(project):
    project.restate("2018-09")
    found = stale(project)
    assert found["raw_bars"] == ["2018-09"]
    assert found["bars"] == months(9, 10)  # what is usual in October is told by September's bars
    assert found["indicators"][0] == "2018-09"
    assert found["forecasts"] == months(9, 12)
    assert set(found["signals"]) == set(found["forecasts"])


def test_after_the_rerun_nothing_is_stale_and_earlier_partitions_kept_their_generation(project):
    before = {layer: project.store.catalogue.current(f"us_indices/{layer}") for layer in LAYERS}
    project.restate("2018-11")
    for layer, partitions in stale(project).items():
        for first, last in ranges(partitions, months(1, 12)):
            assert project.run(layer, first=first, last=last).success
    assert stale(project) == {}
    for layer in LAYERS:
        after = project.store.catalogue.current(f"us_indices/{layer}")
        assert after["2018-10"] == before[layer]["2018-10"]
        assert after["2018-11"].content != before[layer]["2018-11"].content


def test_touching_a_file_without_changing_it_makes_nothing_stale(project):
    file = project.landing("2018-09")
    file.write_bytes(file.read_bytes())
    assert stale(project) == {}


def test_a_removed_file_makes_its_partition_stale(project):
    project.landing("2018-12").unlink()
    assert stale(project)["raw_bars"] == ["2018-12"]


def test_a_new_file_for_the_same_month_makes_it_stale(project):
    project.landing("2018-12b").write_bytes(project.landing("2018-12").read_bytes())
    assert stale(project)["raw_bars"] == ["2018-12"]


def test_changed_settings_make_their_layer_and_what_follows_stale(project):
    changed = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__STRATEGY__FULL_SCORE": "0.5"})
    # Scores say what the strategy would have earned by each model, and versions are judged by that.
    judged = ("forecast_scores", "evaluations", "model_versions")
    assert stale(changed) == dict.fromkeys((*judged, "signals"), months(1, 12))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([], []),
        (["b"], [("b", "b")]),
        (["c", "a", "b"], [("a", "c")]),
        (["a", "c", "d"], [("a", "a"), ("c", "d")]),
    ],
)
def test_ranges_are_contiguous_runs_in_order(keys, expected):
    assert ranges(keys, ["a", "b", "c", "d"]) == expected
