"""Retention: who goes on which day, what is kept all the same, and what is on record."""

import datetime as dt
import hashlib
from collections import Counter

import pytest

from tests.store.conftest import GRACE
from tests.store.samples import SMALL, small
from tradepipe.settings import RetentionSettings, StoreSettings
from tradepipe.store import Input, PartitionStore, writing
from tradepipe.store.ages import age, last_day
from tradepipe.store.compaction import compact
from tradepipe.store.compaction import plan as plan_compaction
from tradepipe.store.pins import pin
from tradepipe.store.retention import Policy, evict, plan
from tradepipe.store.upkeep import Upkeep, policies_of

TRADES, BARS, INDICATORS = "lab/trades", "lab/bars", "lab/indicators"
DAY = dt.date(2024, 1, 10)
POLICIES = {BARS: Policy("store.retention.minute_bars", dt.timedelta(days=180))}


def on(day, hour=12):
    return dt.datetime.combine(day, dt.time(hour), dt.UTC)


def days(count):
    return dt.timedelta(days=count)


def publish(store, dataset, keys, inputs=None):
    frames = {key: small(value=float(number)) for number, key in enumerate(keys)}
    made = store.publish(dataset, frames, SMALL, code_version="1", inputs=inputs or {})
    return {key: one.generation for key, one in made.items()}


def keys_of(due):
    return [(one.generation.dataset, one.generation.partition) for one in due]


def upkeep(store, **retention):
    return Upkeep(store, StoreSettings(retention=RetentionSettings(**retention)), {"lab": "1m"})


@pytest.mark.parametrize(
    ("dataset", "old", "goes"),
    [(TRADES, 30, False), (TRADES, 31, True), (BARS, 180, False), (BARS, 181, True), ("lab/forecasts", 9999, False)],
)
@pytest.mark.parametrize("hour", [0, 23])
def test_a_partition_is_kept_on_its_last_day_and_goes_on_the_next(store, dataset, old, goes, hour):
    publish(store, dataset, [str(DAY)])
    gone = upkeep(store).evict(on(DAY + days(old), hour))
    assert bool(gone) == goes
    assert bool(store.catalogue.current(dataset)) != goes


def test_policies_hold_for_bars_and_ticks_only():
    settings = RetentionSettings()
    names = ["lab/raw_trades", "lab/bars", "lab/bars.history", "lab/bars.quarantine", "lab/signals", "lab/releases"]
    names += ["lab/intervals", "day/bars", "day/books", "unknown/bars"]
    held = policies_of(settings, {"lab": "5m", "day": "1d"}, names)
    ticks, minutes, longer = settings.raw_ticks, settings.minute_bars, settings.bars
    assert {name: policy.keep for name, policy in held.items()} == {
        "lab/raw_trades": ticks,
        "lab/bars": minutes,
        "lab/bars.history": minutes,
        "lab/intervals": longer,
        "day/bars": longer,
        "day/books": ticks,
    }


@pytest.mark.parametrize(
    ("key", "day"),
    [("2024-02", "2024-02-29"), ("2024-02-03", "2024-02-03"), ("index", None), ("2024-13", None), ("2024-02-30", None)],
)
def test_a_key_says_its_last_day(key, day):
    assert last_day(key) == (dt.date.fromisoformat(day) if day else None)
    assert age(key, on(dt.date(2024, 3, 1))) == (dt.date(2024, 3, 1) - dt.date.fromisoformat(day) if day else None)


def test_an_eviction_is_on_record_and_its_file_goes_after_the_grace_period(store):
    old, young = publish(store, BARS, ["2023-01-02", str(DAY)]).values()
    data = (store.root / old.path).read_bytes()
    now = dt.datetime.now(dt.UTC)
    gone = evict(store, plan(store, POLICIES, on(DAY)), clock=lambda: now)
    assert keys_of(gone) == [(BARS, "2023-01-02")]
    (record,) = store.catalogue.evicted(BARS)
    assert (record.partition, record.rows, record.sha256) == ("2023-01-02", old.rows, hashlib.sha256(data).hexdigest())
    assert record.policy == "store.retention.minute_bars"
    assert record.reason == "ended on 2023-01-02, 373 days ago; store.retention.minute_bars keeps 180"
    assert record.evicted_at == now
    assert list(store.catalogue.current(BARS)) == [str(DAY)]
    assert store.read_generations([old], SMALL).equals(small(value=0.0))
    assert store.sweep(now) == []
    assert store.sweep(now + 2 * GRACE) == [old.path]
    assert store.read(BARS).equals(small(value=1.0))
    assert [one.swept_at is not None for one in store.catalogue.history(BARS, "2023-01-02")] == [True]
    assert evict(store, plan(store, POLICIES, on(DAY)), clock=lambda: now) == []
    assert young.id == store.catalogue.current(BARS)[str(DAY)].id


def test_what_was_evicted_can_be_published_again(store):
    publish(store, BARS, ["2023-01-02"])
    evict(store, plan(store, POLICIES, on(DAY)), clock=lambda: on(DAY))
    assert publish(store, BARS, ["2023-01-02"])["2023-01-02"].number == 2
    assert store.catalogue.evicted() == []
    evict(store, plan(store, POLICIES, on(DAY)), clock=lambda: on(DAY))
    assert [one.partition for one in store.catalogue.evicted()] == ["2023-01-02"]


