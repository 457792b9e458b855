import threading
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tradepipe.forecasting.refits.claims import Claims
from tradepipe.settings.forecasts import ForecastSettings


class Asked(KeptFits):
    """Says when it is asked a second time."""

    def __init__(self):
        super().__init__()
        self.times, self.again = 0, threading.Event()

    def get_many(self, keys):
        self.times += 1
        if self.times > 1:
            self.again.set()
        return super().get_many(keys)


def asked_beside(cache, claims, fits):
    """What a second chain finds that asks while the first is being fitted; `fits` is what the first does then."""
    with ThreadPoolExecutor(1) as pool:

        def second():
            with claims.on(cache) as own:
                return own.get_many(["a", "b"])

        with claims.on(cache) as own:
            assert own.get_many(["a"]) == {}
            waiting = pool.submit(second)
            # A chain that does not wait has asked by then; one that waits never does.
            cache.again.wait(0.2)
            fits(own)
        return waiting.result()


def test_who_needs_what_is_being_fitted_waits_for_it():
    assert asked_beside(Asked(), Claims(), lambda own: own.put_many({"a": b"1"})) == {"a": b"1"}


def test_what_could_not_be_fitted_is_the_next_ones_to_fit():
    cache, claims = Asked(), Claims()

    def fail(_own):
        raise RuntimeError("no fit")

    with pytest.raises(RuntimeError, match="no fit"):
        asked_beside(cache, claims, fail)
    with claims.on(cache) as own:
        assert own.get_many(["a", "b"]) == {}


def test_what_is_kept_is_restored_side_by_side():
    cache, claims = KeptFits(), Claims()
    cache.put_many({"a": b"1"})
    with claims.on(cache) as one, claims.on(cache) as other:
        assert one.get_many(["a"]) == other.get_many(["a"]) == {"a": b"1"}


def test_without_a_cache_nothing_is_claimed():
    with Claims().on(None) as own:
        assert own is None


@pytest.mark.slow
def test_partitions_side_by_side_fit_what_they_share_once(make):
    class Slow(KeptFits):
        def get_many(self, keys):
            found = super().get_many(keys)
            time.sleep(0 if found else 0.1)  # a chain beside it that does not wait has asked by then
            return found

        def put_many(self, kept):
            counted.extend(kept)
            super().put_many(kept)

    counted, panel = [], make.panel({name: make.simulate(seed, 300) for seed, name in enumerate(("AAA", "BBB"))})
    two = panel["session"].unique().sort()[-2:].to_list()
    anchor = panel["session"].min()
    days = {"partition": [str(day) for day in two], "anchor_session": [anchor] * 2}
    windows = pl.DataFrame({**days, "first_session": two, "last_session": two})
    told = ForecastSettings(horizon=2, train_bars=260, min_train_bars=255, refit="month")
    make.members(panel, windows, told, cache=Slow(), threads=2)
    assert len(counted) == len(set(counted)) == 4  # two members and symbols, fitted after the month before
