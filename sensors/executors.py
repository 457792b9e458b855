"""Where the blocks of a retraining are fitted: on threads, in processes, or by Celery workers."""

from typing import Any

import dagster as dg

from resources.celery_config import celery_config
from tradepipe.settings.forecasts import RetrainingSettings

REACHED_WITHIN = 5.0  # seconds


class ExecutorError(RuntimeError):
    """The executor that the settings ask for cannot be had."""


def executor_for(settings: RetrainingSettings) -> dg.ExecutorDefinition:
    """Dagster's executor for `settings.executor`. Nothing is connected to before a run begins.

    Raises:
        ExecutorError: it is celery, and the extra is not installed.
    """
    if settings.executor == "threads":
        return dg.in_process_executor
    if settings.executor == "processes":
        # A server imports the definitions once, and forks each block: importing takes it two CPU seconds and more.
        started = {"forkserver": {"preload_modules": ["tradepipe.definitions"]}}
        return dg.multiprocess_executor.configured({"max_concurrent": settings.workers, "start_method": started})
    return _celery_executor(settings)


def _celery_executor(settings: RetrainingSettings) -> dg.ExecutorDefinition:
    try:
        from dagster_celery import celery_executor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ExecutorError(
            f"forecasts.retraining.executor is celery, and {error.name} is not installed. Remedy: "
            "pip install 'tradepipe[celery]', or choose threads or processes."
        ) from error
    url = str(settings.broker_url)

    @dg.executor(
        name="celery",
        config_schema=celery_executor.config_schema,
        requirements=dg.multiple_process_executor_requirements(),
    )
    def reached(context: dg.InitExecutorContext) -> dg.Executor:
        reach(url)
        make: Any = celery_executor.executor_creation_fn
        return make(context)

    source = celery_config(settings.lost_after.total_seconds())
    return reached.configured({"broker": url, "backend": url, "config_source": source}, name="celery")


def reach(broker_url: str) -> None:
    """Return if a Valkey answers at `broker_url`.

    Raises:
        ExecutorError: none does.
    """
    from redis import Redis  # noqa: PLC0415 - of the extra
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        with Redis.from_url(broker_url, socket_connect_timeout=REACHED_WITHIN, socket_timeout=REACHED_WITHIN) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        raise ExecutorError(
            f"No Valkey answers at forecasts.retraining.broker_url: {error}. Nothing was fitted. Remedy: start it, "
            "correct the address, or set forecasts.retraining.executor to threads or processes."
        ) from error
