"""How tasks travel from the Celery executor to workers through Valkey, so that none is lost with a worker.

dagster-celery's own settings lose them: a worker acknowledges a task when it receives it, so that a task whose worker
is killed is in no queue any more, and the run waits for ever. Here a task is acknowledged after it is done. A message
that is not acknowledged stays in Valkey beside the queue; when it was not touched for `visibility_timeout`, any
worker puts it back. kombu's default for that is an hour, looked at every 100 seconds; and it counts from the
delivery, so that a task which takes longer is done twice. Workers of ours touch what they work on
(`resources.celery_app`), so the time may be short. A second delivery of a block does no harm: see
`tradepipe.chain.retraining`.
"""

from typing import Any

TOUCHES = 3
"""How often within the time after which it counts as lost a worker touches what it works on."""


def celery_config(lost_after: float) -> dict[str, Any]:
    """Celery's settings; the executor and its workers must have the same.

    Args:
        lost_after: seconds without a touch after which another worker takes a task.
    """
    return {
        # A task is done first and acknowledged then; one whose process dies goes back to the queue at once.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # A worker takes no task that it cannot begin.
        "worker_prefetch_multiplier": 1,
        "broker_transport_options": {
            # Not before a touch can come late: a busy machine is no lost worker.
            "visibility_timeout": lost_after,
            "unacked_restore_interval": lost_after / TOUCHES,
            "unacked_restore_throttle": 1,
            # Held while messages are put back, also by a worker that dies meanwhile.
            "unacked_mutex_expire": max(1, round(lost_after)),
            "max_retries": 3,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.5,
        },
        "broker_connection_retry_on_startup": True,
        "task_default_queue": "dagster",
        "task_default_priority": 5,
        # Nothing but text travels.
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "result_expires": 86_400,
    }
