"""Promotes in a process of its own, and dies by SIGKILL at a step if told to."""

import os
import signal
import sys

from tests.forecasting.registry.making import MARKET
from tradepipe.forecasting.registry import ModelRegistry
from tradepipe.settings.forecasts import PromotionSettings


def main(url: str, step: int) -> None:
    seen = 0

    def checkpoint(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    registry = ModelRegistry.open(url, checkpoint=checkpoint)
    rule = PromotionSettings(best=1)
    told = registry.promote(
        registry.get("samossa", MARKET), ["calm up", "wild down"], rule=rule, who="ada", why="a test of crashes"
    )
    sys.stdout.write(f"{len(told)} {seen}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
