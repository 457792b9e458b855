"""The retraining job and its sensor: in this process, with a Dagster instance of its own."""

import builtins
import json

import dagster as dg
import pytest
import sqlalchemy as sa

from tests.projects import LAST, MARKET, SmallProject
from tradepipe.settings.forecasts import RetrainingSettings


def tick(small: SmallProject):
    sensor = small.defs.resolve_sensor_def(f"{MARKET}_retraining_sensor")
    with dg.build_sensor_context(
        instance=small.instance, definitions=small.defs, sensor_name=sensor.name, resources=small.defs.resources
    ) as context:
        return sensor.evaluate_tick(context)


def run(small: SmallProject, **more):
    job = small.defs.resolve_job_def(f"{MARKET}_retraining")
    return job.execute_in_process(instance=small.instance, raise_on_error=False, **more)


def kept(small: SmallProject) -> dict[str, bytes]:
    with sa.create_engine(small.settings.models_url).connect() as connection:
        return dict(connection.execute(sa.text("select key, blob from fits")).tuples().all())


def forget(small: SmallProject) -> dict[str, bytes]:
    before = kept(small)
    with sa.create_engine(small.settings.models_url).begin() as connection:
        connection.execute(sa.text("delete from fits"))
    return before


@pytest.mark.slow
def test_the_job_keeps_what_forecasting_kept(project: SmallProject):
    forget(project)
    result = run(project, partition_key=LAST)
    assert result.success
    whole = json.loads(result.output_for_node(f"{MARKET}_gathered"))
    assert whole["chains"] == whole["made"] == len(kept(project)) == 2 * len(project.market.universe.instruments)
    content = project.store.catalogue.current(f"{MARKET}/member_forecasts")[LAST].content
    fitted = kept(project)
    assert project.run("member_forecasts", first=LAST, last=LAST).success
    assert project.store.catalogue.current(f"{MARKET}/member_forecasts")[LAST].content == content
    assert kept(project) == fitted


@pytest.mark.slow
def test_the_sensor_asks_once_for_the_same_content(project: SmallProject):
    (request,) = tick(project).run_requests  # nothing was ever retrained
    assert (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]) == (
        LAST,
        LAST,
    )
    assert tick(project).run_requests[0].run_key == request.run_key
    assert run(project, tags=request.tags).success
    silent = tick(project)
    assert not silent.run_requests
    assert "as new as its data" in silent.skip_message


@pytest.mark.slow
def test_restated_data_is_asked_for_and_after_its_retraining_left_alone(project: SmallProject):
    assert run(project, tags=tick(project).run_requests[0].tags).success
    project.restate("2018-12")
    assert project.run("raw_bars", "bars", "indicators", first=LAST, last=LAST).success
    (request,) = tick(project).run_requests
    assert run(project, tags=request.tags).success
    assert not tick(project).run_requests


@pytest.mark.slow
def test_a_failed_retraining_is_tried_again_under_another_key(project: SmallProject, monkeypatch):
    import sensors.retraining

    (first,) = tick(project).run_requests

    def broken(*_, **__):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sensors.retraining, "fit_block", broken)
        assert not run(project, tags=first.tags).success
    (second,) = tick(project).run_requests
    assert second.run_key != first.run_key
    assert second.tags == first.tags


@pytest.mark.slow
def test_a_block_that_kills_its_process_again_and_again_is_given_up(project: SmallProject, monkeypatch):
    import sensors.retraining

    monkeypatch.setattr(sensors.retraining, "DELIVERIES", 0)
    result = run(project, partition_key=LAST)
    assert not result.success
    assert "Remedy: look at the workers' memory" in str(result.all_events)


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch):
    from sensors.executors import ExecutorError, executor_for

    honest = builtins.__import__

    def lacking(name, *rest, **more):
        if name.split(".")[0] == "dagster_celery":
            raise ImportError("No module named 'dagster_celery'", name="dagster_celery")
        return honest(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(
        ExecutorError, match=r"dagster_celery is not installed. Remedy: pip install 'tradepipe\[celery\]'"
    ):
        executor_for(RetrainingSettings(executor="celery", broker_url="redis://localhost:6379/0"))


def test_a_broker_that_does_not_answer_is_told_before_anything_is_fitted():
    from sensors.executors import ExecutorError, reach

    with pytest.raises(ExecutorError, match=r"No Valkey answers at forecasts.retraining.broker_url: .*Remedy"):
        reach("redis://127.0.0.1:1/0")
