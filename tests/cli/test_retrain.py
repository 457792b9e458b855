"""`tradepipe retrain` and what it says when there is nothing to fit to, or nothing to wait for."""

import pytest
from rich.console import Console

from tests.projects import MARKET
from tradepipe.commands.project import Project
from tradepipe.commands.retrain import WorkerError, show_retraining, start_worker
from tradepipe.markets import PartitionKeyError

pytestmark = pytest.mark.slow  # a delivered project


def test_a_market_without_bars_cannot_be_retrained(fresh):
    with pytest.raises(
        PartitionKeyError, match=f"no bars and indicators to fit to. Remedy: `tradepipe run -m {MARKET}`"
    ):
        show_retraining(Project(fresh.settings), Console(), MARKET, None)


@pytest.mark.parametrize("partitions", ["2031-01", "2031-01..2031-02", "2018-06..2018-03"])
def test_partitions_that_there_are_not_are_refused(fresh, partitions):
    with pytest.raises(PartitionKeyError, match="no partition"):
        show_retraining(Project(fresh.settings), Console(), MARKET, partitions)


def test_a_worker_needs_a_broker(fresh):
    with pytest.raises(WorkerError, match=r"us_indices has no forecasts.retraining.broker_url. Remedy: set it"):
        start_worker(Project(fresh.settings), Console(), MARKET, 1)
