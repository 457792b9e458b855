"""Promotes, and dies by SIGKILL at a step if told to."""

import os
import signal

from tests.forecasting.registry.making import MARKET
from tradepipe.forecasting.registry import ModelRegistry
from tradepipe.settings.forecasts import PromotionSettings


def promote(url: str, step: int = 0) -> tuple[int, int]:
    """How many changes were told, and how many steps it took."""
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
    registry.close()
    return len(told), seen
