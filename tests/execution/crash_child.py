"""Trades the scene in a process of its own, and dies by SIGKILL at a named point if told to."""

import os
import signal
import sys
from collections import Counter

from tests.execution.scenes import MARKET, Scene
from tradepipe.execution.venues import PaperVenue


def main(journal_url: str, venue_url: str, point: str, occurrence: int) -> None:
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
        # The parent waits for this line: everything before is start-up.
        sys.stdout.write("trading\n")
        sys.stdout.flush()
        report = scene.execute(venue=venue, run_id=f"process-{os.getpid()}", checkpoint=checkpoint)
        venue.close()
        sys.stdout.write(f"{report.approved} {report.recovered}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
