"""The store's nightly upkeep, by the settings: compaction, retention, tiers, sweep."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradepipe.store import compaction, retention, tiers
from tradepipe.store.retention import Due, Policy

if TYPE_CHECKING:
    from tradepipe.settings import RetentionSettings, StoreSettings
    from tradepipe.store.store import PartitionStore

TICKS = ("trades", "quotes", "books", "ticks")
"""Layers of single events, with `raw_` before the name or without."""

BARS = ("raw_bars", "bars", "intervals", "indicators")
"""Layers whose rows are bars, or one row a bar. What was decided from them is kept for ever."""

_COMPANIONS = ("", "history")
_SHORT = ("1m", "5m", "15m", "30m")


def policies_of(
    settings: "RetentionSettings", intervals: Mapping[str, str], datasets: Iterable[str]
) -> dict[str, Policy]:
    """Which policy holds for each of `datasets`; those that none holds for are left out.

    `intervals` maps markets to the length of their base bars. Rows in quarantine, gaps, releases, landing
    indices, forecasts, signals and all that trading writes are evidence, and under no policy.
    """
    found: dict[str, Policy] = {}
    for dataset in datasets:
        market, _, name = dataset.partition("/")
        layer, _, companion = name.partition(".")
        if companion not in _COMPANIONS or market not in intervals:
            continue
        if layer.removeprefix("raw_") in TICKS:
            found[dataset] = Policy("store.retention.raw_ticks", settings.raw_ticks)
        elif layer in BARS:
            is_short = intervals[market] in _SHORT and layer != "intervals"
            found[dataset] = (
                Policy("store.retention.minute_bars", settings.minute_bars)
                if is_short
                else Policy("store.retention.bars", settings.bars)
            )
    return found


@dataclass(frozen=True)
class Upkeep:
    """The four jobs on one store. `intervals` maps each market to the length of its base bars.

    `protected` names paths or sha256s of files that must stay, beside those that are pinned. With
    `dry_run` each job says what it would do, by the same plan, and does nothing.
    """

    store: "PartitionStore"
    settings: "StoreSettings"
    intervals: Mapping[str, str]
    protected: Callable[[], set[str]] = set

    def compact(self, now: dt.datetime, *, dry_run: bool = False) -> list[compaction.Month]:
        """Compact the months that ended `store.compact_after` ago; those that were."""
        months = compaction.plan(self.store, now, self.settings.compact_after)
        if dry_run:
            return months
        return [one.month for one in compaction.compact(self.store, months, clock=lambda: now)]

    def evict(self, now: dt.datetime, *, before: dt.date | None = None, dry_run: bool = False) -> list[Due]:
        """Evict what `store.retention` does not keep, or what ended before a day; what went."""
        policies = policies_of(self.settings.retention, self.intervals, self.store.catalogue.datasets())
        due = retention.plan(self.store, policies, now, before=before, protected=self.protected)
        return due if dry_run else retention.evict(self.store, due, clock=lambda: now)

    def sweep(self, now: dt.datetime, *, dry_run: bool = False) -> list[str]:
        """Remove the files that nobody can be reading any more; their paths."""
        return self.store.sweep(now, dry_run=dry_run)

    def tier(self, now: dt.datetime, *, dry_run: bool = False) -> Sequence[tiers.Move]:
        """Move files to the cold tier that are older than `store.cold.after`; those that were."""
        if self.store.cold is None:
            return []
        moves = tiers.plan(self.store, now, self.settings.cold.after)
        return moves if dry_run else tiers.cool(self.store, moves, clock=lambda: now)
