"""The model registry: versions of members with their lineage, metrics and status, in SQLite or PostgreSQL.

People, the rule, reports and live processes read it; no batch layer does (decision 0014). Every change is one
transaction under one lock: a process that dies leaves the state before it.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import polars as pl
import sqlalchemy as sa

from tradepipe.forecasting.registry import promoting, rows
from tradepipe.forecasting.registry.data import recall
from tradepipe.forecasting.registry.errors import ModelRegistryError, UnknownModelError, listed
from tradepipe.forecasting.registry.evidence import evidence, standings_of, superseded
from tradepipe.forecasting.registry.model import RULE, Activation, Event, Registered, Standing, Status, Version
from tradepipe.forecasting.registry.opening import open_models
from tradepipe.forecasting.registry.places import HOLDERS, Author, Places, activation, newest_evidence
from tradepipe.forecasting.registry.registering import enter, enter_evidence
from tradepipe.forecasting.registry.tables import active_versions, history, versions
from tradepipe.settings import PoolSettings
from tradepipe.settings.forecasts import PromotionSettings
from tradepipe.store.database import writing
from tradepipe.store.model import Input

_LOCK = "tradepipe models"


def utc_now() -> dt.datetime:
    """The wall clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def _pass(_step: str) -> None:
    """Between two steps of a change nothing else happens."""


