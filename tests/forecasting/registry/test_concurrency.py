"""Many promoters at once, and a promoter that dies half-way."""

import signal
import threading

import pytest
import sqlalchemy as sa

from tests.forecasting.registry.making import MARKET, NOW, active, assert_consistent, enter, judged, version
from tests.forecasting.registry.promoting_child import promote
from tests.processes import PROCESSES
from tradepipe.forecasting.registry import ModelRegistry
from tradepipe.forecasting.registry.tables import active_versions
from tradepipe.settings.forecasts import PromotionSettings
from tradepipe.store.database import open_engine

UP = "calm up"
MEMBERS = ("random_walk", "drift", "samossa", "arma_garch")
TWO = PromotionSettings(best=2)
STEPS = 7  # displaced twice (taken, noted), promoted twice (noted), changed


def all_at_once(work):
    """Run `work(number)` in a thread each, started together; the errors they ended with."""
    barrier, errors = threading.Barrier(len(MEMBERS) * 2), []

    def one(number):
        barrier.wait()
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(MEMBERS) * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.slow
def test_promoters_at_once_never_exceed_the_best(registry, models_url):
    made = [version(member) for member in MEMBERS]
    found = enter(registry, made, [judged(one, float(index)) for index, one in enumerate(made)])

    def work(number):
        mine = ModelRegistry.open(models_url)
        try:
            for _ in range(3):
                if number % 4 == 3:
                    mine.obey(MARKET, TWO)
                else:
                    mine.promote(found[number % 4], [UP, "wild down"], rule=TWO, who=f"thread {number}", why="a race")
                assert len(mine.active(MARKET, UP)) <= 2
        finally:
            mine.close()

    assert all_at_once(work) == []
    assert len(active(registry)) == 2
    assert_consistent(registry, 2)


def test_the_same_versions_registered_at_once_are_registered_once(registry, models_url):
    made = [version(member, month) for month in ("2020-01", "2020-02") for member in MEMBERS]
    fresh = []

    def work(_number):
        mine = ModelRegistry.open(models_url)
        try:
            fresh.extend(mine.register(MARKET, made))
        finally:
            mine.close()

    assert all_at_once(work) == []
    assert sorted(fresh) == sorted(one.id for one in made)
    assert len(registry.all()) == len(registry.history()) == len(made)


def test_a_writer_without_the_lock_cannot_take_a_place_that_is_held(registry):
    first, second = enter(registry, [version("drift"), version("samossa")])
    registry.promote(first, [UP], rule=PromotionSettings(best=1), who="ada", why="x")
    row = {"market": MARKET, "regime": UP, "slot": 1, "since": NOW, "who": "eve", "why": "x"}
    with pytest.raises(sa.exc.IntegrityError), registry.engine.begin() as connection:
        connection.execute(sa.insert(active_versions).values(version_id=second.number, **row))
    assert active(registry) == {first.id}


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_killed_within_a_promotion(tmp_path, step):
    _kill_and_look(f"sqlite:///{tmp_path / 'models.sqlite'}", step)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, STEPS])
def test_killed_within_a_promotion_in_postgresql(postgres_url, step):
    _kill_and_look(postgres_url, step)


def _kill_and_look(url, step):
    registry = ModelRegistry.open(url, clock=lambda: NOW)
    [first, _] = enter(registry, [version("drift"), version("samossa")])
    registry.promote(first, [UP, "wild down"], rule=PromotionSettings(best=1), who="ada", why="x")
    before = registry.active(), registry.all(), registry.history()
    registry.close()
    child = PROCESSES.Process(target=promote, args=(url, step))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    registry = ModelRegistry(open_engine(url, durable=True))
    assert (registry.active(), registry.all(), registry.history()) == before
    assert promote(url) == (4, STEPS)
    assert {one.version.split("/")[0] for one in registry.active()} == {"samossa"}
    assert_consistent(registry, 1)
    registry.close()
