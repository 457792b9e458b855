"""Promotion, displacement, retirement and rollback by people: what is allowed, and what history says."""

import pytest

from tests.forecasting.registry.making import MARKET, active, assert_consistent, enter, judged, version
from tradepipe.forecasting.registry import IllegalTransitionError, ModelRegistryError
from tradepipe.settings.forecasts import PromotionSettings

UP, DOWN = "calm up", "calm down"
BY = {"who": "ada", "why": "it looked better"}
ONE, TWO = PromotionSettings(best=1), PromotionSettings(best=2)


@pytest.fixture
def three(registry):
    """Versions of one member, month after month."""
    return enter(registry, [version(partition=f"2020-0{month}", digest=f"0000000{month}") for month in (1, 2, 3)])


def happened(events):
    return [(event.happening, event.version.split("/")[1], event.regime, event.after) for event in events]


def test_a_candidate_is_promoted_in_the_regimes_asked_for(registry, three):
    told = registry.promote(three[0], [UP, DOWN], rule=TWO, **BY)
    assert happened(told) == [("promoted", "2020-01", UP, "active"), ("promoted", "2020-01", DOWN, "active")]
    assert {(event.who, event.why) for event in told} == {("ada", "it looked better")}
    found = registry.get(three[0].id)
    assert (found.status, found.regimes) == ("active", (DOWN, UP))
    assert_consistent(registry)


def test_the_member_s_older_version_makes_room_first(registry, three):
    [other] = enter(registry, [version("drift")])
    registry.promote(three[0], [UP], rule=TWO, **BY)
    registry.promote(other, [UP], rule=TWO, **BY)
    told = registry.promote(three[1], [UP], rule=TWO, **BY)
    assert happened(told) == [("displaced", "2020-01", UP, "retired"), ("promoted", "2020-02", UP, "active")]
    assert three[1].id in told[0].why
    assert active(registry) == {other.id, three[1].id}
    assert_consistent(registry, 2)


def test_of_other_members_the_rule_s_choice_and_the_worst_make_room(registry):
    made = [version(member) for member in ("random_walk", "drift", "samossa")]
    rows = [judged(one, score, forecasts=500) for one, score in zip(made, (1.0, 3.0, 2.0), strict=True)]
    walk, drift, samossa = enter(registry, made, rows)
    registry.obey(MARKET, TWO)
    assert active(registry) == {drift.id, samossa.id}
    registry.promote(walk, [UP], rule=TWO, **BY)
    assert active(registry) == {drift.id, walk.id}
    registry.promote(samossa, [UP], rule=TWO, **BY)  # drift is better, but ada chose walk
    assert active(registry) == {walk.id, samossa.id}
    assert_consistent(registry, 2)


def test_a_version_that_is_active_elsewhere_stays_active(registry, three):
    registry.promote(three[0], [UP, DOWN], rule=ONE, **BY)
    told = registry.promote(three[1], [UP], rule=ONE, **BY)
    assert happened(told)[0] == ("displaced", "2020-01", UP, "active")
    assert registry.get(three[0].id).regimes == (DOWN,)
    assert_consistent(registry, 1)


def test_promoting_what_is_active_makes_it_this_person_s(registry):
    made = [version("random_walk"), version("drift")]
    enter(registry, made, [judged(made[0], 1.0), judged(made[1], 2.0)])
    registry.obey(MARKET, ONE)
    registry.promote(registry.get(made[1].id), [UP], rule=ONE, **BY)
    [place] = registry.active(MARKET)
    assert (place.version, place.who, place.why, place.evidence) == (made[1].id, "ada", "it looked better", "2020-01")


def test_fewer_places_than_before_displace_as_many(registry):
    found = enter(registry, [version(member) for member in ("random_walk", "drift", "samossa", "arma_garch")])
    for one in found[:3]:
        registry.promote(one, [UP], rule=PromotionSettings(best=3), **BY)
    told = registry.promote(found[3], [UP], rule=ONE, **BY)
    assert [event.happening for event in told] == ["displaced", "displaced", "displaced", "promoted"]
    assert_consistent(registry, 1)


def test_a_member_has_one_version_in_a_regime_by_a_person_s_word(registry, three):
    registry.promote(three[0], [UP], rule=TWO, **BY)
    registry.promote(three[1], [UP], rule=TWO, **BY)
    assert active(registry) == {three[1].id}  # although there was another place
    registry.roll_back(MARKET, "arma_garch", [UP], rule=TWO, **BY)
    assert active(registry) == {three[0].id}
    assert_consistent(registry, 2)


def test_rollback_brings_the_previous_one_back_and_the_one_before(registry, three):
    for one in three:
        registry.promote(one, [UP], rule=ONE, **BY)
    back = {"rule": ONE, "who": "bob", "why": "it lost money"}
    told = registry.roll_back(MARKET, "arma_garch", [UP], **back)
    assert happened(told) == [("rolled_back", "2020-03", UP, "retired"), ("returned", "2020-02", UP, "active")]
    assert active(registry) == {three[1].id}
    registry.roll_back(MARKET, "arma_garch", [UP], **back)
    assert active(registry) == {three[0].id}
    with pytest.raises(IllegalTransitionError, match=r"no version of arma_garch to return in calm up.*Remedy"):
        registry.roll_back(MARKET, "arma_garch", [UP], **back)
    assert active(registry) == {three[0].id}
    assert_consistent(registry, 1)