class ModelRegistry:
    """Versions of all markets of one database.

    `clock` gives the time that history records. `checkpoint` is called with "taken" and "noted" inside a change, and
    with "changed" just before its commit; tests end a process there.
    """

    def __init__(
        self, engine: sa.Engine, clock: Callable[[], dt.datetime] = utc_now, checkpoint: Callable[[str], None] = _pass
    ) -> None:
        self.engine, self._clock, self._checkpoint = engine, clock, checkpoint

    @classmethod
    def open(
        cls,
        url: str,
        *,
        pool: PoolSettings | None = None,
        clock: Callable[[], dt.datetime] = utc_now,
        checkpoint: Callable[[str], None] = _pass,
    ) -> Self:
        """Open the registry at `settings.models_url`; create or migrate it first."""
        return cls(open_models(url, pool), clock, checkpoint)

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    # Entering what partitions and evaluations say.

    def register(self, market: str, made: Sequence[Version], run_id: str | None = None) -> list[str]:
        """Enter versions; the ids of those that are new.

        What is registered already changes nothing, unless it was computed again: of other data or under other settings,
        with the same parameters. It then names the newest computation.

        A version of a partition that has another one supersedes that; where the older one is active it stays so until
        a person or the rule replaces it.

        Raises:
            VersionConflictError: an id stands for something else already; nothing is entered then.
        """
        with writing(self.engine, _LOCK) as connection:
            return enter(connection, market, made, Author(RULE, "computed", self._clock(), None, run_id))

    def judge(self, market: str, evidence: pl.DataFrame, partitions: Sequence[str]) -> int:
        """Enter what evaluations of `partitions` say (EVIDENCE), in place of what they said before; rows entered.

        Raises:
            ModelRegistryError: the frame is not as it must be; nothing is entered then.
            UnknownModelError: a version is not registered.
        """
        with writing(self.engine, _LOCK) as connection:
            return enter_evidence(connection, market, evidence, partitions)

    # Looking.

    def all(
        self,
        market: str | None = None,
        *,
        member: str | None = None,
        status: Status | None = None,
        newest: int | None = None,
    ) -> list[Registered]:
        """Versions by market, the newest partition first; at most `newest` of them, the newest of all markets."""
        wanted = {"market": market, "member": member, "status": status}
        query = sa.select(versions).where(*(versions.c[name] == told for name, told in wanted.items() if told))
        # Partitions of different markets have keys of different kinds: sessions compare.
        by_age = (versions.c.last_session.desc(), versions.c.partition.desc(), versions.c.member, versions.c.id)
        with self.engine.connect() as connection:
            found = rows.registered(connection, query.order_by(*by_age).limit(newest))
        found.sort(key=lambda one: (one.version.member, one.number))
        found.sort(key=lambda one: one.version.partition, reverse=True)
        return sorted(found, key=lambda one: one.version.market)

    def get(self, name: str, market: str | None = None) -> Registered:
        """The version whose id is, or begins with, `name`; the digest alone is enough.

        Raises:
            UnknownModelError: there is none, or several; the message lists them.
        """
        told = [] if market is None else [versions.c.market == market]
        begins = versions.c.version.startswith(name, autoescape=True)
        digest = versions.c.version.contains(f"/{name}", autoescape=True) if "/" not in name and name else sa.false()
        query = sa.select(versions).order_by(versions.c.market, versions.c.version)
        with self.engine.connect() as connection:
            found = rows.registered(connection, query.where(versions.c.version == name, *told))
            found = found or rows.registered(connection, query.where(sa.or_(begins, digest), *told))
            if len(found) == 1:
                return found[0]
            markets = sorted({one.version.market for one in found})
            if found:
                help_ = "--market" if len(markets) > 1 else "say more of the id"
                told_of = [f"{one.version.market} {one.id}" for one in found]
                raise UnknownModelError(
                    f"{name!r} is the beginning of {len(found)} versions: {listed(told_of)}. Remedy: {help_}."
                )
            some = [one.id for one in rows.registered(connection, query.where(*told).limit(3))]
        where = f" in {market}" if market else ""
        raise UnknownModelError(
            f"no version {name!r} is registered{where}. Remedy: `tradepipe models list` shows all"
            + (f", such as {', '.join(some)}." if some else "; materialise model_versions to register some.")
        )

    def data(self, one: Registered) -> tuple[Input, ...]:
        """The generations that a version was trained on, by dataset and partition."""
        with self.engine.connect() as connection:
            training = connection.scalar(sa.select(versions.c.training_id).where(versions.c.id == one.number))
            return recall(connection, int(training or 0))

    def history(self, one: Registered | None = None, *, market: str | None = None) -> list[Event]:
        """What happened to a version, or in a market, or everywhere; oldest first."""
        where = [] if one is None else [history.c.version_id == one.number]
        where += [] if market is None else [versions.c.market == market]
        with self.engine.connect() as connection:
            return rows.events(connection, *where)

    def active(self, market: str | None = None, regime: str | None = None) -> list[Activation]:
        """Who is active, by market, regime and slot."""
        where = [] if market is None else [active_versions.c.market == market]
        where += [] if regime is None else [active_versions.c.regime == regime]
        key = (active_versions.c.market, active_versions.c.regime, active_versions.c.slot)
        with self.engine.connect() as connection:
            return [activation(row) for row in connection.execute(HOLDERS.where(*where).order_by(*key))]

    def evidence(self, market: str, one: Registered | None = None) -> pl.DataFrame:
        """EVIDENCE of a version or of all of a market, with the columns that `standings` asks for."""
        with self.engine.connect() as connection:
            return evidence(connection, market, *([] if one is None else [versions.c.id == one.number]))

    def standings(self, market: str, rule: PromotionSettings) -> list[Standing]:
        """What the rule sees: every model judged in the newest evaluation partitions, by regime, the best first."""
        with self.engine.connect() as connection:
            return standings_of(connection, market, rule)

    # Changing.

    def promote(  # noqa: PLR0913 - who, why, what and where
        self,
        one: Registered,
        regimes: Sequence[str],
        *,
        rule: PromotionSettings,
        who: str,
        why: str,
        again: bool = False,
    ) -> list[Event]:
        """Make a version active in `regimes` by a person's word; what happened.

        It takes the place of the member's other version there. With `rule.best` versions active already, one of another
        member makes room: first one that the rule chose, then the worst. It stays until a person, or the rule with
        newer evidence, replaces it.

        Raises:
            ModelRegistryError: `who` or `why` is empty, or no regime is named.
            IllegalTransitionError: it was superseded, or taken out by a person and `again` is False.
        """
        with self._changing(one.version.market, who, why, regimes) as (places, told):
            ranked = standings_of(places.connection, one.version.market, rule)
            current = self._again(places.connection, one)
            promoting.promote(places, current, regimes, best=rule.best, ranked=ranked, again=again)
        return told

    def retire(self, one: Registered, *, who: str, why: str) -> list[Event]:
        """Take a version out of every regime by a person's word, for good; what happened.

        Raises:
            IllegalTransitionError: it was retired by a person already.
        """
        with self._changing(one.version.market, who, why) as (places, told):
            promoting.retire(places, self._again(places.connection, one))
        return told

    def roll_back(  # noqa: PLR0913 - who, why, what and where
        self, market: str, member: str, regimes: Sequence[str], *, rule: PromotionSettings, who: str, why: str
    ) -> list[Event]:
        """The member's previous active version returns in each of `regimes`; what happened.

        Raises:
            IllegalTransitionError: in one of them there is none; nothing is changed then.
        """
        with self._changing(market, who, why, regimes) as (places, told):
            ranked = standings_of(places.connection, market, rule)
            for regime in regimes:
                promoting.roll_back(places, member, regime, best=rule.best, ranked=ranked)
        return told

    def obey(self, market: str, rule: PromotionSettings, run_id: str | None = None) -> list[Event]:
        """Let the rule promote and displace; what happened. Without newer evidence a second time changes nothing."""
        with self._changing(market, RULE, "by rule", run_id=run_id) as (places, told):
            found = standings_of(places.connection, market, rule)
            promoting.obey(places, rule, found, superseded(places.connection, market))
        return told

    @contextmanager
    def _changing(
        self, market: str, who: str, why: str, regimes: Sequence[str] | None = None, run_id: str | None = None
    ) -> Iterator[tuple[Places, list[Event]]]:
        if not who.strip() or not why.strip():
            raise ModelRegistryError("a change of the registry needs who asks for it and why. Remedy: --why 'a reason'")
        if who == RULE and regimes is not None:
            raise ModelRegistryError(f"{RULE!r} is no person's name. Remedy: --by another name")
        if regimes is not None and not all(regimes or [""]):
            raise ModelRegistryError("no regime is named. Remedy: --regime NAME; `tradepipe models rules` lists them")
        told: list[Event] = []
        with writing(self.engine, _LOCK) as connection:
            last = connection.scalar(sa.select(sa.func.max(history.c.seq))) or 0
            author = Author(who, why, self._clock(), newest_evidence(connection, market), run_id)
            yield Places(connection, market, author, self._checkpoint), told
            told += rows.events(connection, history.c.seq > last)
            self._checkpoint("changed")

    def _again(self, connection: sa.Connection, one: Registered) -> Registered:
        """As it is now, under the lock."""
        return rows.registered(connection, sa.select(versions).where(versions.c.id == one.number))[0]
