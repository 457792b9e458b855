import contextvars
import subprocess
import sys
import threading

import pytest

from tradepipe.observability.progress import listening, report


def test_report_without_a_listener_does_nothing():
    report("bars", 1, 2)


def test_reports_reach_the_innermost_listener_and_the_outer_one_returns():
    outer, inner = [], []
    with listening(lambda *told: outer.append(told)):
        report("bars", 0, 2)
        with listening(lambda *told: inner.append(told)):
            report("bars", 1, 2)
        report("bars", 2, 2)
    report("bars", 3, 2)
    assert outer == [("bars", 0, 2), ("bars", 2, 2)]
    assert inner == [("bars", 1, 2)]


def test_the_listener_is_gone_after_an_exception():
    told = []
    with pytest.raises(RuntimeError, match="stop"), listening(lambda *what: told.append(what)):
        raise RuntimeError("stop")
    report("bars", 1, 1)
    assert told == []


def test_another_thread_has_its_own_context_unless_it_is_given_ours():
    told = []
    with listening(lambda *what: told.append(what)):
        stranger = threading.Thread(target=report, args=("stranger", 1, 1))
        guest = threading.Thread(target=contextvars.copy_context().run, args=(report, "guest", 1, 1))
        for thread in (stranger, guest):
            thread.start()
            thread.join()
    assert told == [("guest", 1, 1)]


def test_watching_costs_no_import_until_something_is_shown():
    code = (
        "import sys, tradepipe.observability.display, tradepipe.observability.progress;"
        "sys.exit(' '.join({'rich', 'dagster', 'polars'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
