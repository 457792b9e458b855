"""The code location: the exact chain, and what every asset must carry."""

import json
import subprocess
import sys
import tomllib

import dagster as dg
import pytest
import yaml

from tests.projects import MARKET, SMALL
from tradepipe.chain import LAYERS, RESEARCH, TRADING
from tradepipe.markets import load_markets
from tradepipe.paths import source_checkout
from tradepipe.settings import load_settings

CHAIN = {
    "raw_bars": set(),
    "bars": {"raw_bars"},
    "indicators": {"bars"},
    "regimes": {"bars"},
    "member_forecasts": {"indicators", "bars"},
    "forecasts": {"member_forecasts", "bars"},
    "forecast_scores": {"forecasts", "bars"},
    "evaluations": {"forecast_scores", "regimes"},
    "model_versions": {"member_forecasts", "evaluations"},
    "signals": {"forecasts"},
    "orders": {"signals", "bars"},
    "fills": {"orders", "bars"},
    "positions": {"fills", "bars"},
}

# CPU seconds and modules of importing the definitions in a fresh process. Every daemon, server and
# step pays them; Dagster alone is 1.5 s.
IMPORT_BUDGET_MODULES = 2600
HEAVY = ("pandera", "statsmodels", "arch", "scipy", "pandas", "numba", "matplotlib", "exchange_calendars", "duckdb")


@pytest.fixture(scope="module")
def settings():
    return load_settings(environ=SMALL)


@pytest.fixture(scope="module")
def defs(settings):
    from tradepipe.definitions import build_definitions

    return build_definitions(settings)


@pytest.fixture(scope="module")
def specs(defs):
    """The chain; what SQL marts and the audit must carry is in tests/assets."""
    every = [spec for spec in defs.resolve_all_asset_specs() if spec.key.path[0] == MARKET]
    return {spec.key.path[-1]: spec for spec in every if spec.group_name not in {"marts", "audits"}}


def test_the_definitions_are_loadable(defs):
    dg.Definitions.validate_loadable(defs)


def test_the_chain_is_exactly_this(specs):
    assert {name: {dep.asset_key.path[-1] for dep in spec.deps} for name, spec in specs.items()} == CHAIN
    assert tuple(LAYERS) == (*RESEARCH, *TRADING)
    assert [name for name in LAYERS if name != "intervals"] == list(CHAIN)  # only where longer intervals are asked for


@pytest.mark.parametrize("layer", CHAIN)
def test_every_asset_says_what_it_is(specs, layer):
    spec = specs[layer]
    assert spec.key.path == [MARKET, layer]
    assert spec.group_name == layer
    assert spec.description
    assert spec.kinds
    assert spec.owners
    assert spec.code_version


@pytest.mark.parametrize("layer", CHAIN)
def test_the_column_schema_in_the_ui_is_the_contract(specs, settings, layer):
    contract = LAYERS[layer].contract(load_markets(settings)[MARKET])
    shown = specs[layer].metadata["dagster/column_schema"]
    assert [column.name for column in shown.columns] == contract.column_names
    for column, told in zip(shown.columns, contract.columns, strict=True):
        assert column.type == str(told.dtype)
        assert told.description in column.description
        assert told.unit in column.description
        assert column.constraints.nullable == told.nullable


def test_one_backfill_policy_and_one_partitioning_for_the_whole_chain(defs, settings):
    market = load_markets(settings)[MARKET]
    keys = market.partitions.keys(market.settings.start, market.settings.end)
    for layer in CHAIN:
        asset = defs.resolve_assets_def(dg.AssetKey([MARKET, layer]))
        assert asset.backfill_policy == dg.BackfillPolicy.single_run()
        assert asset.partitions_def.get_partition_keys() == keys


def test_research_is_automated_where_blocking_checks_passed_and_trading_is_left_to_its_sensor(specs):
    for layer in set(RESEARCH[1:]) & set(CHAIN):
        assert "all_deps_blocking_checks_passed" in str(specs[layer].automation_condition)
    for layer in ("raw_bars", *TRADING):
        assert specs[layer].automation_condition is None


