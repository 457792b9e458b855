"""Compaction: the same reads before and after, whatever happens between, and after a kill at any step."""

import datetime as dt
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.conftest import GRACE
from tests.store.samples import SMALL, START, written_long_ago
from tests.store.workers import compact_and_die, run_all
from tradepipe.store import Input, PartitionStore, StoreError, downgrade, migrate
from tradepipe.store.compaction import compact, plan
from tradepipe.store.content import content_hash
from tradepipe.store.merging import Merged
from tradepipe.store.parts import SLICE
from tradepipe.store.store import MIGRATIONS, VERSION_TABLE

DATASET = "lab/small"
NOW = dt.datetime(2024, 3, 3, tzinfo=dt.UTC)
AFTER = dt.timedelta(days=2)
JANUARY = [f"2024-01-{day:02d}" for day in (2, 3, 4, 5)]


def session(day, *, symbols="AB", rows=3, value=1.0):
    """Rows of one session, an hour apart."""
    first = START + dt.timedelta(days=day - 1)
    times = [first + dt.timedelta(hours=hour) for hour in range(rows)]
    frame = pl.DataFrame(
        {
            "symbol": [symbol for symbol in symbols for _ in times],
            "at": times * len(symbols),
            "session": [first.date()] * rows * len(symbols),
            "value": [value + number for number in range(rows * len(symbols))],
            "count": 0,
            "note": "øre",
            "known_at": times * len(symbols),
        },
        schema_overrides=dict(SMALL.polars_schema),
    )
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in SMALL.polars_schema.items() if name not in frame.columns
    ]
    return SMALL.arrange(frame.with_columns(missing))


def publish(store, frames, contract=SMALL, **more):
    return store.publish(DATASET, frames, contract, code_version="1", inputs=more.get("inputs", {}))


def now():
    return dt.datetime.now(dt.UTC)


def compacted(store):
    return compact(store, plan(store, NOW, AFTER), clock=now)


def everything(store, keys):
    """What every way of reading gives."""
    current = list(store.catalogue.current(DATASET).values())
    return [
        store.read(DATASET),
        store.read(DATASET, keys[1:3]),
        store.read(DATASET, [keys[0], keys[-1]], columns=["value", "at"], symbols=["B"]),
        store.read(DATASET, columns=["value"]),
        store.read(DATASET, symbols=["A"]),
        store.read(DATASET, as_of=START + dt.timedelta(days=3, hours=1)),
        store.read_generations(current[::-1], SMALL),
        store.read_generations(current[1:], SMALL, symbols=["B"], columns=["symbol", "at"]),
        *[store.latest(DATASET, symbol, rows) for symbol, rows in (("A", 1), ("B", 4), ("A", 100), ("Z", 4))],
    ]


def same(left, right):
    return all(one.equals(two) and one.schema == two.schema for one, two in zip(left, right, strict=True))


@pytest.fixture
def four(store):
    publish(store, {key: session(int(key[-2:]), value=float(key[-2:])) for key in JANUARY})
    return store


def test_readers_see_the_same_before_and_after(four):
    before, generations = everything(four, JANUARY), four.catalogue.current(DATASET)
    done = compacted(four)
    assert [(one.month.dataset, one.month.month, one.month.files) for one in done] == [(DATASET, "2024-01", 4)]
    assert same(everything(four, JANUARY), before)
    after = four.catalogue.current(DATASET)
    assert {one.path for one in after.values()} == {done[0].path}
    assert [one.slice for one in after.values()] == [0, 1, 2, 3]
    kept = ("id", "number", "content", "rows", "inputs_digest", "created_at", "known_at", "superseded_at")
    for key in JANUARY:
        assert [getattr(after[key], name) for name in kept] == [getattr(generations[key], name) for name in kept]
        assert content_hash(four.read(DATASET, [key])) == after[key].content
        assert four.sha256(after[key]) == after[key].sha256


def test_the_old_files_stay_for_the_grace_period_and_then_go(four):
    written_long_ago(four)
    snapshot = list(four.catalogue.current(DATASET).values())
    expected = four.read_generations(snapshot, SMALL)
    new = compacted(four)[0].path
    assert four.sweep(now()) == []
    assert sorted(four.sweep(now() + 2 * GRACE)) == sorted(one.path for one in snapshot)
    assert [path.relative_to(four.root).as_posix() for path in four.root.rglob("*.parquet*")] == [new]
    # Even a snapshot from before: its generations are current, and the catalogue knows where they went.
    assert four.read_generations(snapshot, SMALL).equals(expected)
    assert four.sweep(now() + 9 * GRACE) == []


