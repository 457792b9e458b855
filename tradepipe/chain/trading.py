"""A range of published signals through the trading core, with the lineage of each intent."""

import datetime as dt

from tradepipe.chain.pending import stale_signals
from tradepipe.chain.run import LayerRun
from tradepipe.execution import ExecutionReport, Journal, SignalSource, execute
from tradepipe.execution.venues import Venue


class StaleSignalsError(RuntimeError):
    """Signals were to be executed that their own inputs have left behind."""


def route_signals(run: LayerRun, journal: Journal, venue: Venue) -> ExecutionReport:
    """Trade the signals of `run`'s partitions on their bars; idempotent (see `tradepipe.execution`).

    A market that still trades is traded by the wall clock, so that old intents expire; one that has
    ended is replayed.

    Raises:
        StaleSignalsError: bars, settings or code are newer than the signals. Trading on would move
            the account's clock past sessions whose signals are still to come.
    """
    market, partitions = run.market, run.market.partitions
    stale = stale_signals(run.store.catalogue, market, run.keys)
    if stale:
        raise StaleSignalsError(
            f"{market.name}: the signals of {', '.join(sorted(stale)[:3])} are stale, nothing was traded. "
            "Remedy: `tradepipe run` brings them up to date and executes them."
        )
    lineage = {
        session: SignalSource(signals.dataset, signals.partition, signals.id, signals.content)
        for signals in run.generations("signals")
        for session in partitions.sessions_of(signals.partition)
    }
    return execute(
        run.read("signals"),
        run.read("bars"),
        market=market.settings,
        instruments=market.universe.instruments,
        journal=journal,
        venue=venue,
        run_id=run.run_id,
        lineage=lineage,
        since=partitions.span(run.keys)[0],
        next_session=lambda session: market.calendar.offset(session, 1),
        now=None if market.settings.end else dt.datetime.now(dt.UTC),
        on_progress=run.on_progress,
    )
