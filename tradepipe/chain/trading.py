"""A range of published signals through the trading core, with the lineage of each intent."""

from tradepipe.chain.run import LayerRun
from tradepipe.execution import ExecutionReport, Journal, SignalSource, execute
from tradepipe.execution.venues import Venue


def route_signals(run: LayerRun, journal: Journal, venue: Venue) -> ExecutionReport:
    """Trade the signals of `run`'s partitions on their bars; idempotent (see `tradepipe.execution`)."""
    partitions = run.market.partitions
    lineage = {
        session: SignalSource(signals.dataset, signals.partition, signals.id, signals.content)
        for signals in run.generations("signals")
        for session in partitions.sessions_of(signals.partition)
    }
    return execute(
        run.read("signals"),
        run.read("bars"),
        market=run.market.settings,
        instruments=run.market.universe.instruments,
        journal=journal,
        venue=venue,
        run_id=run.run_id,
        lineage=lineage,
        on_progress=run.on_progress,
    )