def with_value(contract, *kinds):
    """`contract` whose column `value` is there once for each of `kinds`, as that type."""
    rest = [column for column in contract.columns if column.name != "value"]
    value = next(column for column in contract.columns if column.name == "value")
    values = [replace(value, name="value" + "2" * place, dtype=kind) for place, kind in enumerate(kinds)]
    return replace(contract, columns=(*rest, *values))


@pytest.mark.parametrize("kinds", [(pl.Float32,), (pl.Float64, pl.Float64)])
def test_a_month_whose_columns_were_changed_by_settings_is_compacted_in_parts(store, kinds):
    """Indicators of one version of their contract have the columns, and their types, that the market asked for then."""
    contract = with_value(SMALL, *kinds)
    frames = {key: session(int(key[-2:])) for key in JANUARY}
    publish(store, {key: frames[key] for key in JANUARY[:2]})
    for key in JANUARY[2:]:
        added = frames[key].with_columns(value2="value").cast({"value": kinds[0]})
        store.publish(DATASET, {key: contract.arrange(added)}, contract, code_version="2", inputs={})
    before = [store.read(DATASET, [key]) for key in JANUARY]
    assert [one.month.files for one in compacted(store)] == [2, 2]
    assert same([store.read(DATASET, [key]) for key in JANUARY], before)
    assert compacted(store) == []


def test_a_second_run_finds_nothing_to_do(four):
    compacted(four)
    assert plan(four, NOW, AFTER) == []
    # A month that is not over for long enough, and keys that are no sessions, are left alone.
    publish(four, {"2024-03-01": session(61), "2024-03-02": session(62), "index": session(1), "2024-02": session(33)})
    assert plan(four, NOW, AFTER) == []
    assert len(plan(four, dt.datetime(2024, 4, 2, tzinfo=dt.UTC), AFTER)) == 1
    assert plan(four, dt.datetime(2024, 4, 1, tzinfo=dt.UTC), AFTER) == []


def test_a_session_published_again_is_compacted_again(four):
    first = compacted(four)[0].path
    changed = session(3, value=100.0, symbols="ABZ")
    publish(four, {JANUARY[1]: changed})
    assert four.read(DATASET, [JANUARY[1]]).equals(changed)
    before = everything(four, JANUARY)
    second = compacted(four)[0].path
    assert same(everything(four, JANUARY), before)
    removed = four.sweep(now() + 2 * GRACE)
    assert first in removed
    assert second not in removed
    assert same(everything(four, JANUARY), before)


def test_the_same_rows_of_another_origin_share_the_slice(four):
    compacted(four)
    frames = {JANUARY[0]: four.read(DATASET, [JANUARY[0]])}
    made = four.publish(
        DATASET, frames, SMALL, code_version="2", inputs={JANUARY[0]: [Input("landing", "a.csv", "0" * 64)]}
    )[JANUARY[0]]
    assert made.changed
    assert made.generation.slice == 0
    assert plan(four, NOW, AFTER) == []
    assert four.read(DATASET, [JANUARY[0]]).equals(frames[JANUARY[0]])


def test_a_session_superseded_while_its_month_is_compacted_stays_superseded(four):
    months = plan(four, NOW, AFTER)
    changed = session(3, value=7.0)
    waiting = [lambda: publish(four, {JANUARY[1]: changed})]
    compact(four, months, clock=now, checkpoint=lambda step: waiting.pop()() if step == "verified" else None)
    assert four.read(DATASET, [JANUARY[1]]).equals(changed)
    old, new = four.catalogue.history(DATASET, JANUARY[1])
    assert old.slice == 1
    assert new.slice is None
    assert four.read_generations([old], SMALL).equals(session(3, value=3.0))


def test_contracts_are_not_mixed(four):
    wider = replace(SMALL, version="2")
    publish(four, {"2024-01-08": session(8), "2024-01-09": session(9)}, wider)
    assert [len(month.generations) for month in plan(four, NOW, AFTER)] == [4, 2]
    before = four.read(DATASET)
    assert len(compacted(four)) == 2
    assert four.read(DATASET).equals(before)


def test_a_broken_source_is_not_copied(four):
    broken = four.root / four.catalogue.current(DATASET)[JANUARY[2]].path
    data = broken.read_bytes()
    broken.write_bytes(data[:-9] + b"x" + data[-8:])
    with pytest.raises(StoreError, match=r"lab/small 2024-01-04: .* has sha256 .*not compacted. Remedy: restore"):
        compacted(four)
    assert len({one.path for one in four.catalogue.current(DATASET).values()}) == 4


def test_a_broken_month_keeps_no_other_from_being_compacted(four):
    publish(four, {"2024-02-01": session(32), "2024-02-02": session(33)})
    (four.root / four.catalogue.current(DATASET)[JANUARY[2]].path).write_bytes(b"gone")
    with pytest.raises(StoreError, match=r"2024-01-04: .* has sha256"):
        compacted(four)
    held = {key: one.path for key, one in four.catalogue.current(DATASET).items()}
    assert held["2024-02-01"] == held["2024-02-02"]
    assert held[JANUARY[0]] != held[JANUARY[1]]


