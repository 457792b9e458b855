import random
import signal
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.execution import crash_child
from tests.execution.scenes import Scene
from tests.processes import PROCESSES
from tradepipe.execution import OrderState

pytestmark = pytest.mark.slow
POINTS = (
    "intent_recorded",  # before the INTENT row is committed
    "intent_committed",
    "sending_committed",
    "venue_answered",  # the venue has the order, the journal has no answer
    "answers_recorded",
    "venue_filling",  # inside the venue's own transaction
    "venue_filled",  # the venue has the fill, the journal has not
)
TIMEOUT = 120


@dataclass
class Child:
    process: Any
    trading: Any


def start(journal_url, venue_url, point="none", occurrence=0):
    trading = PROCESSES.Event()
    arguments = (journal_url, venue_url, point, occurrence, trading)
    process = PROCESSES.Process(target=crash_child.main, args=arguments, daemon=True)
    process.start()
    return Child(process, trading)


def finish(child):
    child.process.join(TIMEOUT)
    assert child.process.exitcode in {0, -signal.SIGKILL}
    return child.process.exitcode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Orders, fills and account of a run without a crash."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with Scene(f"sqlite:///{folder / 'j.sqlite'}", f"sqlite:///{folder / 'v.sqlite'}") as scene:
        scene.execute()
        return truth(scene)


def truth(scene):
    ledger = scene.ledger()
    verdicts = {order: (record.quantity, record.denied) for order, record in ledger.orders.items()}
    return scene.venue_orders(), scene.venue_fills(), verdicts, ledger.account, ledger.clock


def assert_exactly_once(scene, undisturbed):
    """The same orders, fills, verdicts and account as without any crash, and a journal that agrees with the venue."""
    assert truth(scene) == undisturbed
    assert scene.journal_fills() == scene.venue_fills()
    working = scene.ledger().working()
    assert {record.state for record in working} <= {OrderState.ACK}
    assert scene.journal.verify().ok


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_and_run_again(tmp_path, undisturbed, point):
    urls = f"sqlite:///{tmp_path / 'j.sqlite'}", f"sqlite:///{tmp_path / 'v.sqlite'}"
    assert finish(start(*urls, point, 3)) == -signal.SIGKILL
    with Scene(*urls) as scene:
        assert truth(scene) != undisturbed
        scene.execute()
        assert_exactly_once(scene, undisturbed)


@pytest.mark.parametrize("point", ["intent_committed", "sending_committed", "venue_answered", "venue_filled"])
def test_killed_at_a_point_with_the_journal_in_postgresql(tmp_path, postgres_url, undisturbed, point):
    urls = postgres_url, f"sqlite:///{tmp_path / 'v.sqlite'}"
    assert finish(start(*urls, point, 5)) == -signal.SIGKILL
    with Scene(*urls) as scene:
        scene.execute()
        assert_exactly_once(scene, undisturbed)


def test_killed_again_while_it_recovers(tmp_path, undisturbed):
    urls = f"sqlite:///{tmp_path / 'j.sqlite'}", f"sqlite:///{tmp_path / 'v.sqlite'}"
    for point in ("sending_committed", "answers_recorded", "venue_answered", "sending_committed"):
        assert finish(start(*urls, point, 1)) == -signal.SIGKILL
    with Scene(*urls) as scene:
        scene.execute()
        assert_exactly_once(scene, undisturbed)


def test_killed_at_random_until_it_is_done(tmp_path, undisturbed):
    urls = f"sqlite:///{tmp_path / 'j.sqlite'}", f"sqlite:///{tmp_path / 'v.sqlite'}"
    chance, kills = random.Random(7), 0  # noqa: S311 - a seeded test
    for _ in range(6):
        child = start(*urls)
        assert child.trading.wait(TIMEOUT)
        time.sleep(chance.uniform(0.02, 0.3))
        child.process.kill()
        kills += finish(child) == -signal.SIGKILL
    with Scene(*urls) as scene:
        scene.execute()
        assert_exactly_once(scene, undisturbed)
    assert kills > 0


def test_two_processes_at_the_same_time(tmp_path, journal_url, undisturbed):
    urls = journal_url, f"sqlite:///{tmp_path / 'v.sqlite'}"
    children = [start(*urls) for _ in range(2)]
    assert [finish(child) for child in children] == [0, 0]
    with Scene(*urls) as scene:
        assert_exactly_once(scene, undisturbed)
        assert sum(row.entry.kind == "SENDING" for row in scene.journal.rows()) == len(scene.venue_orders())
