"""What we rely on in Dagster beyond its stable interface. An upgrade that changes it fails here first."""

import os
import subprocess
import sys

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.asset_checks.asset_check_spec import AssetCheckKey
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

pytestmark = pytest.mark.slow  # each test migrates a Dagster instance of its own

PARTITIONS = dg.MonthlyPartitionsDefinition(start_date="2018-01", end_date="2019-01", fmt="%Y-%m")
KEY = dg.AssetKey(["m", "bars"])
CHECK = AssetCheckKey(KEY, "contract")
RANGE = {"dagster/asset_partition_range_start": "2018-01", "dagster/asset_partition_range_end": "2018-12"}


@pytest.fixture(autouse=True)
def batching(monkeypatch):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    monkeypatch.setenv("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "true")


@pytest.fixture
def storage(tmp_path):
    with dg.instance_for_test(
        temp_dir=str(tmp_path),
        overrides={
            "event_log_storage": {
                "module": "resources.event_log",
                "class": "BatchedSqliteEventLogStorage",
                "config": {"base_dir": str(tmp_path / "events")},
            }
        },
    ) as instance:
        yield instance


@dg.asset(
    key=KEY,
    partitions_def=PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("contract", asset=KEY, blocking=True, partitions_def=PARTITIONS)],
)
def bars(context: dg.AssetExecutionContext):
    for key in context.partition_keys:
        context.add_asset_metadata({"rows": int(key[-2:])}, asset_key=KEY, partition_key=key)
    yield dg.MaterializeResult(asset_key=KEY)
    for key in context.partition_keys:
        yield dg.AssetCheckEvaluation(
            asset_key=KEY, check_name="contract", passed=key != "2018-03", metadata={},
            severity=dg.AssetCheckSeverity.WARN, blocking=True, partition=key,
        )  # fmt: skip
    yield dg.Output(None, output_name=context.assets_def.get_output_name_for_asset_check_key(CHECK))


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(assets=[bars], jobs=[dg.define_asset_job("job", "*")])
    return defs.resolve_job_def("job").execute_in_process(instance=instance, tags=RANGE)


def test_one_run_over_a_range_records_each_partition_with_its_own_metadata(storage):
    assert run(storage).success
    assert storage.get_materialized_partitions(KEY) == set(PARTITIONS.get_partition_keys())
    records = storage.fetch_materializations(KEY, limit=100).records
    assert {record.partition_key: record.asset_materialization.metadata["rows"].value for record in records} == {
        key: int(key[-2:]) for key in PARTITIONS.get_partition_keys()
    }


def test_metadata_attached_at_once_is_what_adding_it_one_by_one_gives(storage):
    """assets.reports sets the step's accumulator; here is what it must keep looking like."""
    from assets.reports import _attach

    found = {}

    def asset_named(name, attach):
        @dg.asset(name=name, partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
        def made(context: dg.AssetExecutionContext):
            attach(context, {key: {"rows": int(key[-2:]), "content": key} for key in context.partition_keys})
            yield dg.MaterializeResult()

        return made

    def one_by_one(context, metadata):
        for key, one in metadata.items():
            context.add_asset_metadata(one, asset_key=context.asset_key, partition_key=key)

    assets = [
        asset_named("one_by_one", one_by_one),
        asset_named("at_once", lambda context, metadata: _attach(context, context.asset_key, metadata)),
    ]
    defs = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("job", "*")])
    assert defs.resolve_job_def("job").execute_in_process(instance=storage, tags=RANGE).success
    for name in ("one_by_one", "at_once"):
        records = storage.fetch_materializations(dg.AssetKey(name), limit=100).records
        found[name] = {record.partition_key: record.asset_materialization.metadata for record in records}
    assert len(found["at_once"]) == 12
    assert found["at_once"] == found["one_by_one"]


def test_a_yielded_evaluation_gives_each_partition_its_own_verdict_and_leaves_nothing_planned(storage):
    run(storage)
    history = storage.event_log_storage.get_asset_check_execution_history(CHECK, limit=100)
    verdicts = {record.partition: record.status for record in history}
    assert set(verdicts) == set(PARTITIONS.get_partition_keys())
    assert verdicts.pop("2018-03") == Status.FAILED
    assert set(verdicts.values()) == {Status.SUCCEEDED}


def test_an_asset_check_result_in_a_range_has_no_partition_which_is_why_we_do_not_use_it(storage):
    @dg.asset(
        key=KEY, partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("contract", asset=KEY, partitions_def=PARTITIONS)],
    )  # fmt: skip
    def plain():
        yield dg.MaterializeResult(asset_key=KEY)
        yield dg.AssetCheckResult(passed=True, check_name="contract")

    defs = dg.Definitions(assets=[plain], jobs=[dg.define_asset_job("job", "*")])
    defs.resolve_job_def("job").execute_in_process(instance=storage, tags=RANGE)
    history = storage.event_log_storage.get_asset_check_execution_history(CHECK, limit=100)
    assert {record.partition for record in history if record.status == Status.SUCCEEDED} == {None}


