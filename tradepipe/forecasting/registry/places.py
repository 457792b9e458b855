"""The places in a regime, inside a transaction: who holds one, who gets one, who gives one up, and the note of it.

Whoever calls holds the registry's write lock (`tradepipe.store.writing`), so that what is read here stays true until
the commit. A slot has one holder by the table's own key: even a writer without the lock could not make one more active.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from tradepipe.forecasting.registry.errors import ModelRegistryError
from tradepipe.forecasting.registry.model import RULE, Activation, Happening, Standing, Status
from tradepipe.forecasting.registry.tables import active_versions, history, judgements, versions, withdrawals

HOLDERS = sa.select(active_versions, versions.c.version, versions.c.member, versions.c.partition).join(
    versions, versions.c.id == active_versions.c.version_id
)


@dataclass(frozen=True)
class Author:
    """Who changes something, when and why. `evidence` is the newest evaluation partition that is known."""

    who: str
    why: str
    at: dt.datetime
    evidence: str | None
    run_id: str | None = None


@dataclass(frozen=True)
class Places:
    """The places of one market. `checkpoint` is called between the steps; tests end a process there."""

    connection: sa.Connection
    market: str
    author: Author
    checkpoint: Callable[[str], None]

    def saying(self, why: str) -> "Places":
        """The same, with another reason."""
        return replace(self, author=replace(self.author, why=why))

    def holders(self, regime: str) -> list[sa.Row[Any]]:
        """Who is active in `regime`, by slot."""
        query = HOLDERS.where(active_versions.c.market == self.market, active_versions.c.regime == regime)
        return list(self.connection.execute(query.order_by(active_versions.c.slot)))

    def give(self, version_id: int, regime: str, best: int, happening: Happening = "promoted") -> None:
        """The lowest free slot, of `best`, to a version.

        Raises:
            ModelRegistryError: all are taken; callers make room first.
        """
        taken = {one.slot for one in self.holders(regime)}
        free = [slot for slot in range(1, best + 1) if slot not in taken]
        if not free or len(taken) >= best:
            raise ModelRegistryError(f"{self.market}: {len(taken)} versions are active in {regime}, {best} may be")
        self.connection.execute(
            sa.insert(active_versions).values(
                market=self.market,
                regime=regime,
                slot=free[0],
                version_id=version_id,
                since=self.author.at,
                who=self.author.who,
                why=self.author.why,
                evidence=self.author.evidence,
            )
        )
        gone = sa.delete(withdrawals).where(
            withdrawals.c.version_id == version_id, withdrawals.c.regime.in_(["", regime])
        )
        self.connection.execute(gone)
        self.note(version_id, happening, regime, "active")

    def take(self, version_id: int, regime: str, happening: Happening, why: str | None = None) -> None:
        """A version's slot in `regime` away; it is retired when that was its last one."""
        self.connection.execute(
            sa.delete(active_versions).where(
                active_versions.c.market == self.market,
                active_versions.c.regime == regime,
                active_versions.c.version_id == version_id,
            )
        )
        self.checkpoint("taken")
        left = self.connection.scalar(sa.select(sa.func.count()).where(active_versions.c.version_id == version_id))
        self.note(version_id, happening, regime, "active" if left else "retired", why)

    def confirm(self, version_id: int, regime: str) -> None:
        """A slot that is held already is held by this author's word from now on."""
        self.connection.execute(
            sa.update(active_versions)
            .where(active_versions.c.regime == regime, active_versions.c.version_id == version_id)
            .values(who=self.author.who, why=self.author.why, evidence=self.author.evidence)
        )
        self.note(version_id, "promoted", regime, "active")

    def name(self, version_id: int) -> str:
        """The id of a version that is registered."""
        return str(self.connection.scalar(sa.select(versions.c.version).where(versions.c.id == version_id)))

    def withdraw(self, version_id: int, regime: str) -> None:
        """Never to be brought back by the rule, in `regime` or ("") anywhere."""
        where = (withdrawals.c.version_id == version_id, withdrawals.c.regime == regime)
        self.connection.execute(sa.delete(withdrawals).where(*where))
        self.connection.execute(sa.insert(withdrawals).values(version_id=version_id, regime=regime))

    def withdrawn(self, version_id: int) -> set[str]:
        """The regimes a version was withdrawn from; "" stands for all."""
        query = sa.select(withdrawals.c.regime).where(withdrawals.c.version_id == version_id)
        return set(self.connection.scalars(query))

    def is_superseded(self, version_id: int) -> bool:
        """Whether its partition was computed anew since, with another outcome."""
        by = self.connection.scalar(sa.select(versions.c.superseded_by).where(versions.c.id == version_id))
        return by is not None

    def note(
        self, version_id: int, happening: Happening, regime: str | None, after: Status, why: str | None = None
    ) -> None:
        """Write a line of history, and the status that follows."""
        mine = versions.c.id == version_id
        before = self.connection.scalar(sa.select(versions.c.status).where(mine))
        self.connection.execute(
            sa.insert(history).values(
                at=self.author.at,
                who=self.author.who,
                why=why or self.author.why,
                happening=happening,
                version_id=version_id,
                regime=regime,
                before=before,
                after=after,
                evidence=self.author.evidence,
                run_id=self.author.run_id,
            )
        )
        self.checkpoint("noted")
        if before != after:
            self.connection.execute(sa.update(versions).where(mine).values(status=after))

    def make_room(self, version_id: int, member: str, regime: str, best: int, ranked: Sequence[Standing]) -> None:
        """Let `version_id` in: the member's other versions leave, then as many as must: see `order_of_leaving`."""
        held = self.holders(regime)
        must = max(0, len(held) - best + 1, sum(one.member == member for one in held))
        for one in order_of_leaving(held, member, ranked)[:must]:
            self.take(one.version_id, regime, "displaced", f"{self.author.why} (in its place: {self.name(version_id)})")


def order_of_leaving(held: Sequence[sa.Row[Any]], member: str, ranked: Sequence[Standing]) -> list[sa.Row[Any]]:
    """Who makes room first: another version of the member, then what the rule chose, then the worst, the oldest."""
    place = {one.member: index for index, one in reversed(list(enumerate(ranked))) if one.refusal is None}
    return sorted(
        held, key=lambda one: (one.member != member, one.who != RULE, -place.get(one.member, len(ranked)), one.since)
    )


def activation(row: sa.Row[Any]) -> Activation:
    """A row of `HOLDERS`."""
    return Activation(
        row.market, row.regime, row.slot, row.version, row.member, row.since, row.who, row.why, row.evidence
    )


def newest_evidence(connection: sa.Connection, market: str) -> str | None:
    """The newest evaluation partition that the registry knows."""
    newest: str | None = connection.scalar(
        sa.select(sa.func.max(judgements.c.partition)).where(judgements.c.market == market)
    )
    return newest
