"""Assets: invoked alone, materialised for one partition, a range, twice, and with a broken contract."""

import dataclasses

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

from tests.projects import FIRST, LAST, LAYERS, MARKET, SmallProject
from tradepipe.chain import TRADING

pytestmark = pytest.mark.slow


def contents(small: SmallProject, layers=LAYERS) -> dict[tuple[str, str], str]:
    catalogue = small.store.catalogue
    return {
        (layer, key): generation.content
        for layer in layers
        for key, generation in catalogue.current(f"{MARKET}/{layer}").items()
    }


def verdicts(small: SmallProject, layer: str, check: str) -> dict[str, Status]:
    key = dg.AssetCheckKey(dg.AssetKey([MARKET, layer]), check)
    history = small.instance.event_log_storage.get_asset_check_execution_history(key, limit=1000)
    return {record.partition: record.status for record in reversed(history)}


def test_an_asset_can_be_invoked_directly(fresh):
    from assets.bars import raw_bars
    from resources.landing import LandingResource
    from resources.store import StoreResource

    asset = raw_bars(fresh.market)
    context = dg.build_asset_context(partition_key="2018-03")
    events = list(asset(context, store=StoreResource.of(fresh.settings), landing=LandingResource.of(fresh.settings)))
    assert isinstance(events[0], dg.MaterializeResult)
    assert fresh.store.read(f"{MARKET}/raw_bars", ["2018-03"]).height == 42


def test_one_partition_equals_the_same_partition_of_a_range(ready, fresh):
    """Every partition re-runs to the same content, alone or in a range."""
    assert fresh.run("raw_bars", "bars", "indicators").success
    for month in ("2018-01", "2018-06", "2018-12"):
        for layer in LAYERS[3:]:
            assert fresh.run(layer, first=month, last=month).success
    whole, alone = contents(ready), contents(fresh)
    compared = [key for key in alone if key[0] in LAYERS[:5] or key == ("signals", "2018-12")]
    assert len(compared) == 3 * 12 + 2 * 3 + 1
    assert {key: alone[key] for key in compared} == {key: whole[key] for key in compared}


def test_twice_gives_the_same_generation(project):
    before = {layer: project.store.catalogue.current(f"{MARKET}/{layer}") for layer in LAYERS}
    assert project.run().success
    assert {layer: project.store.catalogue.current(f"{MARKET}/{layer}") for layer in LAYERS} == before


def test_each_partition_is_reported_with_rows_content_and_verdict(ready):
    for layer in (*LAYERS, *TRADING):
        records = ready.instance.fetch_materializations(dg.AssetKey([MARKET, layer]), limit=100).records
        current = ready.store.catalogue.current(f"{MARKET}/{layer}")
        assert {record.partition_key for record in records} == set(current)
        for record in records:
            metadata = record.asset_materialization.metadata
            generation = current[record.partition_key]
            assert metadata["dagster/partition_row_count"].value == generation.rows
            assert metadata["content"].value == generation.content[:12]
        assert set(verdicts(ready, layer, "contract").values()) == {Status.SUCCEEDED}


@pytest.mark.parametrize(
    ("layer", "plots"),
    [
        ("bars", {"close and volume"}),
        ("indicators", {"indicators"}),
        ("forecasts", {"forecasts"}),
        ("forecast_scores", {"skill"}),
        ("evaluations", {"coverage", "skill over time", "weights"}),
        ("positions", {"equity", "drawdown"}),
    ],
)
def test_the_newest_partition_shows_plots_where_a_person_would_look(ready, layer, plots):
    newest = ready.instance.get_latest_materialization_event(dg.AssetKey([MARKET, layer])).asset_materialization
    assert newest.partition == LAST
    for name in plots:
        assert newest.metadata[name].value.startswith("![")


@pytest.mark.parametrize("layer", [*LAYERS, *TRADING])
def test_the_newest_partition_says_where_the_runs_time_went(ready, layer):
    shown = ready.instance.get_latest_materialization_event(dg.AssetKey([MARKET, layer]))
    metadata = {name: value.value for name, value in shown.asset_materialization.metadata.items()}
    assert {"t_read", "t_compute", "t_write", "cpu_seconds", "rows_read", "rows_written"} <= metadata.keys()
    assert metadata["t_read"] > 0 or layer == "fills"
    assert metadata["t_write"] > 0
    assert metadata["peak_memory_mb"] > 50


