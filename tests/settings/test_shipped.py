"""The configuration that ships with the project."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tradepipe.paths import conf_folder
from tradepipe.settings import load
from tradepipe.settings.files import Reader
from tradepipe.settings.nodes import leaves, plain

LARGEST_SHARE = 0.10


@pytest.mark.parametrize("environment", ["dev", "test", "prod"])
def test_it_loads(environment):
    loaded = load(conf_folder(), environment, environ={})
    assert loaded.settings.environment == environment
    assert "us_indices" in loaded.settings.markets
    assert all(loaded.provenance.values())


def _leaves(file: Path) -> Mapping[tuple[str, ...], object]:
    reader = Reader()
    node = reader.read(file)
    assert node is not None, reader.faults
    return {path: plain(leaf) for path, leaf in leaves(node)}


def _repeated(conf: Path) -> tuple[list[str], int]:
    """Leaves that say again what another file says, and the number of all leaves.

    An overlay repeats the base when both say the same; a market file repeats the base's market_defaults, or another
    market's file.
    """
    base = _leaves(conf / "base.yaml")
    repeated = []
    total = len(base)
    for name in ("dev", "test", "prod"):
        overlay = _leaves(conf / f"{name}.yaml")
        total += len(overlay)
        repeated += [f"{name}: {path}" for path, value in overlay.items() if path in base and base[path] == value]
    seen = {(path[1:], repr(value)) for path, value in base.items() if path[0] == "market_defaults"}
    for file in sorted((conf / "markets").glob("*.yaml")):
        market = {(path, repr(value)) for path, value in _leaves(file).items()}
        total += len(market)
        repeated += [f"{file.stem}: {path}" for path, _ in sorted(market & seen)]
        seen |= market
    return repeated, total


def test_at_most_a_tenth_of_it_is_said_twice():
    repeated, total = _repeated(conf_folder())
    assert len(repeated) / total <= LARGEST_SHARE, repeated


def test_the_counter_counts(write_conf, valid_files):
    alpha = valid_files["markets/alpha.yaml"]
    conf = write_conf(
        {
            "dev.yaml": "environment: dev\nautomation: true\n",
            "markets/alpha.yaml": alpha + "forecasts: {horizon: 5}\n",
            "markets/beta.yaml": "name: beta\ncurrency: USD\ncalendar: XLON\n",
        }
    )
    repeated, total = _repeated(conf)
    assert repeated == [
        "dev: ('environment',)",
        "alpha: ('forecasts', 'horizon')",
        "beta: ('currency',)",
    ]
    # base 5, dev 2, test and prod an empty mapping each, alpha 10, beta 3
    assert total == 5 + 2 + 1 + 1 + 10 + 3


@pytest.mark.slow
def test_importing_the_settings_is_cheap():
    heavy = {"polars", "pandera", "sqlalchemy", "pandas", "dagster", "pydantic_settings", "numpy", "pyarrow"}
    program = "import sys, tradepipe.settings as s; s.load(environ={}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert heavy.isdisjoint(done.stdout.split())
