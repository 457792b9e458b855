"""What people and the rule do with versions, inside a transaction that holds the registry's lock.

candidate -> active -> retired. A version is retired when it loses its last place: displaced by another, rolled back, or
retired by a person. What was displaced may be promoted again; what a person took out comes back by a person alone: by
`rollback`, or by `promote` with `again`.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from tradepipe.forecasting.registry import rows
from tradepipe.forecasting.registry.errors import IllegalTransitionError, listed
from tradepipe.forecasting.registry.model import RULE, Event, Registered, Standing
from tradepipe.forecasting.registry.places import Places, order_of_leaving
from tradepipe.forecasting.registry.standing import EVERYWHERE, chosen, eligible
from tradepipe.forecasting.registry.tables import history, versions
from tradepipe.settings.forecasts import PromotionSettings


def promote(  # noqa: PLR0913 - what, where, and what is asked of it
    places: Places,
    one: Registered,
    regimes: Sequence[str],
    *,
    best: int,
    ranked: Sequence[Standing],
    again: bool,
) -> None:
    """Make `one` active in `regimes` by a person's word; who must make room is displaced.

    Raises:
        IllegalTransitionError: it was superseded, or a person took it out and `again` is False.
    """
    if one.superseded_by is not None:
        raise IllegalTransitionError(
            f"{one.id} was superseded by {one.superseded_by}, which its partition holds now. Remedy: promote that one."
        )
    if not again:
        _refuse_withdrawn(places, one, regimes)
    for regime in regimes:
        held = places.holders(regime)
        if any(holder.version_id == one.number for holder in held):
            places.confirm(one.number, regime)
            continue
        places.make_room(one.number, one.version.member, regime, best, _in(ranked, regime))
        places.give(one.number, regime, best)


def retire(places: Places, one: Registered) -> None:
    """Take a version out of every regime, for good.

    Raises:
        IllegalTransitionError: a person retired it already.
    """
    if EVERYWHERE in places.withdrawn(one.number):
        last = [event for event in _events(places, one.number) if event.happening == "retired"][-1]
        raise IllegalTransitionError(
            f"{one.id} was retired already, on {last.at:%Y-%m-%d %H:%M} UTC by {last.who}: {last.why}. "
            "Nothing was changed. Remedy: none is needed; `tradepipe models rollback` undoes a retirement."
        )
    for regime in one.regimes:
        places.take(one.number, regime, "retired")
    if not one.regimes:
        places.note(one.number, "retired", None, "retired")
    places.withdraw(one.number, EVERYWHERE)


def roll_back(
    places: Places, member: str, regime: str, *, best: int, ranked: Sequence[Standing]
) -> tuple[str | None, str]:
    """The version of `member` that was active in `regime` before comes back; (what went, what came).

    Where none of the member's versions is active now, the last that was comes back, even one that a person retired:
    this undoes a retirement. A superseded version never comes back: its partition does not hold it any more.

    Raises:
        IllegalTransitionError: there is none to come back.
    """
    active = {one.version_id for one in places.holders(regime) if one.member == member}
    before = _once_active(places, member, regime)
    going = next((number for number in before if number in active), None)
    free = [
        number
        for number in before
        if number not in active
        and (going is None or not places.withdrawn(number) & {EVERYWHERE, regime})
        and not places.is_superseded(number)
    ]
    if not free:
        state = "nothing that may return was active before it" if active else "none that may return was ever active"
        raise IllegalTransitionError(
            f"{places.market}: no version of {member} to return in {regime}: {state}. "
            "Remedy: `tradepipe models promote` another version, or `tradepipe models retire` the one that is active."
        )
    if going is not None:
        places.take(going, regime, "rolled_back")
        places.withdraw(going, regime)
    places.make_room(free[0], member, regime, best, _in(ranked, regime))
    places.give(free[0], regime, best, "returned")
    return (None if going is None else places.name(going)), places.name(free[0])


def obey(places: Places, rule: PromotionSettings, standings: Sequence[Standing], superseded: Collection[str]) -> None:
    """Let the rule have its way in each regime where any version is eligible; the others stay as they are.

    What a person promoted stays while no evaluation is newer than it, unless its partition was computed anew.
    """
    numbers = {one.version: one.number for one in standings}
    for regime, ranked in sorted(eligible(standings).items()):
        held = places.holders(regime)
        told = [
            one for one in held if one.who != RULE and _stands(one.evidence, places) and one.version not in superseded
        ]
        kept = told if len(told) <= rule.best else order_of_leaving(told, "", ranked)[-rule.best :]
        members = {one.member for one in kept}  # a person's word on a member is about all its versions
        others = [one for one in ranked if one.member not in members]
        wanted = chosen(others, rule.best, [one.version for one in kept])
        place = {one.version: (index, one) for index, one in enumerate(ranked, start=1)}
        for one in held:
            if one.version not in wanted:
                places.take(one.version_id, regime, "displaced", _why_not(one, rule, standings, wanted))
        for version in wanted:
            if version not in {one.version for one in held}:
                index, standing = place[version]
                told_of = places.saying(
                    f"number {index} of {len(ranked)} by {rule.metric}: {standing.score:+.6g} over the random walk"
                )
                told_of.give(numbers[version], regime, rule.best)


def _why_not(one: sa.Row[Any], rule: PromotionSettings, standings: Sequence[Standing], wanted: Collection[str]) -> str:
    mine = [standing for standing in standings if standing.regime == one.regime and standing.member == one.member]
    if not mine:
        return f"no judged forecast of its model in the {rule.partitions} newest evaluation partitions"
    if taken := [standing.version for standing in mine if standing.version in wanted]:
        return f"the newest fit of its model is {taken[0]}"
    if mine[0].refusal is not None:
        return mine[0].refusal
    return f"not among the best {rule.best} by {rule.metric} any more: {mine[0].score:+.6g} over the random walk"


def _stands(evidence: str | None, places: Places) -> bool:
    newest = places.author.evidence
    return newest is None or (evidence is not None and evidence >= newest)


def _in(ranked: Sequence[Standing], regime: str) -> list[Standing]:
    return [one for one in ranked if one.regime == regime]


def _once_active(places: Places, member: str, regime: str) -> list[int]:
    """Versions of `member` by their last activation in `regime`, newest first."""
    query = (
        sa.select(history.c.version_id)
        .join(versions, versions.c.id == history.c.version_id)
        .where(
            versions.c.market == places.market,
            versions.c.member == member,
            history.c.regime == regime,
            history.c.happening.in_(["promoted", "returned"]),
        )
        .order_by(history.c.seq.desc())
    )
    return list(dict.fromkeys(places.connection.scalars(query)))


def _refuse_withdrawn(places: Places, one: Registered, regimes: Sequence[str]) -> None:
    out = places.withdrawn(one.number) & {EVERYWHERE, *regimes}
    if not out:
        return
    last = [event for event in _events(places, one.number) if event.happening in {"retired", "rolled_back"}][-1]
    where = "" if EVERYWHERE in out else f" in {listed(sorted(out))}"
    done = f"{last.happening.replace('_', ' ')}{where} on {last.at:%Y-%m-%d %H:%M} UTC by {last.who}: {last.why}"
    raise IllegalTransitionError(
        f"{one.id} was {done}. Nothing was changed. "
        "Remedy: promote another version, or say --again to promote this one all the same."
    )


def _events(places: Places, number: int) -> list[Event]:
    return rows.events(places.connection, history.c.version_id == number)