def test_missing_bars_turn_their_check_yellow_and_stand_in_the_ledger(fresh):
    lines = fresh.landing("2018-03").read_text().splitlines(keepends=True)
    lost = dict(zip(lines[0].strip().split(","), lines[7].split(","), strict=False))
    fresh.landing("2018-03").write_text("".join(lines[:7] + lines[8:]))
    assert fresh.run("raw_bars", "bars").success
    ledger = fresh.store.read(f"{MARKET}/bars.gaps", ["2018-03"])
    told = ledger.select("symbol", pl.col("session").cast(pl.String), "reason", "bars").rows()
    assert told == [("*", "2018-03-30", "holiday", 0), (lost["Symbol"], lost["Date"], "unknown", 1)]
    shown = verdicts(fresh, "bars", "gaps_known")
    assert shown["2018-03"] is Status.FAILED
    assert {status for month, status in shown.items() if month != "2018-03"} == {Status.SUCCEEDED}


def test_a_row_that_breaks_a_rule_goes_to_quarantine_and_stops_nothing_else(fresh):
    fresh.spoil("2018-03", High="1.0")
    outcome = fresh.run("raw_bars", "bars")
    assert outcome.success
    refused = fresh.store.read(f"{MARKET}/bars.quarantine", ["2018-03"])
    assert refused.select("reason", "symbol", "line").rows() == [("high_below_low", refused.item(0, "symbol"), 2)]
    assert refused.item(0, "file") == f"{MARKET}/2018-03.csv"
    assert fresh.store.read(f"{MARKET}/bars", ["2018-03"]).height == 41
    shown = verdicts(fresh, "bars", "nothing_refused")
    assert shown.pop("2018-03") == Status.FAILED
    assert set(shown.values()) == {Status.SUCCEEDED}
    assert verdicts(fresh, "bars", "contract")["2018-03"] == Status.SUCCEEDED


def test_an_unreadable_value_is_kept_in_quarantine_with_file_and_line(fresh):
    fresh.spoil("2018-03", Close="n/a?")
    assert fresh.run("raw_bars").success
    refused = fresh.store.read(f"{MARKET}/raw_bars.quarantine", ["2018-03"])
    assert refused.select("reason", "file", "line").rows() == [("number_unreadable", f"{MARKET}/2018-03.csv", 2)]
    assert "n/a?" in refused.item(0, "row")


def test_a_row_without_a_readable_date_is_kept_too(fresh):
    fresh.spoil("2018-03", Date="someday")
    assert fresh.run("raw_bars").success
    refused = fresh.store.read(f"{MARKET}/landing.quarantine")
    assert refused.select("reason", "file", "line").rows() == [("time_unreadable", f"{MARKET}/2018-03.csv", 2)]
    assert fresh.store.read(f"{MARKET}/raw_bars", ["2018-03"]).height == 41


def test_a_broken_contract_publishes_nothing_and_says_what_where_and_which_rows(fresh, monkeypatch):
    import tradepipe.bars as library

    assert fresh.run("raw_bars", "bars").success
    before = contents(fresh, ["bars"])
    honest = library.clean_bars

    def careless(*given):
        cleaned = honest(*given)
        wrong = cleaned.bars.with_columns(high=pl.when(pl.col("partition") == "2018-05").then(0.5).otherwise("high"))
        return dataclasses.replace(cleaned, bars=wrong)

    monkeypatch.setattr(library, "clean_bars", careless)
    outcome = fresh.run("bars", first="2018-04", last="2018-06")
    assert not outcome.success
    assert f"{MARKET}/bars partition 2018-05: contract broken, nothing was published." in outcome.error
    assert "rule high_below_low: 44 rows" in outcome.error
    assert outcome.error.count("symbol=") == 3 * outcome.error.count("rule ")
    assert contents(fresh, ["bars"]) == before


def test_indicators_that_break_their_contract_are_not_published(project, monkeypatch):
    import tradepipe.chain.features as library

    before = contents(project, ["indicators"])
    honest = library.compute_indicators

    def careless(*given, **told):
        wrong = pl.when(pl.col("partition") == "2018-05").then(101.0).otherwise("rsi_14")
        return honest(*given, **told).with_columns(rsi_14=wrong.cast(pl.Float32))

    monkeypatch.setattr(library, "compute_indicators", careless)
    outcome = project.run("indicators", first="2018-04", last="2018-06")
    assert not outcome.success
    assert f"{MARKET}/indicators partition 2018-05: contract broken, nothing was published." in outcome.error
    assert "rsi_14" in outcome.error
    assert contents(project, ["indicators"]) == before


