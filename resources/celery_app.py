"""The Celery application of workers: `celery -A resources.celery_app worker`, as `tradepipe retrain-worker` starts it.

Reads RETRAINING_BROKER (redis://host:port/0) and RETRAINING_LOST_AFTER (seconds). Imports nothing
but Dagster, so that the processes that fit are forked before any of them has threads.
"""

import os
import time
from typing import Any

from celery import Celery, bootsteps
from dagster_celery.config import dict_wrapper
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from resources.celery_config import TOUCHES, celery_config

BROKER, LOST_AFTER = "RETRAINING_BROKER", "RETRAINING_LOST_AFTER"


class Touch(bootsteps.StartStopStep):
    """Says regularly that the tasks this worker has are not lost, however long one takes.

    The index of unacknowledged messages is a sorted set by the time of delivery; kombu puts back what is older than
    `visibility_timeout`. Only what is there is touched: neither what was acknowledged meanwhile comes back, nor
    what another worker has taken over.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._every = consumer.app.conf.broker_transport_options["visibility_timeout"] / TOUCHES
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        self._timer = consumer.timer.call_repeatedly(self._every, self._touch, (consumer,))

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - Celery's signature
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _touch(self, consumer: Any) -> None:
        channel = consumer.task_consumer.channel
        tags = list(channel.qos._delivered)  # noqa: SLF001 - kombu tells it in no other way
        if not tags:
            return
        try:
            with channel.conn_or_acquire() as client:
                client.zadd(channel.unacked_index_key, dict.fromkeys(tags, time.time()), xx=True)
        except channel.connection_errors:
            # Celery connects anew by itself; what cannot be touched until then is done twice, at worst.
            return


def worker_app(broker_url: str, lost_after: float) -> Celery:
    """Takes the steps of runs from the broker at `broker_url`, and leaves their results there."""
    config = {"broker": broker_url, "backend": broker_url, "config_source": dict_wrapper(celery_config(lost_after))}
    made: Celery = make_app(config)
    made.steps["consumer"].add(Touch)
    create_task(made)
    return made


app = worker_app(os.environ[BROKER], float(os.environ[LOST_AFTER]))