def test_rollback_of_several_regimes_is_all_or_nothing(registry, three):
    registry.promote(three[0], [UP], rule=ONE, **BY)
    registry.promote(three[1], [UP, DOWN], rule=ONE, **BY)
    with pytest.raises(
        IllegalTransitionError, match=f"to return in {DOWN}: nothing that may return was active before it"
    ):
        registry.roll_back(MARKET, "arma_garch", [UP, DOWN], rule=ONE, **BY)
    assert active(registry) == {three[1].id}
    assert_consistent(registry, 1)


def test_what_was_rolled_back_returns_by_a_person_s_express_word_alone(registry, three):
    for one in three[:2]:
        registry.promote(one, [UP], rule=ONE, **BY)
    registry.roll_back(MARKET, "arma_garch", [UP], rule=ONE, **BY)
    with pytest.raises(
        IllegalTransitionError, match=r"was rolled back in calm up on 2020-03-01 12:00 UTC by ada: it loo"
    ):
        registry.promote(three[1], [UP], rule=ONE, **BY)
    registry.promote(three[1], [DOWN], rule=ONE, **BY)  # it was rolled back elsewhere
    registry.promote(three[1], [UP], rule=ONE, again=True, **BY)
    assert registry.get(three[1].id).regimes == (DOWN, UP)
    assert_consistent(registry, 1)


def test_a_retired_version_leaves_all_regimes(registry, three):
    registry.promote(three[0], [UP, DOWN], rule=ONE, **BY)
    told = registry.retire(three[0], who="bob", why="bad data")
    assert happened(told) == [("retired", "2020-01", DOWN, "active"), ("retired", "2020-01", UP, "retired")]
    assert registry.active() == []
    with pytest.raises(
        IllegalTransitionError, match=r"retired already, on 2020-03-01 12:00 UTC by bob: bad data.*Remedy"
    ):
        registry.retire(three[0], **BY)
    with pytest.raises(IllegalTransitionError, match=r"was retired on .* by bob: bad data.*--again"):
        registry.promote(three[0], [UP], rule=ONE, **BY)
    assert_consistent(registry)


def test_a_candidate_may_be_retired(registry, three):
    told = registry.retire(three[0], **BY)
    assert happened(told) == [("retired", "2020-01", None, "retired")]
    assert_consistent(registry)


def test_rollback_undoes_a_retirement(registry, three):
    registry.promote(three[0], [UP], rule=ONE, **BY)
    registry.retire(three[0], **BY)
    told = registry.roll_back(MARKET, "arma_garch", [UP], rule=ONE, **BY)
    assert happened(told) == [("returned", "2020-01", UP, "active")]
    registry.retire(three[0], **BY)  # and may be retired again
    assert_consistent(registry)


def test_rollback_never_returns_what_was_retired_before(registry, three):
    for one in three:
        registry.promote(one, [UP], rule=ONE, **BY)
    registry.retire(three[1], **BY)
    registry.roll_back(MARKET, "arma_garch", [UP], rule=ONE, **BY)
    assert active(registry) == {three[0].id}


def test_rollback_never_returns_what_was_superseded(registry):
    old, anew = version(digest="0000000a"), version(digest="0000000b")
    [first] = enter(registry, [old])
    registry.promote(first, [UP], rule=TWO, **BY)
    [second] = enter(registry, [anew])
    registry.promote(second, [UP], rule=TWO, **BY)
    with pytest.raises(IllegalTransitionError, match="nothing that may return was active before it"):
        registry.roll_back(MARKET, "arma_garch", [UP], rule=TWO, **BY)
    assert active(registry, UP) == {anew.id}


def test_a_second_retirement_names_the_first(registry):
    [one] = enter(registry, [version(digest="0000000a")])
    registry.retire(one, who="ada", why="drifts")
    enter(registry, [version(digest="0000000b")])  # supersedes it
    with pytest.raises(IllegalTransitionError, match="by ada: drifts"):
        registry.retire(registry.get(one.id), who="bob", why="drifts")


def test_a_superseded_version_is_not_promoted(registry):
    [old] = enter(registry, [version(digest="0000000a")])
    enter(registry, [version(digest="0000000b")])
    with pytest.raises(
        IllegalTransitionError, match=r"superseded by arma_garch/2020-01/0000000b.*Remedy: promote that"
    ):
        registry.promote(old, [UP], rule=ONE, **BY)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"who": "ada", "why": " "}, "needs who asks for it and why"),
        ({"who": "", "why": "x"}, "needs who asks"),
        ({"who": "rule", "why": "x"}, "'rule' is no person's name"),
    ],
)
def test_a_change_needs_a_person_and_a_reason(registry, three, asked, message):
    with pytest.raises(ModelRegistryError, match=message) as caught:
        registry.promote(three[0], [UP], rule=ONE, **asked)
    assert "Remedy" in str(caught.value)
    assert registry.active() == []


def test_a_promotion_names_a_regime(registry, three):
    with pytest.raises(ModelRegistryError, match="no regime is named"):
        registry.promote(three[0], [], rule=ONE, **BY)
