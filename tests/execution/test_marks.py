import datetime as dt
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.scenes import Scene, decision, sessions, wishing
from tests.execution.test_tape import DAY, at, bars
from tradepipe.contracts import UTC
from tradepipe.execution.marks import KnownMarks
from tradepipe.execution.tape import Tape

DAYS = sessions()
WISHES = {("AAA", 3): 0.5, ("AAA", 6): 0.3, ("AAA", 7): 0.5, ("AAA", 9): 0.3}


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 60)), min_size=1, max_size=12),
    st.lists(st.integers(0, 80), min_size=1, max_size=5),
)
def test_the_newest_known_close_is_the_last_bar_of_those_known(delays, moments):
    """Bar number n closes at minute 10 n + 10 and becomes known some time after; three make a session."""
    days = [DAY + dt.timedelta(days=number // 3) for number in range(len(delays))]
    rows = [
        (symbol, days[number], 10 * number, 10 * number + 10, float(number), 10 * number + 10 + delay)
        for number, (symbol, delay) in enumerate(delays)
    ]
    tape, known = Tape(bars(*rows), {}), KnownMarks()
    for session in tape.sessions:
        known.add(tape.closes(session))
        known.add(tape.closes(session))
    for moment in moments:
        expected = {row[0]: Decimal(row[4]) for row in rows if row[5] <= moment}
        assert known.at(at(moment)) == expected


def late(frame, number, days):
    """AAA's bar of a session becomes known `days` later."""
    hit = (pl.col("symbol") == "AAA") & (pl.col("session") == DAYS[number])
    known_at = pl.when(hit).then(pl.col("known_at") + dt.timedelta(days=days)).otherwise("known_at")
    return frame.with_columns(known_at.cast(UTC).alias("known_at"))


def repriced(frame, *numbers):
    hit = (pl.col("symbol") == "AAA") & pl.col("session").is_in([DAYS[number] for number in numbers])
    return frame.with_columns(pl.when(hit).then(pl.col("close") * 2).otherwise("close").alias("close"))


def sizings(folder, bars_of_all, wishes, cuts=()):
    """Equity and target of each decision, by session, when walked in the pieces that `cuts` make."""
    folder.mkdir()
    with Scene(f"sqlite:///{folder / 'j.sqlite'}", f"sqlite:///{folder / 'v.sqlite'}") as scene:
        edges = [0, *cuts, len(DAYS)]
        for first, end in pairwise(edges):
            piece = pl.col("session").is_between(DAYS[first], DAYS[end - 1])
            scene.execute(wishes.filter(piece), bars_of_all.filter(piece))
        return {
            record.session: (record.opening["sizing"]["equity"], record.opening["sizing"]["target"])
            for record in scene.ledger().orders.values()
        }


def test_a_decision_is_sized_by_closes_that_were_known(tmp_path, scene):
    wishes, bars_of_all = wishing(scene.bars, WISHES), late(scene.bars, 6, 2)
    plain = sizings(tmp_path / "a", bars_of_all, wishes)
    other = sizings(tmp_path / "b", repriced(bars_of_all, 6), wishes)
    assert other == plain
    assert sizings(tmp_path / "c", repriced(scene.bars, 6), wishes)[DAYS[6]] != plain[DAYS[6]]


def test_a_close_that_comes_late_is_looked_at_from_then_on_also_by_another_run(tmp_path, scene):
    """AAA stops for a while, so that its late close of session 5 is the newest when it arrives."""
    gap = (pl.col("symbol") == "AAA") & pl.col("session").is_between(DAYS[6], DAYS[8])
    bars_of_all = repriced(late(scene.bars, 5, 2), 5).filter(~gap)
    wishes = wishing(scene.bars, {("AAA", 3): 0.5, ("BBB", 6): 0.1, ("BBB", 7): 0.2, ("BBB", 8): 0.3})
    whole = sizings(tmp_path / "whole", bars_of_all, wishes)
    before, after = Decimal(whole[DAYS[6]][0]), Decimal(whole[DAYS[7]][0])
    assert after > before + 40_000
    for number, cut in enumerate((6, 7, 8)):
        assert sizings(tmp_path / f"cut{number}", bars_of_all, wishes, [cut]) == whole


@pytest.mark.slow
@pytest.mark.parametrize("cut", [4, 6, 7, 8])
def test_bars_not_yet_known_at_a_decision_change_nothing_of_it(tmp_path, scene, cut):
    """The look-ahead test: cut off whatever was unknown, and everything decided until then is the same."""
    wishes = wishing(scene.bars, WISHES)
    bars_of_all = late(late(scene.bars, 4, 3), 6, 2)
    whole = sizings(tmp_path / "whole", bars_of_all, wishes)
    moment = decision(DAYS[cut])
    known = pl.col("known_at") <= moment
    # An unknown bar still opens when it does: its open fills, its close must not be looked at.
    truncated = bars_of_all.filter(pl.col("open_time") <= moment).with_columns(
        pl.when(known).then("close").otherwise(1e6).alias("close")
    )
    until = wishes.filter(pl.col("decided_at") <= moment)
    kept = {session: sizing for session, sizing in whole.items() if session <= DAYS[cut]}
    assert sizings(tmp_path / "cut", truncated, until) == kept
