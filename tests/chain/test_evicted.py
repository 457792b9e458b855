"""What retention took away: orders and bars are explained all the same, from what the catalogue keeps."""

import datetime as dt
import io

import pytest
from rich.console import Console

from tradepipe.chain.blast_radius import blast_radius
from tradepipe.commands.project import Project
from tradepipe.commands.why import show_why
from tradepipe.store.retention import Policy, evict, plan

pytestmark = pytest.mark.slow


@pytest.fixture
def evicted(project):
    """Indicators before August, and bars before July, were evicted, and their files swept."""
    store, now = project.store, lambda: dt.datetime.now(dt.UTC)
    for layer, before in (("indicators", dt.date(2018, 8, 1)), ("bars", dt.date(2018, 7, 1))):
        policies = {f"us_indices/{layer}": Policy("test", dt.timedelta(0))}
        assert evict(store, plan(store, policies, now(), before=before), clock=now)
    store.sweep(now() + dt.timedelta(days=2))
    return project


def test_the_blast_radius_names_what_was_evicted(evicted):
    found = blast_radius(evicted.store, evicted.market, "SPX", dt.date(2018, 7, 10))
    state = {(one.layer, one.partition): (one.current, one.rows, one.recomputed) for one in found.partitions}
    assert state["indicators", "2018-07"] == (None, None, False)
    assert state["indicators", "2018-08"][0] is not None
    assert state["forecasts", "2018-07"][1] > 0


def test_why_goes_on_past_a_file_that_was_removed(evicted):
    orders = evicted.store.read("us_indices/orders")
    order = orders.filter(orders["decided_at"].dt.month() == 6)["client_order_id"][0]
    console = Console(width=200, record=True, file=io.StringIO())
    show_why(Project(evicted.settings), order, console)
    told = console.export_text()
    assert "its file was removed on" in told
    lines = [line for line in told.splitlines() if line.startswith(("indicators", "bars", "raw_bars", "forecasts"))]
    assert ["removed" in line for line in lines] == [False, True, True, False]
    assert "(unchanged)" in told  # back to the landing file


def test_what_was_computed_from_evicted_partitions_is_not_computed_anew_from_less(evicted):
    """A person's backfill must not put empty signals in the place of those that were traded."""
    before = evicted.store.catalogue.current("us_indices/forecasts")
    outcome = evicted.run("forecasts", first="2018-07", last="2018-08")
    assert not outcome.success
    assert "retention took away what it was computed from: bars 2018-0" in outcome.error
    assert evicted.store.catalogue.current("us_indices/forecasts") == before
    assert evicted.run("raw_bars", "bars", first="2018-11", last="2018-12").success
