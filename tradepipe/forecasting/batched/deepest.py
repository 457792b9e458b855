"""The lowest of many scores, kept in order while they are looked through."""

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.polynomials import Floats, Integers


@compiled
def keep_deepest(scores: Floats, index: int, chosen: Integers, found: int, limit: int) -> int:
    """Put `index` among the `found` in `chosen` by its score, unless `limit` are there and lower.

    Args:
        scores: all.
        index: of the score that is looked at.
        chosen: (>= limit,) indices, the lowest score first, written.
        found: how many are there.
        limit: how many there may be, at least 1.

    Returns:
        How many are there now.
    """
    score = scores[index]
    if found == limit and score >= scores[chosen[found - 1]]:
        return found
    at = min(found, limit - 1)
    while at > 0 and scores[chosen[at - 1]] > score:
        chosen[at] = chosen[at - 1]
        at -= 1
    chosen[at] = index
    return min(found + 1, limit)
