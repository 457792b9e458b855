"""Fitting ahead of the forecasts: what members will need is fitted, kept, and known by a digest."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import polars as pl

from tradepipe.forecasting.frames import require_columns
from tradepipe.forecasting.members import members_of
from tradepipe.forecasting.members.run import PartitionMembers, tasks_of, usable_rows
from tradepipe.forecasting.model import ForecastError, Member
from tradepipe.forecasting.refits.cache import FitCache, key_of
from tradepipe.forecasting.refits.fitting import Fitter, is_optimised
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.forecasting.refits.task import Task
from tradepipe.observability.progress import Progress, report
from tradepipe.settings.forecasts import ForecastSettings

STAGE = "retraining"


@dataclass(frozen=True)
class Fitted:
    """What was fitted or found kept.

    Attributes:
        chains: of one symbol, member and partition each; chains that drift began count too.
        made: of these, fitted now; a repetition makes none.
        digest: of the keys and contents of all chains, whoever fitted them.
    """

    chains: int
    made: int
    digest: str


@dataclass
class Recorded:
    """A cache that remembers what went through it, from any number of threads."""

    cache: FitCache
    _contents: dict[str, str] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What the cache keeps of `keys`."""
        found = self.cache.get_many(keys)
        self._remember(found)
        return found

    def put_many(self, kept: Mapping[str, bytes]) -> None:
        """Keep all of them."""
        self.cache.put_many(kept)
        self._remember(kept)
        with self._lock:
            self._made |= kept.keys()

    def fitted(self) -> Fitted:
        """All that went through."""
        parts = [f"{key} {self._contents[key]}".encode() for key in sorted(self._contents)]
        return Fitted(len(parts), len(self._made), key_of(parts))

    def _remember(self, blobs: Mapping[str, bytes]) -> None:
        told = {key: hashlib.sha256(blob).hexdigest() for key, blob in blobs.items()}
        with self._lock:
            self._contents |= told


def fit_members(  # noqa: PLR0913 - each is a different thing that a market has
    panel: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    *,
    members: Sequence[str],
    schedule: RefitSchedule,
    cache: FitCache,
    sectors: Mapping[str, str] | None = None,
    threads: int = 1,
    on_progress: Progress = report,
) -> Fitted:
    """Fit what `member_forecasts` will ask for, and keep it, so that it then fits nothing.

    A symbol's chain of a univariate member follows from its own returns, so any part of the universe may be fitted
    alone; a multivariate member needs the rows of all symbols.

    Args:
        panel: as for `member_forecasts`, but without open times and closes beyond those of the rows wanted.
        windows: as for `member_forecasts`.
        settings: as for `member_forecasts`.
        members: names of those to fit. Of one that is not optimised, such as the random walk, nothing is kept.
        schedule: of the refits.
        cache: where fits are kept.
        sectors: as for `member_forecasts`.
        threads: how many fit; the numbers are the same.
        on_progress: called with ("retraining", done, total) before the first and after each partition.

    Raises:
        ForecastError: the market has no such member, or a session is not of the schedule.
        ValueError: a column is missing.
    """
    require_columns(panel, "panel", ["symbol", "session", "open_time", "close", "log_return", *settings.exog])
    by_name = {one.name: one for one in optimised(settings)}
    if strange := sorted(set(members) - by_name.keys()):
        raise ForecastError(f"{strange[0]} is no member that is fitted; those are {', '.join(by_name) or 'none'}")
    tasks = tasks_of(usable_rows(panel, settings.exog), windows, settings, schedule, sectors)
    workers = max(min(threads, len(tasks)), 1)
    recorded = Recorded(cache)
    fitter = Fitter(settings.engine, max(threads // workers, 1), recorded)

    def fit(task: Task) -> None:
        for name in members:
            PartitionMembers(task, fitter, settings).fit(by_name[name])

    on_progress(STAGE, 0, len(tasks))
    with ThreadPoolExecutor(workers, "retraining") as pool:
        for done, _ in enumerate(pool.map(fit, tasks), start=1):
            on_progress(STAGE, done, len(tasks))
    return recorded.fitted()


def optimised(settings: ForecastSettings) -> tuple[Member, ...]:
    """The members whose fits cost enough to be made ahead and kept."""
    return tuple(one for one in members_of(settings) if is_optimised(one))
