import threading

import pytest

from tradepipe.forecasting.sharing import side_by_side
from tradepipe.observability.spending import Spending


def ticking(monkeypatch, name, *times):
    told = iter(times)
    monkeypatch.setattr(f"tradepipe.observability.spending.time.{name}", lambda: next(told))


def test_what_is_spent_on_a_name_adds_up(monkeypatch):
    ticking(monkeypatch, "process_time", 1.0, 2.5, 10.0, 10.5, 20.0, 21.0)
    spending = Spending()
    for name in ("arma", "walk", "arma"):
        with spending.on(name, alone=True):
            pass
    assert spending.seconds == {"arma": 2.5, "walk": 0.5}
    assert spending.shares == pytest.approx({"arma": 5 / 6, "walk": 1 / 6})


def test_beside_others_the_threads_own_time_counts(monkeypatch):
    ticking(monkeypatch, "thread_time", 0.0, 0.25)
    spending = Spending()
    with spending.on("arma", alone=False):
        pass
    assert spending.seconds == {"arma": 0.25}


@pytest.mark.parametrize("threads", [1, 3])
def test_what_other_threads_do_for_it_counts_too(monkeypatch, threads):
    """Each thread has a clock of its own, which goes on by two seconds a job; jobs have jobs done for them."""
    clocks = threading.local()
    monkeypatch.setattr("tradepipe.observability.spending.time.thread_time", lambda: getattr(clocks, "now", 5.0))

    def job(deeper):
        clocks.now = getattr(clocks, "now", 5.0) + 2.0
        return side_by_side(threads, job, [False] * 2) if deeper else None

    spending = Spending()
    with spending.on("arma", alone=False):
        side_by_side(threads, job, [True, False, True])
    assert spending.seconds == {"arma": 2.0 * (3 + 4)}


def test_fits_are_counted_beside_what_is_spent(monkeypatch):
    ticking(monkeypatch, "process_time", 0.0, 1.0, 3.0, 10.0, 20.0, 22.0)
    spending = Spending()
    with spending.on("arma", alone=True), spending.fitting("arma", 6, alone=True):
        pass
    with spending.fitting("arma", 2, alone=True):
        pass
    assert spending.seconds == {"arma": 10.0}
    assert spending.fits == {"arma": 8}
    assert spending.fits_a_second == {"arma": 2.0}


def test_a_failure_is_paid_for_too(monkeypatch):
    ticking(monkeypatch, "process_time", 0.0, 3.0)
    spending = Spending()
    with pytest.raises(RuntimeError), spending.on("arma", alone=True):
        raise RuntimeError
    assert spending.seconds == {"arma": 3.0}


def test_many_threads_lose_nothing(monkeypatch):
    monkeypatch.setattr("tradepipe.observability.spending.time.thread_time", iter(range(10**6)).__next__)
    spending = Spending()

    def spend():
        for _ in range(200):
            with spending.on("x", alone=False):
                pass

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert spending.seconds["x"] >= 8 * 200
    assert spending.shares == {"x": 1.0}


def test_nothing_spent_has_no_shares():
    assert Spending().shares == {}
