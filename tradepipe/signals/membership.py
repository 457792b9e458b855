"""Signals within a universe whose members change."""

import polars as pl

from tradepipe.markets import Universe


def within_membership(signals: pl.DataFrame, universe: Universe) -> pl.DataFrame:
    """`signals` asking for no position in a symbol on sessions on which it was no member of `universe`.

    The intent stays, with weight and edge 0, so that a position in a symbol that left is given up;
    what it was before its first session as a member is nobody's reason to trade either.

    Args:
        signals: SIGNALS columns and any others.
        universe: whose membership of each row's session counts.

    Returns:
        The columns and rows of `signals`, in their order.
    """
    if not universe.is_dated:
        return signals
    member = universe.is_member(signals)
    changed = [pl.when(member).then(pl.col(name)).otherwise(0.0).alias(name) for name in ("target_weight", "edge_bps")]
    return signals.with_columns(changed).select(signals.columns)
