"""Trades the scene in a process of its own, and dies by SIGKILL at a named point if told to."""

import os
import signal
from collections import Counter
from typing import Any

from tests.execution.scenes import MARKET, Scene
from tradepipe.execution.venues import PaperVenue


def main(journal_url: str, venue_url: str, point: str, occurrence: int, trading: Any) -> None:
    """`trading` is an event that is set when everything before, which is start-up, is done."""
    seen: Counter[str] = Counter()

    def checkpoint(name: str) -> None:
        seen[name] += 1
        if name == point and seen[name] == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = MARKET.execution
    with Scene(journal_url, venue_url) as scene:
        venue = PaperVenue.open(
            venue_url, market=MARKET.name, account=settings.account, costs=settings.costs, checkpoint=checkpoint
        )
        trading.set()
        scene.execute(venue=venue, run_id=f"process-{os.getpid()}", checkpoint=checkpoint)
        venue.close()
