"""Signals become intents: here the frame's floats become decimals, and nowhere else."""

import datetime as dt
from collections.abc import Mapping

import polars as pl

from tradepipe.contracts import SIGNALS
from tradepipe.execution.errors import SignalInputError
from tradepipe.execution.model import Intent, Route, SignalSource
from tradepipe.portfolio import from_float

Intents = dict[dt.date, dict[dt.datetime, list[Intent]]]
"""Intents by session, then by decision time, both ascending."""


def intents_from(
    signals: pl.DataFrame,
    route: Route,
    *,
    lineage: Mapping[dt.date, SignalSource] | None = None,
    revision: int = 0,
) -> Intents:
    """The intents of a frame of the SIGNALS contract.

    Args:
        signals: one row an intent.
        route: market of the signals, account to trade in, venue to trade at.
        lineage: per session the published generation that its signals were read from; None when
            the signals come from nowhere published.
        revision: part of the intents' identity; 0 until an operator command decides an open
            session anew.

    Raises:
        SignalInputError: when columns are missing or a session has no lineage.
    """
    missing = [name for name in SIGNALS.column_names if name not in signals.columns]
    if missing:
        raise SignalInputError(f"{route.market}: signals lack the columns {', '.join(missing)}; pass a SIGNALS frame")
    columns = SIGNALS.arrange(signals).sort("session", "decided_at", "symbol", "strategy").to_dict(as_series=False)
    result: Intents = {}
    for (
        session,
        decided_at,
        symbol,
        strategy,
        horizon,
        model,
        weight,
        edge,
        volatility,
        score,
        price,
        end,
        known,
    ) in zip(
        columns["session"],
        columns["decided_at"],
        columns["symbol"],
        columns["strategy"],
        columns["horizon"],
        columns["model"],
        columns["target_weight"],
        columns["edge_bps"],
        columns["volatility_bps"],
        columns["score"],
        columns["reference_price"],
        columns["expires_at"],
        columns["known_at"],
        strict=True,
    ):
        intent = Intent(
            market=route.market,
            account=route.account,
            venue=route.venue,
            strategy=strategy,
            symbol=symbol,
            session=session,
            decided_at=decided_at,
            target_weight=from_float(weight),
            edge_bps=from_float(edge),
            volatility_bps=from_float(volatility),
            score=from_float(score),
            reference_price=from_float(price),
            horizon=horizon,
            model=model,
            expires_at=end,
            known_at=known,
            source=_source(lineage, session, route.market),
            revision=revision,
        )
        result.setdefault(session, {}).setdefault(decided_at, []).append(intent)
    return result


def _source(lineage: Mapping[dt.date, SignalSource] | None, session: dt.date, market: str) -> SignalSource | None:
    if lineage is None:
        return None
    if session not in lineage:
        raise SignalInputError(f"{market}: no lineage for the signals of session {session}")
    return lineage[session]
