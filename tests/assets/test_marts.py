"""Marts as assets: metadata, dependencies, checks, materialised from a folder that a newcomer adds a file to."""

import re
import shutil

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

from tests.projects import FIRST, LAST, MARKET, SMALL
from tradepipe.markets import load_markets
from tradepipe.paths import source_checkout, sql_folder
from tradepipe.settings import load_settings
from tradepipe.warehouse import load_marts

PAGE = source_checkout() / "docs" / "marts.md"


@pytest.fixture(scope="module")
def specs():
    from tradepipe.definitions import build_definitions

    defs = build_definitions(load_settings(environ=SMALL))
    return {spec.key.path[-1]: spec for spec in defs.resolve_all_asset_specs() if spec.group_name == "marts"}


def test_every_file_is_an_asset_that_says_what_it_is(specs):
    marts = load_marts(sql_folder())
    assert set(specs) == set(marts)
    for name, spec in specs.items():
        assert spec.key.path == [MARKET, name]
        assert spec.owners
        assert {"sql", "duckdb"} <= spec.kinds
        assert spec.code_version == marts[name].code_version
        shown = spec.metadata["dagster/column_schema"]
        assert [column.name for column in shown.columns] == marts[name].contract.column_names
        assert spec.metadata["SQL"].value.startswith("```sql\n")
        assert "all_deps_blocking_checks_passed" in str(spec.automation_condition)


def test_dependencies_are_what_the_refs_name(specs):
    def deps(name):
        return {dep.asset_key.path[-1] for dep in specs[name].deps}

    assert deps("symbol_sessions") == {"bars"}
    assert deps("quality_scorecard") == {"symbol_sessions", "raw_bars", "bars"}
    assert deps("gap_report") == {"bars"}
    assert deps("forecast_accuracy") == {"forecast_scores"}
    (mapping,) = [dep.partition_mapping for dep in specs["symbol_sessions"].deps]
    assert mapping == dg.TimeWindowPartitionMapping(start_offset=-1)


@pytest.mark.slow
def test_definitions_load_without_a_parser_of_sql():
    import subprocess
    import sys

    code = (
        "import sys, tradepipe.definitions as d; print([m for m in ('sqlglot', 'duckdb', 'chdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_finished_project_shows_rows_lineage_and_verdicts(ready):
    def event(name):
        return ready.instance.get_latest_materialization_event(dg.AssetKey([MARKET, name])).asset_materialization

    metadata = event("quality_scorecard").metadata
    assert metadata["dagster/partition_row_count"].value == 24
    lineage = metadata["dagster/column_lineage"].lineage.deps_by_column
    bars = dg.AssetKey([MARKET, "bars"])
    assert dg.TableColumnDep(bars, "gaps.bars") in lineage["missing_halt"]
    assert dg.TableColumnDep(dg.AssetKey([MARKET, "symbol_sessions"]), "expected") in lineage["score"]
    assert "| `score` | `bars.gaps.bars`" in metadata["columns come from"].value
    assert metadata["score"].value.startswith("![")
    assert event("symbol_sessions").partition == LAST
    for check in ("contract", "score_low"):
        key = dg.AssetCheckKey(dg.AssetKey([MARKET, "quality_scorecard"]), check)
        history = ready.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        assert history
        assert history[0].status in (Status.SUCCEEDED, Status.FAILED)


@pytest.mark.slow
def test_twice_publishes_nothing_new(project):
    names = list(load_marts(sql_folder()))
    before = {name: project.store.catalogue.current(f"{MARKET}/{name}") for name in names}
    assert project.run(*names).success
    assert {name: project.store.catalogue.current(f"{MARKET}/{name}") for name in names} == before


@pytest.mark.slow
def test_the_page_for_newcomers_is_true(project, tmp_path):
    """Its example is copied into a folder, and is an asset that publishes, warns and is brought up to date."""
    from assets.marts import mart_assets
    from resources.store import StoreResource
    from resources.warehouse import WarehouseResource

    name, text = re.search(r"`dbt_like_sql/(\w+)\.sql`:\n\n```sql\n(.*?)```", PAGE.read_text(), re.DOTALL).groups()
    folder = tmp_path / "sql"
    shutil.copytree(sql_folder(), folder)
    (folder / f"{name}.sql").write_text(text)
    marts = load_marts(folder)
    market = load_markets(project.settings)[MARKET]
    assets = mart_assets(market, marts, "duckdb")
    done = dg.materialize(
        [asset for asset in assets if asset.key.path[-1] == name],
        instance=project.instance,
        resources={"store": StoreResource.of(project.settings), "warehouse": WarehouseResource.of(project.settings)},
        tags={"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST},
    )
    assert done.success
    published = project.store.read(f"{MARKET}/{name}")
    days = project.store.read(f"{MARKET}/symbol_sessions")
    wide = days.filter((days["high"] - days["low"]) / days["close"] > 0.03)
    assert published.height == wide.height > 0
    assert {check.check_name for check in done.get_asset_check_evaluations()} == {"contract", "range_huge"}
