from decimal import Decimal

import pytest
import yaml

from tradepipe.markets import UniverseError, load_universe
from tradepipe.paths import manifests_folder

GOOD = {
    "name": "few",
    "version": "1.2.3",
    "instruments": [
        {"symbol": "A", "name": "First", "lot": "0.01", "tick": "0.01"},
        {"symbol": "B", "name": "Second", "lot": "1", "tick": "0.0001"},
    ],
}


@pytest.fixture
def written(tmp_path):
    def write(content, name="few.yaml"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def test_a_universe_is_read_with_exact_numbers(written):
    universe = load_universe(written(GOOD))
    assert universe.symbols == ("A", "B")
    assert universe.instrument("B").tick == Decimal("0.0001")
    with pytest.raises(KeyError, match="no symbol 'C'"):
        universe.instrument("C")


@pytest.mark.parametrize("path", sorted((manifests_folder() / "universes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_universe_of_the_project_is_valid(path):
    assert load_universe(path.stem).name == path.stem


def _with(index, **changes):
    broken = {**GOOD, "instruments": [dict(row) for row in GOOD["instruments"]]}
    broken["instruments"][index] |= changes
    return broken


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_with(1, lot="-1"), r"few\.yaml.*\n  instruments\[1\]\.lot: .*greater than 0"),
        (_with(0, tick="cheap"), r"instruments\[0\]\.tick"),
        (_with(0, colour="red"), r"instruments\[0\]\.colour"),
        (_with(1, symbol="A"), "instruments: .*more than once: A"),
        (_with(1, symbol="A B"), r"instruments\[1\]\.symbol"),
        (GOOD | {"version": "one"}, "version: "),
        (GOOD | {"instruments": []}, "instruments: "),
        (GOOD | {"name": "other"}, r"few\.yaml: name: expected 'few'"),
        ({"name": "few"}, r"(?s)version: .*instruments: "),
        ("- a list", r"few\.yaml: a mapping"),
        ("a: [", r"few\.yaml: not readable as YAML"),
    ],
)
def test_a_broken_file_is_refused_with_file_and_key(written, content, said):
    with pytest.raises(UniverseError, match=said):
        load_universe(written(content))


def test_a_missing_file_names_those_that_are_there(tmp_path):
    with pytest.raises(UniverseError, match=r"there are: .*us_indices"):
        load_universe("nowhere")
    with pytest.raises(UniverseError, match=r"gone\.yaml"):
        load_universe(tmp_path / "gone.yaml")


def test_a_universe_of_ones_own_is_named_by_its_path(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nversion: 1.0.0\ninstruments:\n  - {symbol: A, name: A, lot: 1, tick: '0.01'}\n")
    assert load_universe(str(file)).symbols == ("A",)
    with pytest.raises(UniverseError, match=r"absent\.yaml"):
        load_universe(str(tmp_path / "absent.yaml"))
