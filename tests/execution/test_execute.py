import datetime as dt
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from tests.execution.scenes import (
    FIRST,
    MARKET,
    STOCKS,
    Scene,
    decision,
    lineage,
    make_bars,
    opening,
    sessions,
    wishing,
)
from tradepipe.execution import OrderState
from tradepipe.execution.errors import (
    AccountMismatchError,
    LeaseHeldError,
    SignalInputError,
)
from tradepipe.execution.lease import lease
from tradepipe.portfolio import MissingMarkError
from tradepipe.settings.models import ExecutionSettings

DAYS = sessions()


def until(frame, number):
    return frame.filter(pl.col("session") <= DAYS[number])


def after(frame, number):
    return frame.filter(pl.col("session") > DAYS[number])


def decided(scene):
    """What was decided and what came of it, without run ids and wall time."""
    return [
        (row.entry.kind, row.entry.key, row.entry.session, {**row.entry.payload, "source": None, "deadline": None})
        for row in scene.journal.rows()
    ]


def test_every_approved_intent_has_one_order_and_journal_and_venue_agree(any_scene):
    done = any_scene.execute()
    ledger = any_scene.ledger()
    approved = [order for order, record in ledger.orders.items() if record.denied is None]
    assert any_scene.venue_orders() == approved
    assert any_scene.journal_fills() == any_scene.venue_fills()
    assert done.approved == len(approved) > 20
    assert done.new == len(ledger.orders)
    assert done.fills == len(any_scene.venue_fills())
    assert sum(done.denied.values()) == done.new - done.approved
    assert set(done.denied) == {"nothing_to_do", "edge_below_cost", "below_min_trade"}
    assert (done.sessions, done.clock, done.recovered, done.conflicts) == (40, DAYS[-1], 0, ())
    assert done.states[OrderState.ACK] == sum(record.session == DAYS[-1] for record in ledger.working())
    assert done.equity == ledger.account.equity(ledger.marks)
    assert any_scene.journal.verify(done.head).ok


def test_running_again_changes_nothing(any_scene):
    first = any_scene.execute()
    again = any_scene.execute(run_id="run-2")
    assert again.head == first.head
    assert (again.new, again.approved, again.sessions, again.conflicts) == (0, 0, 0, ())
    assert again.repeated == any_scene.signals.height
    assert (again.equity, again.cash, again.states) == (first.equity, first.cash, first.states)


def test_two_worlds_with_the_same_input_decide_the_same(scene, tmp_path):
    scene.execute()
    with Scene(f"sqlite:///{tmp_path / 'j2.sqlite'}", f"sqlite:///{tmp_path / 'v2.sqlite'}") as other:
        other.execute(run_id="another")
        assert decided(other) == decided(scene)
        assert other.journal.head() != scene.journal.head()


@pytest.mark.slow
def test_session_by_session_is_the_same_as_all_at_once(scene, tmp_path):
    scene.execute()
    with Scene(f"sqlite:///{tmp_path / 'j2.sqlite'}", f"sqlite:///{tmp_path / 'v2.sqlite'}") as other:
        for number in range(0, 40, 7):
            window = pl.col("session").is_between(DAYS[number], DAYS[min(number + 6, 39)])
            other.execute(scene.signals.filter(window), scene.bars.filter(window))
        assert decided(other) == decided(scene)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 5, 17, 38])
def test_what_comes_later_changes_nothing_before(scene, tmp_path, cut):
    scene.execute(until(scene.signals, cut), until(scene.bars, cut))
    later = after(scene.bars, cut).with_columns(pl.col("open", "high", "low", "close") * 3)
    with Scene(f"sqlite:///{tmp_path / 'j2.sqlite'}", f"sqlite:///{tmp_path / 'v2.sqlite'}") as other:
        other.execute(scene.signals, pl.concat([until(scene.bars, cut), later]))
        rows = decided(scene)
        assert [row for row in decided(other) if row[2] <= DAYS[cut]] == rows


