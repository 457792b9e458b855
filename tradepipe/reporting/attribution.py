"""Who earned it: the account's profit and loss shared out to the members of the ensemble."""

import polars as pl

from tradepipe.contracts import FILLS, ORDERS, POSITIONS
from tradepipe.forecasting.frames import require_columns

_CANCELLED = 1e-6
"""Of the parts' sizes: a mean below that is what their rounding left, and shares in it would be noise."""

UNATTRIBUTED = "no forecast"
"""Profit of positions whose forecast is not there any more."""


def pnl_by_session(positions: pl.DataFrame) -> pl.DataFrame:
    """Profit of each symbol and session after fees: columns symbol, session, pnl (Float64, price currency).

    Args:
        positions: POSITIONS contract, whose profits and fees are counted since the start.
    """
    since_start = (pl.col("realised_pnl") + pl.col("unrealised_pnl") - pl.col("fees")).cast(pl.Float64)
    ordered = positions.select("symbol", "session", so_far=since_start).sort("symbol", "session")
    before = pl.col("so_far").shift(1).over("symbol").fill_null(0.0)
    return ordered.select("symbol", "session", pnl=pl.col("so_far") - before)


def shares_of(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Part that each member has in what the ensemble expects.

    A member's part is weight times mean return, over the sum of all: the ensemble's mean. Parts of members
    that expected the opposite are negative. Where they cancel out, shares are those of the weights.

    Args:
        forecasts: symbol, known_at, model, mean_return and weight (null: none of the ensemble's members) of
            one horizon.

    Returns:
        symbol, known_at, member, share; the shares of a forecast add up to 1.
    """
    key = ["symbol", "known_at"]
    weighed = forecasts.filter(pl.col("weight").is_not_null()).with_columns(
        part=pl.col("weight") * pl.col("mean_return")
    )
    total, weights = pl.col("part").sum().over(key), pl.col("weight").sum().over(key)
    left = total.abs() > _CANCELLED * pl.col("part").abs().sum().over(key)
    share = pl.when(left).then(pl.col("part") / total).otherwise(pl.col("weight") / weights)
    return weighed.select(*key, member="model", share=share)


def attribution(
    positions: pl.DataFrame, fills: pl.DataFrame, orders: pl.DataFrame, forecasts: pl.DataFrame, *, model: str
) -> pl.DataFrame:
    """Profit and loss of each member, adding up to the account's.

    The profit of a symbol's session belongs to the newest order that was filled by then, and through the
    weights of the forecast that the order was decided on to the members (`shares_of`).

    Args:
        positions: POSITIONS contract, all sessions.
        fills: FILLS contract, all.
        orders: ORDERS contract, those of `fills` among them.
        forecasts: symbol, known_at, model, mean_return, weight of the strategy's horizon; at least at the times
            at which the filled orders were decided.
        model: what the strategy rests on; a member has its own profit, whole.

    Returns:
        member, pnl (price currency), share (of the total; null where that is zero), sessions (with a part),
        the largest profit first; "no forecast" is what was earned on forecasts that are not there.

    Raises:
        ValueError: a column is missing.
    """
    for name, frame, columns in (
        ("positions", positions, POSITIONS.column_names),
        ("fills", fills, FILLS.column_names),
        ("orders", orders, ORDERS.column_names),
        ("forecasts", forecasts, ["symbol", "known_at", "model", "mean_return", "weight"]),
    ):
        require_columns(frame, name, columns)
    decided = fills.join(orders.select("client_order_id", "decided_at"), on="client_order_id", how="left")
    newest = decided.sort("symbol", "filled_at").unique(["symbol", "session"], keep="last", maintain_order=True)
    held = (
        pnl_by_session(positions)
        .sort("session", "symbol")
        .join_asof(
            newest.select("symbol", "session", "decided_at").sort("session", "symbol"),
            on="session",
            by="symbol",
            check_sortedness=False,
        )
    )
    if model == "ensemble":
        shares = shares_of(forecasts)
    else:
        own = forecasts.filter(pl.col("model") == model).select("symbol", "known_at").unique()
        shares = own.with_columns(member=pl.lit(model), share=pl.lit(1.0))
    shared = held.join(
        shares, left_on=["symbol", "decided_at"], right_on=["symbol", "known_at"], how="left"
    ).with_columns(pl.col("member").fill_null(UNATTRIBUTED), pl.col("share").fill_null(1.0))
    by_member = (
        shared.filter(pl.col("pnl") != 0)
        .sort("symbol", "session", "member")
        .group_by("member")
        .agg(pnl=(pl.col("pnl") * pl.col("share")).sum(), sessions=pl.col("session").n_unique())
        .sort("pnl", "member", descending=[True, False])
    )
    total = pl.col("pnl").sum()
    return by_member.select("member", "pnl", share=pl.when(total != 0).then(pl.col("pnl") / total), sessions="sessions")