def test_a_failed_contract_blocks_what_follows_in_the_same_run(fresh, monkeypatch):
    import tradepipe.bars as library

    honest = library.clean_bars

    def careless(*given):
        cleaned = honest(*given)
        return dataclasses.replace(cleaned, bars=cleaned.bars.with_columns(high=0.5))

    monkeypatch.setattr(library, "clean_bars", careless)
    assert not fresh.run("raw_bars", "bars", "indicators", first=FIRST, last=FIRST).success
    assert f"{MARKET}/indicators" not in fresh.store.catalogue.datasets()


def test_automation_does_not_pass_a_failed_blocking_check(tmp_path):
    """The characterisation of what our automation condition adds to `eager()`."""
    partitions = dg.MonthlyPartitionsDefinition(start_date="2018-01", end_date="2019-01", fmt="%Y-%m")
    upstream, downstream = dg.AssetKey("bars"), dg.AssetKey("indicators")

    def graph(condition):
        @dg.asset(
            key=upstream, partitions_def=partitions,
            check_specs=[dg.AssetCheckSpec("contract", asset=upstream, blocking=True, partitions_def=partitions)],
        )  # fmt: skip
        def bars():
            yield dg.MaterializeResult(asset_key=upstream)
            yield dg.AssetCheckResult(passed=False, check_name="contract")

        @dg.asset(key=downstream, partitions_def=partitions, deps=[upstream], automation_condition=condition)
        def indicators(): ...

        return dg.Definitions(assets=[bars, indicators])

    def requested(condition):
        defs, instance = graph(condition), dg.DagsterInstance.ephemeral(tempdir=str(tmp_path))
        chosen = dg.AssetSelection.assets(upstream, downstream)
        first = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=chosen)
        dg.materialize(
            [defs.resolve_assets_def(upstream)], partition_key="2018-12", instance=instance, raise_on_error=False
        )
        second = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=chosen, cursor=first.cursor)
        return second.get_num_requested(downstream)

    from assets.layer import when_inputs_changed

    assert requested(dg.AutomationCondition.eager()) == 1
    assert requested(when_inputs_changed()) == 0


@pytest.mark.parametrize(("lacking", "requested"), [("nothing", 1), ("first", 1), ("last", 1), ("bars", 0)])
def test_automation_does_not_wait_for_what_may_never_be_fetched(lacking, requested, tmp_path):
    """A day without any file of funding has no partition; of bars each session has one, if an empty one."""
    from assets.layer import when_inputs_changed

    partitions = dg.DailyPartitionsDefinition(start_date="2018-12-01", end_date="2018-12-10")
    days = ["2018-12-07", "2018-12-08", "2018-12-09"]
    read = [dg.AssetKey(name) for name in ("bars", "funding")]

    def upstream(key):
        check = dg.AssetCheckSpec("contract", asset=key, blocking=True, partitions_def=partitions)

        @dg.asset(key=key, partitions_def=partitions, check_specs=[check])
        def body():
            yield dg.MaterializeResult(asset_key=key)
            yield dg.AssetCheckResult(passed=True, check_name="contract")

        return body

    back = dg.TimeWindowPartitionMapping(start_offset=-2)
    condition = when_inputs_changed(read[1:])

    @dg.asset(
        partitions_def=partitions,
        deps=[dg.AssetDep(key, partition_mapping=back) for key in read],
        automation_condition=condition,
    )
    def indicators(): ...

    bars, funding = (upstream(key) for key in read)
    defs, instance = (
        dg.Definitions(assets=[bars, funding, indicators]),
        dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)),
    )
    chosen = dg.AssetSelection.assets(*read, indicators.key)
    first = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=chosen)
    for asset, name, missing in ((funding, "funding", {"first": days[0], "last": days[2]}), (bars, "bars", {})):
        gone = days[0] if lacking == name else missing.get(lacking)
        for day in [day for day in days if day != gone]:
            dg.materialize([asset], partition_key=day, instance=instance)
    second = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=chosen, cursor=first.cursor)
    assert second.get_num_requested(indicators.key) == requested