def test_an_order_fills_at_the_next_open_with_slippage_and_fee(scene):
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.5}))
    (record,) = scene.ledger().orders.values()
    (fill,) = record.fills.values()
    bar = scene.bars.filter(pl.col("symbol") == "AAA", pl.col("session") == DAYS[4])
    price = (Decimal(str(bar["open"].item())) * Decimal("1.0001")).quantize(Decimal("0.00000001"))
    assert (Decimal(fill["price"]), fill["session"]) == (price, DAYS[4].isoformat())
    close = scene.bars.filter(pl.col("symbol") == "AAA", pl.col("session") == DAYS[3])["close"].item()
    assert Decimal(fill["quantity"]) == int(50_000 / close * 100) / Decimal(100)
    assert Decimal(fill["fee"]) == (price * Decimal(fill["quantity"]) / 10_000).quantize(Decimal("0.00000001"))


def test_other_content_under_the_same_id_is_a_conflict_once_and_no_order(scene):
    scene.execute()
    orders, head = scene.venue_orders(), scene.journal.head()
    changed = scene.signals.with_columns(
        pl.when(pl.col("session") == DAYS[5])
        .then(-pl.col("target_weight") + 0.1)
        .otherwise("target_weight")
        .alias("target_weight")
    )
    report = scene.execute(changed, run_id="run-2")
    assert len(report.conflicts) == 2
    assert scene.journal.head().seq == head.seq + 2
    assert scene.venue_orders() == orders
    again = scene.execute(changed, run_id="run-3")
    assert again.conflicts == report.conflicts
    assert scene.journal.head().seq == head.seq + 2
    third = scene.execute(changed.with_columns(pl.lit(0.123).alias("target_weight")), run_id="run-4")
    assert len(third.conflicts) == scene.signals.height
    assert scene.venue_orders() == orders
    assert scene.execute(run_id="run-5").conflicts == ()


def test_a_changed_sign_is_a_conflict_and_not_a_second_order(scene):
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.4}))
    report = scene.execute(wishing(scene.bars, {("AAA", 3): -0.4}))
    assert len(report.conflicts) == 1
    assert len(scene.venue_orders()) == 1


def test_the_same_wish_from_a_newer_generation_is_no_conflict(scene):
    scene.execute(lineage=lineage())
    newer = {day: replace(source, generation=8, content="d" * 64) for day, source in lineage().items()}
    assert scene.execute(lineage=newer).conflicts == ()


def test_an_intent_that_comes_after_its_session_is_late(scene):
    scene.execute(after(scene.signals, 9))
    report = scene.execute(scene.signals, run_id="run-2")
    assert report.denied == {"late": 20}
    assert len(scene.venue_orders()) == report.states[OrderState.FILLED] + report.states.get(OrderState.ACK, 0)
    again = scene.execute(scene.signals, run_id="run-3")
    assert (again.new, again.repeated) == (0, scene.signals.height)


def test_an_intent_past_its_time_to_live_is_expired_when_trading_now(scene):
    late = decision(DAYS[20])
    report = scene.execute(now=late)
    expired = scene.signals.filter(pl.col("expires_at") <= late).height
    assert report.denied["expired"] == expired > 0
    assert {record.session for record in scene.ledger().orders.values() if record.denied != "expired"} == set(DAYS[16:])


def test_a_revision_asks_anew(scene):
    scene.execute(until(scene.signals, 9), until(scene.bars, 9))
    report = scene.execute(until(scene.signals, 9), until(scene.bars, 9), revision=1)
    assert (report.repeated, report.denied) == (0, {"late": 20})


def test_a_session_without_signals_still_fills_and_moves_the_clock(scene):
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.4, ("BBB", 39): 0.4}))
    ledger = scene.ledger()
    assert [record.state for record in ledger.orders.values()] == [OrderState.FILLED, OrderState.ACK]
    assert sum(row.entry.kind == "CLOCK" for row in scene.journal.rows()) == 40


def test_a_symbol_without_a_bar_keeps_its_last_price_and_its_order_waits(scene):
    gap = (pl.col("symbol") == "AAA") & pl.col("session").is_between(DAYS[4], DAYS[5])
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.5}), scene.bars.filter(~gap))
    (record,) = scene.ledger().orders.values()
    assert next(iter(record.fills.values()))["session"] == DAYS[6].isoformat()