def test_a_file_that_lost_a_row_is_not_used(four, monkeypatch):
    write = Merged.write

    def lossy(self, target):
        write(self, target)
        pl.read_parquet(target).filter(pl.col("value") != 4.0).write_parquet(target)

    monkeypatch.setattr(Merged, "write", lossy)
    with pytest.raises(StoreError, match="is not what it was made from; it was not used"):
        compacted(four)
    assert len({one.path for one in four.catalogue.current(DATASET).values()}) == 4
    assert not list(four.root.rglob("*.tmp"))


STEPS = ("written", "verified", "synced", "visible", "moved", "committed")


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_compaction_leaves_the_old_or_the_new(four, database_url, step):
    before, old = everything(four, JANUARY), {one.path for one in four.catalogue.current(DATASET).values()}
    four.close()
    assert run_all(compact_and_die, [(four.root, database_url, step, NOW)]) == [-signal.SIGKILL]
    with PartitionStore.open(four.root, database_url, GRACE) as again:
        paths = {one.path for one in again.catalogue.current(DATASET).values()}
        assert (paths == old) == (step != "committed")
        assert same(everything(again, JANUARY), before)
        again.sweep(now() + 2 * GRACE)
        assert same(everything(again, JANUARY), before)
        compacted(again)
        again.sweep(now() + 2 * GRACE)
        assert same(everything(again, JANUARY), before)
        left = [path.relative_to(again.root).as_posix() for path in again.root.rglob("*.parquet*")]
        assert left == [again.catalogue.current(DATASET)[JANUARY[0]].path]


def test_the_steps_are_the_ones_that_kills_are_tried_at(four):
    reached = []
    compact(four, plan(four, NOW, AFTER), clock=now, checkpoint=reached.append)
    assert tuple(reached) == STEPS


BY_TIME = replace(SMALL, name="by_time", key=("at", "symbol"))
SESSIONS = st.dictionaries(
    st.integers(1, 28),
    st.tuples(st.sets(st.sampled_from("ABCZ")), st.integers(0, 4), st.floats(-1e6, 1e6)),
    min_size=2,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=10)
@given(sessions=SESSIONS, again=SESSIONS, contract=st.sampled_from([SMALL, BY_TIME]))
def test_reads_are_identical_for_any_partitions(sessions, again, contract):
    def frames(drawn):
        made = {
            f"2024-01-{day:02d}": session(day, symbols="".join(sorted(symbols)), rows=rows, value=value)
            for day, (symbols, rows, value) in drawn.items()
        }
        return {key: contract.arrange(frame) for key, frame in made.items()}

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with PartitionStore.open(home / "store", f"sqlite:///{home / 'c.sqlite'}", GRACE) as store:
            publish(store, frames(sessions), contract)
            keys = list(store.catalogue.current(DATASET))
            for drawn in ({}, again):
                if drawn:
                    publish(store, frames(drawn), contract)
                before = everything(store, keys)
                compacted(store)
                assert len({one.path for one in store.catalogue.current(DATASET).values()}) == 1
                assert same(everything(store, keys), before)
                store.sweep(now() + 2 * GRACE)
                assert same(everything(store, keys), before)
                for key, one in store.catalogue.current(DATASET).items():
                    assert content_hash(store.read(DATASET, [key])) == one.content


@pytest.mark.slow
def test_row_groups_hold_about_a_symbols_month(store):
    import pyarrow.parquet as pq

    keys = [f"2024-01-{day:02d}" for day in (1, 2, 3)]
    publish(store, {key: session(int(key[-2:]), symbols="ABCD", rows=15_000) for key in keys})
    path = compacted(store)[0].path
    metadata = pq.read_metadata(store.root / path)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [45_000] * 4
    assert [group.column(0).statistics.min for group in groups] == list("ABCD")
    rows = pl.read_parquet(store.root / path)
    assert rows.sort("symbol", SLICE, "at").equals(rows)
    assert rows[SLICE].unique().sort().to_list() == [0, 1, 2]


def test_an_older_tradepipe_is_not_given_what_it_cannot_read(four):
    engine = four.catalogue.engine
    down = {"version_table": VERSION_TABLE, "revision": "0002"}
    downgrade(engine, MIGRATIONS, **down)
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    assert four.read(DATASET).height == 4 * 6
    compacted(four)
    with pytest.raises(RuntimeError, match=r"4 current partitions are in compacted files .*Remedy"):
        downgrade(engine, MIGRATIONS, **down)
    assert four.read(DATASET).height == 4 * 6