def test_every_layer_has_a_blocking_partitioned_contract_check(defs):
    for layer in CHAIN:
        asset = defs.resolve_assets_def(dg.AssetKey([MARKET, layer]))
        check = next(spec for spec in asset.check_specs if spec.name == "contract")
        assert check.blocking
        assert check.partitions_def == asset.partitions_def


def test_jobs_sensors_and_schedules_are_there(defs):
    repository = defs.get_repository_def()
    assert {f"{MARKET}_research", f"{MARKET}_execution_job", f"{MARKET}_retraining"} <= set(repository.job_names)
    assert {sensor.name for sensor in repository.sensor_defs} == {
        f"{MARKET}_landing_sensor",
        f"{MARKET}_signals_sensor",
        f"{MARKET}_automation",
        f"{MARKET}_retraining_sensor",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        f"{MARKET}_after_close",
        f"{MARKET}_nightly_audit",
        "nightly_maintenance",
    }


def test_automation_is_switched_by_the_settings():
    from tradepipe.definitions import build_definitions

    for switch, expected in (("true", "RUNNING"), ("false", "STOPPED")):
        defs = build_definitions(load_settings(environ={**SMALL, "TRADEPIPE_AUTOMATION": switch}))
        repository = defs.get_repository_def()
        states = [one.default_status.value for one in (*repository.sensor_defs, *repository.schedule_defs)]
        assert set(states) == {expected}


def test_adding_a_market_adds_no_code(settings):
    from tradepipe.definitions import build_definitions

    one = settings.markets[MARKET]
    two = settings.model_copy(update={"markets": {MARKET: one, "copy": one.model_copy(update={"name": "copy"})}})
    keys = {key.to_user_string() for key in build_definitions(two).resolve_all_asset_keys()}
    assert {f"copy/{layer}" for layer in CHAIN} <= keys


def test_a_market_without_execution_has_no_trading_assets():
    from tradepipe.definitions import build_definitions

    off = {**SMALL, "TRADEPIPE_MARKETS__US_INDICES__EXECUTION__ENABLED": "false"}
    defs = build_definitions(load_settings(environ=off))
    layers = {
        spec.key.path[-1] for spec in defs.resolve_all_asset_specs() if spec.group_name not in {"marts", "audits"}
    }
    assert layers == set(RESEARCH) & set(CHAIN)


def test_a_market_with_longer_intervals_has_their_layer_in_its_job():
    from tradepipe.definitions import build_definitions

    longer = {**SMALL, "TRADEPIPE_MARKETS__US_INDICES__INTERVAL": "1h"}
    longer |= {
        "TRADEPIPE_MARKETS__US_INDICES__PARTITION": "session",
        "TRADEPIPE_MARKETS__US_INDICES__INTERVALS": '["4h"]',
    }
    defs = build_definitions(load_settings(environ=longer))
    layers = {
        spec.key.path[-1] for spec in defs.resolve_all_asset_specs() if spec.group_name not in {"marts", "audits"}
    }
    assert layers == {*CHAIN, "intervals"}
    job = defs.resolve_job_def(f"{MARKET}_research")
    assert {key.path[-1] for key in job.asset_layer.executable_asset_keys} == set(RESEARCH)


def test_workspace_and_pyproject_name_the_same_module():
    root = source_checkout()
    workspace = yaml.safe_load((root / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    project = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert workspace["module_name"] == project["code_location_target_module"] == "tradepipe.definitions"
    assert workspace["location_name"] == project["code_location_name"]


def test_the_four_packages_share_one_folder():
    """`assets`, `resources` and `sensors` are generic names: none of them may be somebody else's."""
    from pathlib import Path

    import assets
    import resources
    import sensors
    import tradepipe

    folders = {Path(module.__file__).parent.parent for module in (assets, resources, sensors, tradepipe)}
    assert len(folders) == 1


@pytest.mark.slow
def test_importing_the_definitions_stays_cheap():
    """What is heavy is imported by the step that needs it, not by every process that loads the code."""
    code = "import sys, json, tradepipe.definitions; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    modules = json.loads(done.stdout)
    assert [name for name in HEAVY if name in modules] == []
    assert len(modules) <= IMPORT_BUDGET_MODULES
