"""Jobs run and sensors ticked in this process, on the instance that the UI and the daemon use."""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository

from assets.layer import asset_key
from sensors.executors import reach
from sensors.jobs import derivatives_job_name, execution_job_name, marts_job_name, research_job_name
from sensors.requests import PARTITION_RANGE_END, PARTITION_RANGE_START
from sensors.retraining import retraining_job_name
from tradepipe.chain import LAYERS
from tradepipe.chain.derivatives import DERIVATIVES
from tradepipe.markets import Market
from tradepipe.paths import conf_folder

RUN_KEY = "dagster/run_key"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """How one run ended; `error` is the message of the step that failed, `told` what the last one answered, if any."""

    run_id: str
    success: bool
    error: str | None = None
    told: Mapping[str, Any] | None = None


def prepare_dagster_home(home: Path) -> Path:
    """DAGSTER_HOME, or `home`/dagster if it is not set, with a dagster.yaml in it.

    Sets DAGSTER_HOME for this process and its children. Of processes that come at once one makes what is missing and
    the others wait: Dagster, opened twice at its first time, stamps its databases with two revisions for good.
    """
    folder = Path(os.environ.setdefault("DAGSTER_HOME", str((home / "dagster").resolve())))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if file.exists():
        return folder
    with (folder / ".preparing").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            prepared = folder / ".dagster.yaml.new"
            template = (conf_folder() / "dagster.yaml").read_text()
            prepared.write_text(template.replace("{dagster_home}", str(folder)))
            with dg.DagsterInstance.from_config(str(folder), prepared.name):
                prepared.rename(file)  # only now, so that whoever sees it finds the databases made
    return folder


class LocalRunner:
    """Runs a code location's jobs in-process. Progress goes to `tradepipe.observability.progress`."""

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.defs, self.instance = defs, instance

    @classmethod
    def at_home(cls, defs: dg.Definitions, home: Path) -> "LocalRunner":
        prepare_dagster_home(home)
        return cls(defs, dg.DagsterInstance.get())

    def materialise(self, market: Market, layers: Sequence[str], first: str, last: str) -> Outcome:
        """Materialise `layers` of `market` for the partitions from `first` to `last` in one run.

        They are all of research, all derivatives, or all marts.
        """
        job = self.defs.resolve_job_def(_job_of(market, set(layers)))
        tags = {PARTITION_RANGE_START: first, PARTITION_RANGE_END: last}
        return self._execute(job, tags, [asset_key(market, layer) for layer in layers])

    def execute_pending_signals(self, market: Market) -> list[Outcome]:
        """Tick the signals sensor until it has nothing to request, running what it asks for.

        Ends with the first run that fails.
        """
        return self._follow(f"{market.name}_signals_sensor", execution_job_name(market))

    def work_in_arrivals(self, market: Market) -> list[Outcome]:
        """The same with the landing sensor: the research layers come to follow the landing folder."""
        return self._follow(f"{market.name}_landing_sensor", research_job_name(market))

    def retrain(self, market: Market, first: str, last: str) -> Outcome:
        """Fit the models of `market` for the partitions from `first` to `last` ahead, where the settings say.

        Raises:
            ExecutorError: it is Celery, and no Valkey answers.
        """
        told, name = market.settings.forecasts.retraining, retraining_job_name(market)
        tags = {PARTITION_RANGE_START: first, PARTITION_RANGE_END: last}
        if told.executor == "threads":
            job = self.defs.resolve_job_def(name)
            done = job.execute_in_process(instance=self.instance, tags=tags, run_config=QUIET, raise_on_error=False)
            return _retrained(done, market)
        if told.executor == "celery":
            reach(str(told.broker_url))
        # Other processes load the definitions themselves, from the same settings files and environment.
        loaded = ReconstructableRepository.for_module("tradepipe.definitions", "defs")
        recipe = loaded.get_reconstructable_job(name)
        with dg.execute_job(recipe, self.instance, run_config=QUIET, tags=tags) as result:
            return _retrained(result, market)

    def _follow(self, sensor_name: str, job_name: str) -> list[Outcome]:
        sensor, job = self.defs.resolve_sensor_def(sensor_name), self.defs.resolve_job_def(job_name)
        outcomes: list[Outcome] = []
        while not outcomes or outcomes[-1].success:
            with dg.build_sensor_context(
                instance=self.instance, definitions=self.defs, sensor_name=sensor.name, resources=self.defs.resources
            ) as context:
                requests = sensor.evaluate_tick(context).run_requests
            if not requests:
                break
            outcomes += [
                self._execute(job, {**one.tags, RUN_KEY: one.run_key or ""}, one.asset_selection) for one in requests
            ]
        return outcomes

    def _execute(
        self, job: dg.JobDefinition, tags: Mapping[str, str], selection: Sequence[dg.AssetKey] | None = None
    ) -> Outcome:
        result = job.execute_in_process(
            instance=self.instance,
            tags=dict(tags),
            run_config=QUIET,
            raise_on_error=False,
            asset_selection=selection,
        )
        return Outcome(result.run_id, result.success, None if result.success else _error(result))


def _job_of(market: Market, layers: set[str]) -> str:
    if layers <= set(LAYERS):
        return research_job_name(market)
    return derivatives_job_name(market) if layers <= set(DERIVATIVES) else marts_job_name(market)


def _retrained(result: dg.ExecuteInProcessResult | dg.JobExecutionResult, market: Market) -> Outcome:
    if not result.success:
        return Outcome(result.run_id, success=False, error=_error(result))
    return Outcome(result.run_id, success=True, told=json.loads(result.output_for_node(f"{market.name}_gathered")))


def _error(result: dg.ExecuteInProcessResult | dg.JobExecutionResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            cause = event.step_failure_data.error
            while cause.cause is not None:
                cause = cause.cause
            return cause.message.strip()
    for event in result.all_events:
        if event.is_job_failure and (error := event.job_failure_data.error) is not None:
            return error.message.strip()
    return "the run failed before its first step; see the run in the Dagster UI"
