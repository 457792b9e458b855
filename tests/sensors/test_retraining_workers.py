"""What a worker holds: put back when it is silent, and only then."""

import time
from types import SimpleNamespace

import kombu
import pytest

LOST_AFTER = 0.3


@pytest.fixture
def worker(valkey_server, valkey_address, monkeypatch):
    """An application, a channel that consumes from its queue, and a client that looks from outside."""
    assert valkey_address.startswith("unix://")
    url = f"redis+socket://{valkey_server.unix_socket_path}"
    monkeypatch.setenv("RETRAINING_BROKER", url)
    monkeypatch.setenv("RETRAINING_LOST_AFTER", str(LOST_AFTER))
    from resources.celery_app import Touch, app

    with app.connection_for_read() as connection, valkey_server.client() as outside:
        channel = connection.channel()
        queue = kombu.Queue("dagster")(channel)
        queue.declare()
        kombu.Producer(channel).publish({"block": 1}, routing_key="dagster", serializer="json")
        messages = []
        consumer = kombu.Consumer(channel, [queue], callbacks=[lambda _, one: messages.append(one)])
        with consumer:
            connection.drain_events(timeout=5)
            holder = SimpleNamespace(task_consumer=consumer, app=app)
            yield SimpleNamespace(
                touch=lambda: Touch(holder)._touch(holder),
                sweep=lambda: channel.qos.restore_visible(num=channel.unacked_restore_limit, interval=1),
                held=lambda: outside.zcard("unacked_index"),
                message=messages[0],
            )


@pytest.mark.slow
def test_what_is_touched_stays_with_the_worker_however_long_it_takes(worker):
    for _ in range(4):
        time.sleep(LOST_AFTER / 2)
        worker.touch()
        worker.sweep()
        assert worker.held() == 1


@pytest.mark.slow
def test_what_a_silent_worker_holds_is_put_back(worker):
    worker.sweep()
    assert worker.held() == 1
    time.sleep(1.5 * LOST_AFTER)
    worker.sweep()
    assert worker.held() == 0


@pytest.mark.slow
def test_a_touch_brings_back_nothing_that_was_acknowledged_or_taken_over(worker):
    time.sleep(1.5 * LOST_AFTER)
    worker.sweep()
    worker.touch()
    assert worker.held() == 0
    worker.message.ack()
    worker.touch()
    assert worker.held() == 0


def test_settings_that_keep_tasks_reach_the_worker_s_application(worker):
    from resources.celery_app import app
    from resources.celery_config import celery_config

    assert worker.held() == 1
    wanted = celery_config(LOST_AFTER)
    assert {name: app.conf[name] for name in wanted} == wanted
    assert (app.tasks["execute_plan"].acks_late, app.tasks["execute_plan"].reject_on_worker_lost) == (True, True)
