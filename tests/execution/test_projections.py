from decimal import Decimal

import polars as pl
import pytest

from tests.execution.scenes import MARKET, Scene, lineage, sessions, wishing
from tradepipe.contracts import FILLS, ORDERS, POSITIONS, validate
from tradepipe.execution import (
    History,
    OrderNotFoundError,
    SignalSource,
    explain,
    fills_frame,
    orders_frame,
    positions_frame,
)
from tradepipe.execution.errors import SignalInputError

DAYS = sessions()
ALL = [(DAYS[0], DAYS[-1])]
HALVES = [(DAYS[0], DAYS[19]), (DAYS[20], DAYS[-1])]


def history(scene):
    return History.load(scene.journal, MARKET.name, MARKET.execution.account)


def frames(scene, spans=ALL):
    told = history(scene)
    return orders_frame(told, spans), fills_frame(told, spans), positions_frame(told, spans)


def test_the_frames_keep_their_contracts_and_cover_everything(scene):
    scene.execute()
    orders, fills, positions = frames(scene)
    for frame, contract in ((orders, ORDERS), (fills, FILLS), (positions, POSITIONS)):
        validate(frame, contract, market=MARKET.name, layer=contract.name, partition="all")
    assert orders.height == len(scene.ledger().orders)
    assert set(fills["fill_id"]) == set(scene.venue_fills())
    assert positions.height == 80


def test_an_empty_journal_gives_empty_frames_of_the_contracts(scene):
    for frame, contract in zip(frames(scene), (ORDERS, FILLS, POSITIONS), strict=True):
        assert frame.is_empty()
        assert frame.schema == contract.polars_schema


def test_positions_fold_the_fills_exactly(scene):
    scene.execute()
    _, fills, positions = frames(scene)
    signed = fills.with_columns(
        pl.when(pl.col("side") == "buy").then("quantity").otherwise(-pl.col("quantity")).alias("signed")
    )
    for symbol in ("AAA", "BBB"):
        own = signed.filter(pl.col("symbol") == symbol)
        last = positions.filter(pl.col("symbol") == symbol).tail(1)
        assert last["quantity"].item() == own["signed"].sum()
        assert last["fees"].item() == own["fee"].sum()
    for _, session in positions.group_by("session", maintain_order=True):
        profit = session["realised_pnl"].sum() + session["unrealised_pnl"].sum() - session["fees"].sum()
        assert session["equity"].unique().to_list() == [MARKET.execution.initial_cash + profit]
        assert session["cash"][0] + session["exposure"].sum() == session["equity"][0]


def test_positions_tell_the_equity_that_the_journal_tells(scene):
    scene.execute()
    told = {row.entry.session: row.entry.payload for row in scene.journal.rows() if row.entry.kind == "CLOCK"}
    for session, cash, equity in frames(scene)[2].select("session", "cash", "equity").iter_rows():
        assert (str(cash), str(equity)) == (told[session]["cash"], told[session]["equity"])


def test_a_symbol_that_stops_trading_stays_at_its_last_close_in_every_partition(scene):
    gone = (pl.col("symbol") == "AAA") & (pl.col("session") > DAYS[10])
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.5}), scene.bars.filter(~gone))
    last = scene.bars.filter(pl.col("symbol") == "AAA", pl.col("session") == DAYS[10])["close"].item()
    second = positions_frame(history(scene), HALVES[1:]).filter(pl.col("symbol") == "AAA")
    assert second.height == 20
    assert second["mark_price"].unique().to_list() == [Decimal(str(last))]


def test_a_symbol_has_no_row_before_its_first_bar(scene):
    scene.execute(scene.signals.clear(), scene.bars.filter((pl.col("symbol") == "BBB") | (pl.col("session") > DAYS[9])))
    positions = frames(scene)[2]
    assert positions.filter(pl.col("symbol") == "AAA")["session"].min() == DAYS[10]
    assert positions.height == 30 + 40


