"""Members: which a market has, their partitions as frames, and how each was fitted."""

from tradepipe.forecasting.members.configured import BASELINES, RANDOM_WALK, members_of

__all__ = ["BASELINES", "RANDOM_WALK", "members_of"]