def test_decisions_within_a_session_meet_the_bars_between_them(scene):
    bars = make_bars(2).filter(pl.col("symbol") == "AAA")
    hours = [
        bars.with_columns(
            pl.col("open_time") + dt.timedelta(hours=hour),
            (pl.col("open_time") + dt.timedelta(hours=hour + 1)).alias("close_time"),
            (pl.col("open_time") + dt.timedelta(hours=hour + 1)).alias("known_at"),
            pl.lit(100.0 + hour).alias("open"),
            pl.lit(100.5 + hour).alias("close"),
        )
        for hour in range(4)
    ]
    intraday = pl.concat(hours).sort("open_time")
    wish = wishing(make_bars(2), {("AAA", 0): 0.5}).with_columns(pl.lit(101.5).alias("reference_price"))
    at = [opening(DAYS[0]) + dt.timedelta(hours=hour) for hour in (2, 3)]
    wishes = pl.concat(
        [
            wish.with_columns(
                pl.lit(moment).dt.cast_time_unit("us").alias("decided_at"), pl.lit(weight).alias("target_weight")
            )
            for moment, weight in zip(at, (0.5, 0.0), strict=True)
        ]
    )
    scene.execute(wishes, intraday)
    fills = [next(iter(record.fills.values())) for record in scene.ledger().orders.values()]
    assert [(fill["filled_at"][11:13], fill["side"]) for fill in fills] == [("16", "buy"), ("17", "sell")]
    assert fills[0]["price"] == "102.01020000"


def test_a_turn_of_sides_is_two_orders_and_stays_two_when_repeated(scene):
    wishes = wishing(scene.bars, {("AAA", 3): 0.4, ("AAA", 6): -0.4})
    scene.execute(wishes)
    assert len(scene.venue_orders()) == 3
    assert scene.ledger().account.position("AAA").quantity < 0
    again = scene.execute(wishes)
    assert (again.new, again.repeated) == (0, 2)
    assert len(scene.venue_orders()) == 3


def test_a_symbol_outside_the_universe_is_named(scene):
    with pytest.raises(SignalInputError, match="signals name BBB, not in the universe"):
        scene.execute(instruments=STOCKS[:1])
    assert scene.journal.head().seq == 0


def test_missing_columns_and_lineage_are_named(scene):
    with pytest.raises(SignalInputError, match="lack the columns edge_bps"):
        scene.execute(scene.signals.drop("edge_bps"))
    with pytest.raises(SignalInputError, match=f"no lineage for the signals of session {FIRST}"):
        scene.execute(lineage={})


def test_another_account_under_the_same_name_is_refused(scene):
    scene.execute()
    other = MARKET.model_copy(update={"execution": ExecutionSettings(initial_cash=Decimal(5))})
    with pytest.raises(
        AccountMismatchError, match=r"opened this account with 100000\.00000000 USD, the settings say 5 USD"
    ):
        scene.execute(market=other)


def test_an_open_position_that_was_never_priced_stops_the_walk(scene):
    only_other = scene.bars.filter((pl.col("symbol") == "BBB") | (pl.col("session") > DAYS[6]))
    with pytest.raises(MissingMarkError, match="AAA"):
        scene.execute(wishing(scene.bars, {("AAA", 3): 0.5, ("BBB", 4): 0.5}), only_other)


def test_another_process_that_trades_the_account_is_waited_for_then_named(any_scene):
    with lease(any_scene.journal.engine, "paper_town/paper"), pytest.raises(LeaseHeldError, match="paper_town/paper"):
        any_scene.execute(patience=dt.timedelta(milliseconds=50))


def test_nothing_to_do_is_no_error(scene):
    report = scene.execute(scene.signals.clear(), scene.bars.clear())
    assert (report.sessions, report.clock, report.head.seq) == (0, None, 0)


def test_progress_is_told_by_session(scene):
    told = []
    scene.execute(on_progress=lambda *step: told.append(step))
    assert told == [("paper_town execution", done, 40) for done in range(41)]


@pytest.mark.slow
def test_the_trading_core_imports_neither_dagster_nor_pandera():
    heavy = "{'dagster', 'pandera', 'pandas', 'alembic', 'exchange_calendars', 'numba'}"
    code = f"import sys, tradepipe.execution; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
