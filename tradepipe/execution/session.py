"""Walking an account through sessions: fills first, then decisions at the close, then the clock."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import polars as pl

from tradepipe.execution.checkpoints import Checkpoint, pass_by
from tradepipe.execution.continuity import NextSession, refuse_gap
from tradepipe.execution.decisions import Decision, Rules, Standing, decide, refuse
from tradepipe.execution.entries import account_entry, clock_entry, conflict_entry, decision_entry
from tradepipe.execution.errors import AccountMismatchError, SignalInputError
from tradepipe.execution.gateway import Context, Gateway
from tradepipe.execution.intents import Intents, intents_from
from tradepipe.execution.journal import Head, Journal
from tradepipe.execution.lease import PATIENCE, lease
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.model import Intent, OrderState, Route, SignalSource
from tradepipe.execution.tape import Step, Tape
from tradepipe.execution.venues.base import Venue
from tradepipe.markets import Instrument
from tradepipe.observability.progress import Progress, report
from tradepipe.settings.models import MarketSettings

GROUP = 500
"""Rows that may wait for a commit while there is nothing to send."""


class Listed(Protocol):
    """An instrument: its symbol and its smallest quantity step."""

    @property
    def symbol(self) -> str: ...

    @property
    def lot(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What one call of `execute` did and how the account stands. Amounts in price currency.

    `new` intents were decided now, `repeated` ones had been decided before with the same content,
    `conflicts` are ids that came with content other than the journaled, now or earlier. `denied`
    counts reasons of new intents' denials, `states` all orders of the account.
    """

    market: str
    account: str
    sessions: int
    clock: dt.date | None
    new: int
    repeated: int
    approved: int
    fills: int
    recovered: int
    conflicts: tuple[str, ...]
    denied: Mapping[str, int]
    states: Mapping[OrderState, int]
    equity: Decimal
    cash: Decimal
    head: Head


@dataclass(slots=True)
class _Tally:
    sessions: int = 0
    new: int = 0
    repeated: int = 0
    approved: int = 0
    reports: int = 0
    conflicts: dict[str, None] = field(default_factory=dict)
    denied: Counter[str] = field(default_factory=Counter)


def execute(  # noqa: PLR0913 - the composition root of trading: each is a thing of its own
    signals: pl.DataFrame,
    bars: pl.DataFrame,
    *,
    market: MarketSettings,
    instruments: Iterable[Listed],
    journal: Journal,
    venue: Venue,
    run_id: str | None = None,
    lineage: Mapping[dt.date, SignalSource] | None = None,
    revision: int = 0,
    now: dt.datetime | None = None,
    since: dt.date | None = None,
    next_session: NextSession | None = None,
    patience: dt.timedelta = PATIENCE,
    on_progress: Progress = report,
    checkpoint: Checkpoint = pass_by,
) -> ExecutionReport:
    """Trade signals through cost gate, risk gate, journal and venue; idempotent.

    Every session of `bars` and `signals` after the account's clock is walked in order: the venue
    sees its bars and fills older orders, then the intents are decided on the closes known by then,
    then the clock moves. A session at or before the clock is not traded again: what was decided stands, other
    content under the same id is a conflict, and an intent not seen then is denied as `late`.

    Args:
        signals: SIGNALS columns.
        bars: BARS columns, all bars of the sessions to be walked.
        market: settings of the market; `market.execution` is used.
        instruments: symbols with their lots.
        journal: the order journal.
        venue: where orders go.
        run_id: run that causes this, kept with every row.
        lineage: per session the generation its signals come from.
        revision: see `intents_from`.
        now: time at which the account trades (UTC), by which intents expire and before which
            nothing sent fills; None replays history, where each decision is taken at its own time.
        since: first session of what is handed over; to be passed with `next_session`.
        next_session: the market's session after a given one, by which skipped sessions are found.
        patience: how long to wait for another process that trades the same account.
        on_progress: told the stage, sessions done and sessions in all.
        checkpoint: called at named points; crash tests end the process there.

    Raises:
        SignalInputError: signals, bars and instruments do not fit together.
        AccountMismatchError: the account was opened with other cash or currency.
        SessionsSkippedError: there are sessions between the account's clock and `since`.
        LeaseHeldError: another process is still trading this account.
        VenueUnreachableError: the venue does not tell what became of an order.
    """
    rules = _rules(market, instruments)
    account = market.execution.account
    route = Route(market.name, account, venue.name)
    intents = intents_from(signals, route, lineage=lineage, revision=revision)
    _refuse_unlisted(market.name, signals, rules)
    tape = Tape(bars, intents)
    with lease(journal.engine, f"{market.name}/{account}", patience) as still_held:
        ledger = Ledger.load(journal, market.name, account)
        refuse_gap(ledger, since, next_session)
        context = Context(run_id=run_id, now=now, still_held=still_held, checkpoint=checkpoint)
        gateway = Gateway(journal, ledger, venue, context)
        if tape.sessions:
            _open_account(gateway, market, tape.sessions[0])
        recovered = gateway.recover()
        walk = _Walk(gateway, venue, rules, intents, tape)
        stage = f"{market.name} execution"
        on_progress(stage, 0, len(tape.sessions))
        for done, session in enumerate(tape.sessions, start=1):
            walk.session(session)
            on_progress(stage, done, len(tape.sessions))
        gateway.flush()
        return _report(ledger, walk.tally, recovered, journal.head())