class CountingStorage:
    """Counts the batches that reach the storage."""

    def __init__(self, instance):
        self.batches = []
        store = instance.event_log_storage.store_event_batch
        instance.event_log_storage.store_event_batch = lambda events: (self.batches.append(len(events)), store(events))


def test_the_batch_variable_still_acts(storage, monkeypatch):
    counted = CountingStorage(storage)
    run(storage)
    assert max(counted.batches) == 12
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    counted.batches.clear()
    run(storage)
    assert counted.batches == []


def test_the_planned_subset_variable_still_acts(storage, monkeypatch):
    def planned(run_id):
        return len(
            storage.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED).records
        )

    with_subset = planned(run(storage).run_id)
    monkeypatch.delenv("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS")
    assert with_subset == 1
    assert planned(run(storage).run_id) == 12


def test_a_batch_is_stored_whole_or_not_at_all(storage):
    events = storage.all_logs(run(storage).run_id)
    batch = [event for event in events if event.is_dagster_event and event.dagster_event.is_step_materialization]
    assert len(batch) == 12
    before = len(storage.fetch_materializations(KEY, limit=1000).records)
    broken = [*batch, "not an event"]
    with pytest.raises(Exception, match="'str' object"):
        storage.event_log_storage.store_event_batch(broken)
    assert len(storage.fetch_materializations(KEY, limit=1000).records) == before
    storage.event_log_storage.store_event_batch(batch)
    assert len(storage.fetch_materializations(KEY, limit=1000).records) == before + 12


def test_partitioned_checks_are_still_a_preview_and_backfill_policies_still_beta():
    """When either becomes stable, the exceptions in definitions.py and pyproject.toml can go."""
    with pytest.warns(dg.PreviewWarning, match="partitions_def on an AssetCheckSpec"):
        dg.AssetCheckSpec("contract", asset=KEY, partitions_def=PARTITIONS)
    with pytest.warns(dg.BetaWarning, match="backfill_policy"):
        dg.asset(name="x", partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())(lambda: None)


def test_runs_of_two_processes_share_the_event_log(storage, tmp_path):
    """The pooled connections of one process do not lock the other out."""
    code = (
        "import dagster as dg\n"
        "instance = dg.DagsterInstance.get()\n"
        "print('here', flush=True)\n"
        "for n in range(50):\n"
        "    instance.report_runless_asset_event(dg.AssetMaterialization(['shared'], partition='other' + str(n)))\n"
    )
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"here\n"
        for n in range(50):
            storage.report_runless_asset_event(dg.AssetMaterialization(["shared"], partition=f"this{n}"))
        assert other.wait(120) == 0
    assert len(storage.get_materialized_partitions(dg.AssetKey("shared"))) == 100


def test_verdicts_are_gathered_and_stored_before_anything_is_read(storage):
    """A verdict stored by itself costs three transactions; a backfill has one for each partition."""
    log = storage.event_log_storage
    stored = log._store_together
    calls = []
    log._store_together = lambda events: (calls.append(len(events)), stored(events))
    done = run(storage)
    assert max(calls) == 12
    history = log.get_asset_check_execution_history(CHECK, limit=100)
    assert len(history) == 12
    verdicts = [
        event for event in storage.all_logs(done.run_id) if event.dagster_event_type.value == "ASSET_CHECK_EVALUATION"
    ]
    assert len(verdicts) == 12
    before = len(storage.all_logs(done.run_id))
    log.store_event(verdicts[0])
    assert log._verdicts
    assert len(storage.all_logs(done.run_id)) == before + 1
    assert not log._verdicts


def test_a_planned_verdict_is_known_as_planned_by_its_partition(storage):
    """What a run that never came to its verdicts leaves behind, without the subset in each row."""
    events = storage.all_logs(run(storage).run_id)
    (planned,) = [
        event for event in events if event.dagster_event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    ]
    assert len(planned.dagster_event.asset_check_planned_data.partitions_subset) == 12
    log = storage.event_log_storage
    log.store_event(planned._replace(run_id="another"))
    history = log.get_asset_check_execution_history(CHECK, limit=12)
    assert {record.status for record in history} == {Status.PLANNED}
    assert {record.partition for record in history} == set(PARTITIONS.get_partition_keys())
    told = {record.event.dagster_event.asset_check_planned_data.check_name for record in history}
    assert told == {"contract"}


def test_our_verdicts_are_recorded_as_dagster_itself_records_them(storage, tmp_path):
    """Row for row the same as the parent's statements, but for ids and times."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    def rows(instance):
        columns = ["asset_key", "check_name", "partition", "execution_status", "materialization_event_storage_id"]
        with instance.event_log_storage.index_connection() as connection:
            return sorted(
                tuple(row)
                for row in connection.execute(sa.select(*[AssetCheckExecutionsTable.c[name] for name in columns]))
            )

    run(storage)
    plain_home = tmp_path / "plain"
    plain_home.mkdir()
    with dg.DagsterInstance.local_temp(str(plain_home)) as plain:
        run(plain)
        assert rows(storage) == rows(plain)
        assert len(rows(plain)) == 12
