import time

import numpy as np
import pytest

from tradepipe.observability.meter import READ, WRITE, Meter, peak_memory_mb


def test_what_is_neither_read_nor_written_is_computed():
    meter = Meter()
    with meter.phase(READ):
        time.sleep(0.02)
    with meter.phase(WRITE):
        time.sleep(0.01)
    measured = meter.measured()
    assert measured.t_read >= 0.02
    assert measured.t_write >= 0.01
    assert measured.t_compute >= 0


def test_a_phase_that_fails_is_counted_too():
    def fail():
        time.sleep(0.01)
        raise RuntimeError

    meter = Meter()
    with pytest.raises(RuntimeError), meter.phase(READ):
        fail()
    assert meter.measured().t_read >= 0.01


@pytest.mark.slow
def test_peak_memory_grows_with_what_is_held_and_is_in_megabytes():
    before = peak_memory_mb()
    held = np.ones(50_000_000)  # 400 MB
    assert held.size
    assert peak_memory_mb() >= max(before, 400)
    assert peak_memory_mb() < before + 1000