class _Walk:
    """One pass over sessions."""

    def __init__(self, gateway: Gateway, venue: Venue, rules: Rules, intents: Intents, tape: Tape) -> None:
        self.tally = _Tally()
        self._gateway, self._ledger, self._venue = gateway, gateway.ledger, venue
        self._rules, self._intents, self._tape = rules, intents, tape

    def session(self, session: dt.date) -> None:
        clock = self._ledger.clock
        if clock is not None and session <= clock:
            asked = self._intents.get(session, {}).values()
            self._record_denials([refuse(intent, "late", self._rules) for some in asked for intent in self._new(some)])
        else:
            self._trade(session)
            self.tally.sessions += 1
        if self._gateway.unwritten >= GROUP:
            self._gateway.flush()

    def _trade(self, session: dt.date) -> None:
        ledger, closes = self._ledger, self._tape.closes(session)
        ledger.known.add(closes)
        last = None
        for step in self._tape.steps(session):
            self._fill(session, step)
            if step.decided_at is not None:
                last = step.decided_at
                self._decide(self._new(self._intents[session][last]), last)
        ledger.marks.update({symbol: some[-1].price for symbol, some in closes.items()})
        self._gateway.record([clock_entry(ledger, session, closes, last)])

    def _fill(self, session: dt.date, step: Step) -> None:
        self._venue.advance(session, step.bars, step.decided_at)
        if self._ledger.working():
            self.tally.reports += self._gateway.collect(session)

    def _decide(self, intents: list[Intent], decided_at: dt.datetime) -> None:
        if not intents:
            return
        ledger = self._ledger
        marks, now = ledger.known.at(decided_at), self._gateway.context.now or decided_at
        working = ledger.working_symbols(decided_at)
        standing = Standing(ledger.account, ledger.pending(), marks, ledger.clock, now, working)
        decisions = decide(intents, standing, self._rules)
        self._count(decisions)
        self._gateway.submit(decisions)

    def _new(self, intents: Iterable[Intent]) -> list[Intent]:
        """The intents that the journal does not hold; conflicts with it are recorded."""
        new = []
        for intent in intents:
            record = self._ledger.orders.get(intent.client_order_id)
            if record is None:
                new.append(intent)
            elif record.content_hash == intent.content_hash:
                self.tally.repeated += 1
            else:
                self.tally.conflicts[intent.client_order_id] = None
                if intent.content_hash not in record.conflicts:
                    self._gateway.record([conflict_entry(intent)])
        return new

    def _record_denials(self, decisions: list[Decision]) -> None:
        self._count(decisions)
        self._gateway.record(decision_entry(decision) for decision in decisions)

    def _count(self, decisions: list[Decision]) -> None:
        self.tally.new += len(decisions)
        self.tally.approved += sum(decision.approved for decision in decisions)
        self.tally.denied.update(decision.code for decision in decisions if not decision.approved)


def _open_account(gateway: Gateway, market: MarketSettings, session: dt.date) -> None:
    ledger, settings = gateway.ledger, market.execution
    if ledger.initial_cash is None:
        entry = account_entry(market.name, settings.account, session, settings.initial_cash, market.currency)
        gateway.record([entry])
    elif (ledger.initial_cash, ledger.currency) != (settings.initial_cash, market.currency):
        raise AccountMismatchError(
            f"{market.name}/{settings.account}: the journal opened this account with {ledger.initial_cash:f} "
            f"{ledger.currency}, the settings say {settings.initial_cash:f} {market.currency}. "
            "Remedy: restore execution.initial_cash and currency, or name another execution.account."
        )


def _rules(market: MarketSettings, instruments: Iterable[Listed]) -> Rules:
    listed = list(instruments)
    changes = {
        one.symbol: [(change.start, change.lot) for change in one.rule_changes]
        for one in listed
        if isinstance(one, Instrument)
    }
    return Rules(market.execution.costs, market.execution.risk, {one.symbol: one.lot for one in listed}, changes)


def _refuse_unlisted(market: str, signals: pl.DataFrame, rules: Rules) -> None:
    unlisted = sorted(set(signals["symbol"].unique().to_list()) - set(rules.lots))
    if unlisted:
        raise SignalInputError(
            f"{market}: signals name {', '.join(unlisted)}, not in the universe. "
            "Remedy: add the instrument with its lot."
        )


def _report(ledger: Ledger, tally: _Tally, recovered: int, head: Head) -> ExecutionReport:
    return ExecutionReport(
        market=ledger.market,
        account=ledger.account_name,
        sessions=tally.sessions,
        clock=ledger.clock,
        new=tally.new,
        repeated=tally.repeated,
        approved=tally.approved,
        fills=tally.reports,
        recovered=recovered,
        conflicts=tuple(tally.conflicts),
        denied=dict(sorted(tally.denied.items())),
        states=ledger.count_states(),
        equity=ledger.equity,
        cash=ledger.account.cash,
        head=head,
    )