def test_pinned_and_protected_files_stay(store):
    made = publish(store, BARS, ["2023-01-02", "2023-01-03", "2023-01-04"])
    with writing(store.catalogue.engine) as connection:
        pin(connection, "a@1.0.0", {made["2023-01-02"].id: made["2023-01-02"].path}, on(DAY))
    due = plan(store, POLICIES, on(DAY), protected=lambda: {made["2023-01-03"].sha256})
    assert keys_of(due) == [(BARS, "2023-01-04")]
    due = plan(store, POLICIES, on(DAY), protected=lambda: {made["2023-01-04"].path})
    assert keys_of(due) == [(BARS, "2023-01-03")]
    # Pinned between plan and eviction.
    with writing(store.catalogue.engine) as connection:
        pin(connection, "b@1.0.0", {made["2023-01-03"].id: made["2023-01-03"].path}, on(DAY))
    assert evict(store, due, clock=lambda: on(DAY)) == []


def test_what_a_later_partition_looks_back_on_stays_with_it(store):
    keys = ["2023-07-01", "2023-07-13", "2023-07-14"]
    made = publish(store, BARS, keys)
    used = {key: [Input(BARS, one.partition, one.content, one.id) for one in made.values()] for key in keys[1:]}
    publish(store, INDICATORS, keys[1:], used)
    policies = {BARS: Policy("p", days(180)), INDICATORS: Policy("p", days(180))}
    # On the 10th of January the 13th of July is 181 days old, the 14th 180: its indicators stay, and need the rest.
    assert keys_of(plan(store, policies, on(DAY))) == [(INDICATORS, "2023-07-13")]
    assert len(plan(store, policies, on(DAY + days(1)))) == 5
    # Decisions are kept for ever and keep nothing.
    assert len(plan(store, {BARS: Policy("p", days(180))}, on(DAY))) == 2


def test_a_slice_is_evicted_and_the_month_goes_with_its_last(store):
    publish(store, BARS, [f"2023-01-{day:02d}" for day in (2, 3, 4)])
    now = dt.datetime.now(dt.UTC)
    compact(store, plan_compaction(store, on(DAY), days(2)), clock=lambda: now)
    path = store.catalogue.current(BARS)["2023-01-02"].path
    store.sweep(now + 2 * GRACE)
    evict(store, plan(store, POLICIES, on(dt.date(2023, 7, 3))), clock=lambda: now)
    assert list(store.catalogue.current(BARS)) == ["2023-01-04"]
    assert store.sweep(now + 2 * GRACE) == []
    assert store.read(BARS).equals(small(value=2.0))
    evict(store, plan(store, POLICIES, on(dt.date(2023, 7, 4))), clock=lambda: now)
    assert store.sweep(now + 2 * GRACE) == [path]


def test_a_crash_leaves_all_or_nothing(store):
    publish(store, BARS, ["2023-01-02", "2023-01-03"])
    due = plan(store, POLICIES, on(DAY))

    def fail(_step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evict(store, due, clock=lambda: on(DAY), checkpoint=fail)
    assert len(store.catalogue.current(BARS)) == 2
    assert store.catalogue.evicted() == []
    assert len(evict(store, due, clock=lambda: on(DAY))) == 2


@pytest.mark.parametrize("before", [None, dt.date(2023, 6, 2)])
def test_a_dry_run_says_exactly_what_is_done(store, before):
    publish(store, BARS, ["2023-01-02", "2023-06-01", "2023-06-02", str(DAY)])
    publish(store, BARS, ["2023-01-02"])  # the same again
    store.publish(BARS, {"2023-01-02": small(value=9.0)}, SMALL, code_version="1", inputs={})
    keeper = upkeep(store)
    far = dt.datetime.now(dt.UTC) + 2 * GRACE
    due, paths = keeper.evict(on(DAY), before=before, dry_run=True), keeper.sweep(far, dry_run=True)
    assert keys_of(due) == [(BARS, key) for key in ("2023-01-02", "2023-06-01", "2023-06-02")[: 2 if before else 3]]
    held = {path.relative_to(store.root).as_posix() for path in store.root.rglob("*.parquet")}
    assert len(paths) == 1
    assert len(held) == 5
    assert keeper.sweep(far) == paths
    assert keys_of(keeper.evict(on(DAY), before=before)) == keys_of(due)
    left = {path.relative_to(store.root).as_posix() for path in store.root.rglob("*.parquet")}
    assert held - left == set(paths)


@pytest.mark.slow
def test_clean_lists_and_removes_the_same(project, capsys):
    from rich.console import Console

    from tradepipe.commands.project import Project
    from tradepipe.commands.status import show_stale
    from tradepipe.commands.storage import show_clean, show_storage

    opened, printed = Project(project.settings), Console(width=200, highlight=False)
    now = dt.datetime.now(dt.UTC)
    before = dt.date(2018, 3, 1)
    show_clean(opened, printed, now, before=before, dry_run=True)
    planned = capsys.readouterr().out
    assert "partitions to evict" in planned
    assert isinstance(opened.store, PartitionStore)
    show_clean(opened, printed, now, before=before, dry_run=False)
    done = capsys.readouterr().out
    assert done == planned.replace(" to evict", " evicted").replace(" to remove", " removed")
    gone = opened.store.catalogue.evicted()
    assert f"{len(gone)} partitions evicted" in done
    assert {one.partition for one in gone} == {"2018-01", "2018-02"}
    for one in gone:
        assert one.partition not in opened.store.catalogue.current(one.dataset)
    # What went is not missing, and what was computed from it is not out of date.
    assert not show_stale(opened, opened.market("us_indices"), printed, None, None)
    capsys.readouterr()
    show_storage(opened, printed)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    counts = {line[0]: int(line[6]) for line in shown[1:]}
    assert {name: count for name, count in counts.items() if count} == Counter(one.dataset for one in gone)