def test_a_partition_alone_is_the_same_as_in_a_range(scene):
    scene.execute()
    together = frames(scene, HALVES)
    told = history(scene)
    for number, span in enumerate(HALVES):
        alone = orders_frame(told, [span]), fills_frame(told, [span]), positions_frame(told, [span])
        for whole, part in zip(together, alone, strict=True):
            assert part.equals(whole.filter(pl.col("session").is_between(*span)))
            assert part.height > 20, number


def test_trading_on_changes_no_earlier_partition(scene):
    first = pl.col("session") <= DAYS[19]
    scene.execute(scene.signals.filter(first), scene.bars.filter(first))
    before = frames(scene, HALVES[:1])
    assert "ACK" in before[0]["state"].to_list()
    scene.execute(run_id="run-2")
    assert all(one.equals(other) for one, other in zip(frames(scene, HALVES[:1]), before, strict=True))


@pytest.mark.slow
def test_frames_do_not_tell_who_ran_or_when(scene, tmp_path):
    scene.execute()
    with Scene(f"sqlite:///{tmp_path / 'j2.sqlite'}", f"sqlite:///{tmp_path / 'v2.sqlite'}") as other:
        other.execute(run_id="another", lineage=lineage())
        assert all(one.equals(two) for one, two in zip(frames(scene), frames(other), strict=True))


def test_a_conflict_shows_in_its_own_partition(scene):
    scene.execute()
    changed = scene.signals.filter(pl.col("session") == DAYS[25]).with_columns(pl.lit(0.31).alias("target_weight"))
    scene.execute(changed, run_id="run-2")
    orders, _, _ = frames(scene)
    assert set(orders.filter("conflict")["session"]) == {DAYS[25]}
    assert orders.filter("conflict").height == 2


def test_a_session_that_the_account_has_not_finished_has_no_positions(scene):
    first = pl.col("session") <= DAYS[9]
    scene.execute(scene.signals.filter(first), scene.bars.filter(first))
    assert frames(scene)[2]["session"].max() == DAYS[9]


def test_spans_must_not_overlap(scene):
    with pytest.raises(SignalInputError, match="spans overlap"):
        orders_frame(history(scene), [(DAYS[0], DAYS[5]), (DAYS[5], DAYS[9])])


def test_an_order_is_explained_from_signal_to_fill(any_scene):
    any_scene.execute(wishing(any_scene.bars, {("AAA", 3): 0.4}), lineage=lineage())
    any_scene.execute(wishing(any_scene.bars, {("AAA", 3): 0.2}), run_id="run-2")
    (order,) = any_scene.venue_orders()
    why = explain(any_scene.journal, order)
    assert (why.state, why.reason) == ("FILLED", None)
    assert why.source == SignalSource("paper_town/signals", "2018-01", 7, "c" * 64)
    assert why.intent["target_weight"] == "0.40000000"
    assert (why.decision["code"], why.cost["code"], why.risk["code"]) == ("approved", "ok", "ok")
    assert Decimal(why.cost["edge_bps"]) > Decimal(why.cost["required_edge_bps"])
    assert [row.entry.kind for row in why.rows] == ["INTENT", "SENDING", "ACK", "FILL", "CONFLICT"]
    assert why.run_ids == ("run-1", "run-2")
    assert [fill["fill_id"] for fill in why.fills] == list(any_scene.venue_fills())
    assert why.conflicts[0]["intent"]["target_weight"] == "0.20000000"


def test_a_denial_is_explained_with_its_numbers(scene):
    scene.execute(wishing(scene.bars, {("AAA", 3): 0.4}, edge=3.5))
    why = explain(scene.journal, next(iter(scene.ledger().orders)))
    assert (why.state, why.reason, why.source, why.fills) == ("DENIED", "edge_below_cost", None, ())
    assert (why.cost["edge_bps"], why.cost["required_edge_bps"]) == ("3.50000000", "4.00000000")


def test_an_unknown_order_is_said_to_be_unknown(scene):
    with pytest.raises(OrderNotFoundError, match="no order 'tpx' in the journal"):
        explain(scene.journal, "tpx")
