"""A small real project for tests: the packaged index bars of one year, every layer, in a temporary folder.

`ready` is the whole chain run once for the session; `project` is a private copy of it, `researched` one
from before the signals were executed, `fresh` an empty one with its landing files delivered.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import dagster as dg
import pytest

from tradepipe.markets import Market, load_markets
from tradepipe.paths import sql_folder
from tradepipe.settings import Settings, load_settings
from tradepipe.store import PartitionStore
from tradepipe.warehouse import load_marts

MARKET = "us_indices"
YEAR = "2018"
FIRST, LAST = "2018-01", "2018-12"
LAYERS = (
    *("raw_bars", "bars", "indicators", "regimes", "member_forecasts"),
    *("forecasts", "forecast_scores", "evaluations", "model_versions", "signals"),
)

# One year of daily bars has some 250 sessions: train on 120, so that the second half has forecasts. That is too
# few for the batched kernels; the reference engine is slow, so it refits monthly, and not on drift.
SMALL = {
    "TRADEPIPE_ENVIRONMENT": "test",
    "TRADEPIPE_MARKETS__US_INDICES__START": "2018-01-01",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__TRAIN_BARS": "120",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__MIN_TRAIN_BARS": "100",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__REFIT": "month",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__DRIFT__LOG_LIKELIHOOD": "0",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__DRIFT__COVERAGE": "0",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__ENSEMBLE__ORIGINS": "50",
    "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__ENSEMBLE__MIN_ORIGINS": "20",
}


@dataclass(frozen=True)
class SmallProject:
    """Settings, definitions and a Dagster instance of its own. Plots are drawn only where `drawn` says so."""

    home: Path
    settings: Settings
    defs: dg.Definitions
    instance: dg.DagsterInstance
    drawn: bool = False

    @classmethod
    def at(cls, home: Path, more: Mapping[str, str] | None = None) -> "SmallProject":
        from tradepipe.definitions import build_definitions

        settings = load_settings(environ={**SMALL, "TRADEPIPE_HOME": str(home), **(more or {})})
        # A folder of its own: Dagster's temporary one is cleaned up with a warning.
        instance = dg.DagsterInstance.ephemeral(tempdir=str(home / "dagster-temporary"))
        return cls(home, settings, build_definitions(settings), instance)

    @property
    def market(self) -> Market:
        return load_markets(self.settings)[MARKET]

    @property
    def store(self) -> PartitionStore:
        return PartitionStore.open(self.settings.store_folder, self.settings.catalogue_url, self.settings.store.grace)

    @property
    def runner(self):
        from sensors import LocalRunner

        return (LocalRunner if self.drawn else _undrawn(LocalRunner))(self.defs, self.instance)

    @property
    def environment(self) -> dict[str, str]:
        """For a subprocess that works on this project."""
        return {
            **os.environ,
            **SMALL,
            "TRADEPIPE_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
        }

    def run(self, *layers: str, first: str = FIRST, last: str = LAST):
        """Materialise `layers` (all research layers if none is named) over a range, in process."""
        return self.runner.materialise(self.market, layers or LAYERS, first, last)

    def landing(self, month: str) -> Path:
        return self.settings.landing_folder / MARKET / f"{month}.csv"

    def spoil(self, month: str, **fields: str) -> None:
        """Change fields of the first row that a delivery holds."""
        file = self.landing(month)
        header, first, *rest = file.read_text().splitlines()
        row = dict(zip(header.split(","), first.split(","), strict=True))
        file.write_text("\n".join([header, ",".join({**row, **fields}.values()), *rest]) + "\n")

    def restate(self, month: str) -> None:
        """The vendor delivers a month again, with the first row's close a little higher."""
        header, first, *_ = self.landing(month).read_text().splitlines()
        close = first.split(",")[header.split(",").index("Close")]
        self.spoil(month, Close=repr(float(close) * 1.00001))


@cache
def _undrawn(runner: type) -> type:
    """A runner whose assets draw no plots: they are a third of a small run's CPU time, and `ready` has them."""

    class Undrawn(runner):
        def _execute(self, *arguments):
            from assets import reports

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reports, "_drawn", lambda *_: {})
                return super()._execute(*arguments)

    return Undrawn


def deliver(home: Path) -> None:
    """Deliver the vendor files of one year into the landing folder of `home`."""
    from tradepipe.ingest import write_demo_files

    everything = home.parent / f"{home.name}-delivery"
    write_demo_files(everything)
    (home / "landing" / MARKET).mkdir(parents=True)
    for file in sorted((everything / MARKET).glob(f"{YEAR}-*.csv")):
        shutil.copy(file, home / "landing" / MARKET / file.name)
    shutil.rmtree(everything)


def make_dagster_databases(home: Path) -> None:
    """Dagster's databases, migrated, as the first command would make them: copies of `home` need a second less.

    Without its dagster.yaml, which names the folder and so belongs to each copy.
    """
    from sensors import prepare_dagster_home

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        folder = prepare_dagster_home(home)
    (folder / "dagster.yaml").unlink()


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("delivered") / "home"
    deliver(home)
    make_dagster_databases(home)
    return home


@pytest.fixture(scope="session")
def ready(delivered: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The chain run once, signals executed. Look, do not touch."""
    home = tmp_path_factory.mktemp("ready") / "home"
    shutil.copytree(delivered, home)
    small = replace(SmallProject.at(home), drawn=True)
    outcome = small.run()
    assert outcome.success, outcome.error
    shutil.copytree(home, home.with_name("researched"))
    for execution in small.runner.execute_pending_signals(small.market):
        assert execution.success, execution.error
    outcome = small.run(*load_marts(sql_folder()))
    assert outcome.success, outcome.error
    return small


@pytest.fixture
def project(ready: SmallProject, tmp_path: Path) -> Iterator[SmallProject]:
    """A private copy of the finished project, with a new Dagster instance."""
    shutil.copytree(ready.home, tmp_path / "home")
    return SmallProject.at(tmp_path / "home")


@pytest.fixture
def researched(ready: SmallProject, tmp_path: Path) -> SmallProject:
    """Every research layer published, no signal executed; with a new Dagster instance."""
    shutil.copytree(ready.home.with_name("researched"), tmp_path / "home")
    return SmallProject.at(tmp_path / "home")


@pytest.fixture
def fresh(delivered: Path, tmp_path: Path) -> SmallProject:
    """Landing files delivered, nothing run."""
    shutil.copytree(delivered, tmp_path / "home")
    return SmallProject.at(tmp_path / "home")
