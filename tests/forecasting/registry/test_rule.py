"""The rule: the best versions by the declared metric, and what a person said until there is newer evidence."""

import contextlib
import itertools
import shutil

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.forecasting.registry.making import MARKET, active, assert_consistent, enter, frame, judged, version
from tradepipe.forecasting.registry import IllegalTransitionError, ModelRegistry
from tradepipe.forecasting.registry.standing import standings
from tradepipe.settings.forecasts import PromotionSettings

UP = "calm up"
BY = {"who": "ada", "why": "a hunch"}
MEMBERS = ("random_walk", "drift", "samossa", "arma_garch")
RULE = PromotionSettings(best=2, min_forecasts=100, partitions=3)


def month(number):
    return f"2020-{number:02}"


def test_the_best_are_promoted_with_the_reason(registry):
    made = [version(member) for member in MEMBERS]
    rows = [judged(one, score) for one, score in zip(made, (1.0, 1.5, 3.0, 2.0), strict=True)]
    enter(registry, made, rows)
    told = registry.obey(MARKET, RULE, "run-9")
    assert [(event.version.split("/")[0], event.why) for event in told] == [
        ("samossa", "number 1 of 4 by log_score: +2 over the random walk"),
        ("arma_garch", "number 2 of 4 by log_score: +1 over the random walk"),
    ]
    assert {(event.who, event.run_id, event.evidence) for event in told} == {("rule", "run-9", "2020-01")}
    assert registry.obey(MARKET, RULE) == []  # nothing newer is known
    assert_consistent(registry, 2)


def test_better_ones_displace_with_the_reason(registry):
    made = [version(member) for member in MEMBERS[:3]]
    enter(registry, made, [judged(one, score) for one, score in zip(made, (1.0, 2.0, 3.0), strict=True)])
    registry.obey(MARKET, PromotionSettings(best=1))
    later = [version(member, "2020-02") for member in MEMBERS[:3]]
    enter(registry, later, [judged(one, score) for one, score in zip(later, (1.0, 6.0, 3.0), strict=True)])
    told = registry.obey(MARKET, PromotionSettings(best=1))
    assert [(event.happening, event.version) for event in told] == [
        ("displaced", made[2].id),
        ("promoted", later[1].id),
    ]
    assert told[0].why == "not among the best 1 by log_score any more: +2 over the random walk"


def test_calm_months_are_no_merit(registry):
    """drift was judged in the calm month alone: told apart by the raw log score, it would win."""
    january, february = ([version(member, month(number)) for member in MEMBERS[:3]] for number in (1, 2))
    enter(registry, january[:2], [judged(january[0], 5.0), judged(january[1], 5.1)])
    enter(registry, february, [judged(february[0], 1.0), judged(february[2], 2.0)])
    registry.obey(MARKET, PromotionSettings(best=1))
    assert active(registry) == {february[2].id}


def test_one_lucky_partition_is_no_better_model(registry):
    """Of the versions of samossa one is the best of all; as a model it is the worst."""
    scores = {"random_walk": (1.0, 1.0, 1.0), "drift": (1.1, 1.1, 1.1), "samossa": (0.0, 3.0, -3.0)}
    for number in (1, 2, 3):
        made = [version(member, month(number)) for member in scores]
        enter(registry, made, [judged(one, scores[one.member][number - 1]) for one in made])
    registry.obey(MARKET, PromotionSettings(best=1))
    assert active(registry) == {version("drift", "2020-03").id}


def test_the_newest_fit_of_a_model_takes_over(registry):
    made = [version("drift", month(number)) for number in (1, 2)]
    enter(registry, made[:1], [judged(made[0], 1.0)])
    registry.obey(MARKET, RULE)
    enter(registry, made[1:], [judged(made[1], 0.5)])
    told = registry.obey(MARKET, RULE)
    assert [(event.happening, event.version) for event in told] == [("displaced", made[0].id), ("promoted", made[1].id)]
    assert told[0].why == f"the newest fit of its model is {made[1].id}"


def test_other_specs_are_another_model(registry):
    made = [version("arma_garch", month(1)), version("arma_garch", month(2), mean="arma(2, 0, 1)")]
    enter(registry, made, [judged(made[0], 1.0), judged(made[1], 2.0)])
    registry.obey(MARKET, RULE)
    assert active(registry) == {one.id for one in made}


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [
        ("log_score", {"log_score": 400.0}, {"log_score": 200.0}),
        ("qlike", {"qlike": 20.0}, {"qlike": 40.0}),
        (
            "rmse_ratio",
            {"squared_error": 1.0, "walk_squared_error": 2.0},
            {"squared_error": 3.0, "walk_squared_error": 2.0},
        ),
        ("hit_rate", {"directions": 100, "hits": 60}, {"directions": 10, "hits": 5}),
        ("win_rate", {"positions": 10, "wins": 6}, {"positions": 100, "wins": 50}),
        (
            "sharpe",
            {"decisions": 100, "positions": 50, "strategy_return": 1.0, "strategy_return_squared": 0.05},
            {"decisions": 100, "positions": 50, "strategy_return": 1.0, "strategy_return_squared": 0.50},
        ),
    ],
)
def test_each_metric_knows_which_way_is_better(metric, better, worse):
    rows = [judged(version("drift"), 0.0, **worse), judged(version("samossa"), 0.0, **better)]
    told = [row | {"member": row["version"].split("/")[0], "model": "", "made": "2020-01", "number": 1} for row in rows]
    found = standings(frame(rows).with_columns(*_columns(told)), PromotionSettings(metric=metric))
    assert [one.member for one in found] == ["samossa", "drift"]
    assert found[0].refusal is None
    assert found[0].value != found[1].value


def _columns(told):
    return [pl.Series(name, [row[name] for row in told]) for name in ("member", "model", "made", "number")]


def test_a_metric_that_nobody_has_makes_nobody_eligible(registry):
    made = version("drift")
    enter(registry, [made], [judged(made, 1.0)])
    rule = PromotionSettings(metric="sharpe")
    [standing] = registry.standings(MARKET, rule)
    assert (standing.value, standing.refusal) == (None, "has no sharpe")
    assert registry.obey(MARKET, rule) == []


def test_too_few_forecasts_and_old_partitions_do_not_count(registry):
    made = [version(member, month(number)) for number in (1, 2, 3, 4) for member in ("drift", "samossa")]
    counts = {"drift": (1000, 33, 33, 33), "samossa": (0, 33, 33, 34)}
    rows = [judged(one, 1.0, forecasts=counts[one.member][int(one.partition[-2:]) - 1]) for one in made]
    enter(registry, made, rows)
    found = {one.version: one.refusal for one in registry.standings(MARKET, RULE)}
    assert found == {made[-2].id: "99 judged forecasts, 100 are needed", made[-1].id: None}


def test_a_person_s_promotion_stays_until_there_is_newer_evidence(registry):
    made = [version(member) for member in MEMBERS]
    enter(registry, made, [judged(one, score) for one, score in zip(made, (1.0, 1.5, 3.0, 2.0), strict=True)])
    registry.obey(MARKET, RULE)
    registry.promote(registry.get(made[1].id), [UP], rule=RULE, **BY)
    registry.obey(MARKET, RULE)
    assert active(registry) == {made[1].id, made[2].id}
    later = [version(member, "2020-02") for member in MEMBERS]
    enter(registry, later, [judged(one, 1.0) for one in later])
    registry.obey(MARKET, RULE)
    assert active(registry) == {later[2].id, later[3].id}


def test_a_person_s_word_on_a_member_is_about_all_its_versions(registry):
    made = [version("drift", month(1)), version("drift", month(2)), version("samossa", month(2))]
    enter(registry, made, [judged(one, score) for one, score in zip(made, (1.0, 3.0, 2.0), strict=True)])
    registry.obey(MARKET, RULE)
    registry.promote(registry.get(made[0].id), [UP], rule=RULE, **BY)
    assert active(registry) == {made[0].id, made[2].id}
    assert registry.obey(MARKET, RULE) == []  # there is no newer evidence
    assert active(registry) == {made[0].id, made[2].id}


@pytest.mark.slow
def test_settings_of_other_members_make_no_other_model(registry):
    made = [version("drift", month(1), code_version="1-old"), version("drift", month(2), code_version="1-new")]
    enter(registry, made, [judged(one, 1.0) for one in made])
    assert [one.version for one in registry.standings(MARKET, RULE)] == [made[1].id]
    other = version("drift", month(3), code_version="2-new")
    enter(registry, [other], [judged(other, 1.0)])
    assert {one.version for one in registry.standings(MARKET, RULE)} == {made[1].id, other.id}


def test_what_a_person_took_out_the_rule_never_brings_back(registry):
    made = [version(member) for member in MEMBERS]
    enter(registry, made, [judged(one, score) for one, score in zip(made, (1.0, 1.5, 3.0, 2.0), strict=True)])
    registry.obey(MARKET, RULE)
    registry.retire(registry.get(made[2].id), **BY)
    registry.obey(MARKET, RULE)
    assert active(registry) == {made[1].id, made[3].id}
    refusals = {one.member: one.refusal for one in registry.standings(MARKET, RULE)}
    assert refusals["samossa"] == "a person took its versions out"


def test_the_fit_before_stands_in_for_one_that_a_person_took_out(registry):
    made = [version("drift", month(number)) for number in (1, 2)]
    enter(registry, made, [judged(one, 1.0) for one in made])
    registry.retire(registry.get(made[1].id), **BY)
    registry.obey(MARKET, RULE)
    assert active(registry) == {made[0].id}


def test_a_superseded_version_gives_way_even_if_a_person_chose_it(registry):
    made = [version(member) for member in MEMBERS[:2]]
    enter(registry, made, [judged(made[0], 1.0), judged(made[1], 2.0)])
    registry.promote(registry.get(made[1].id), [UP], rule=RULE, **BY)
    anew = version("drift", digest="0000000f")
    enter(registry, [anew], [judged(made[0], 1.0), judged(anew, 2.0)])
    assert made[1].id in active(registry)  # until the rule, or a person, looks
    registry.obey(MARKET, RULE)
    assert active(registry) == {made[0].id, anew.id}


def test_regimes_without_evidence_stay_as_they_are(registry):
    made = [version("drift", month(number), digest=f"0000000{number}") for number in (1, 2)]
    first, second = enter(registry, made, [judged(made[0], 1.0, regime="wild down")])
    registry.obey(MARKET, PromotionSettings(partitions=1))
    enter(registry, [made[1]], [judged(made[1], 1.0)])
    registry.obey(MARKET, PromotionSettings(partitions=1))
    assert active(registry, "wild down") == {first.id}
    assert active(registry) == {second.id}


def test_horizons_and_partitions_add_up(registry):
    walk, drift = version("random_walk"), version("drift")
    rows = [
        judged(walk, 1.0, horizon=1, forecasts=100),
        judged(walk, 0.5, horizon=2, forecasts=50),
        judged(walk, 0.2, horizon=1, forecasts=10, partition="2020-02"),
        judged(drift, 2.0, horizon=1, forecasts=100),
        judged(drift, 0.5, horizon=2, forecasts=50),
    ]
    enter(registry, [walk, drift], rows)
    found = {one.member: one for one in registry.standings(MARKET, RULE)}
    assert found["drift"].value == pytest.approx((200 + 25) / 150)
    assert found["drift"].score == pytest.approx((225 - 125) / 150)  # over the walk of the same month alone
    assert found["random_walk"].forecasts == 160


def test_a_partition_s_targets_are_compared_with_the_walk_forecast_where_they_were(registry):
    """February's first targets were forecast in January: two versions of each model share February's evaluation."""
    january, february = ([version(member, month(number)) for member in MEMBERS[:2]] for number in (1, 2))
    enter(registry, january, [judged(one, 5.0, forecasts=100) for one in january])
    rows = [
        judged(january[0], 1.0, forecasts=100, partition="2020-02"),
        judged(january[1], 4.0, forecasts=100, partition="2020-02"),
        judged(february[0], 3.0, forecasts=300, partition="2020-02"),
        judged(february[1], 2.0, forecasts=300, partition="2020-02"),
    ]
    enter(registry, february, rows)
    found = {one.member: one for one in registry.standings(MARKET, RULE)}
    assert found["random_walk"].score == 0
    assert found["drift"].score == pytest.approx((500 + 400 + 600) / 500 - (500 + 100 + 900) / 500)
    told = registry.standings(MARKET, RULE.model_copy(update={"partitions": 1}))
    assert {one.version for one in told} == {one.id for one in february}


SCORES = st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0])  # sums of these are exact, so that ties are


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    ModelRegistry.open(f"sqlite:///{folder / 'empty.sqlite'}").close()  # migrated once, copied for each example

    def fresh():
        for number in itertools.count():
            shutil.copy(folder / "empty.sqlite", folder / f"{number}.sqlite")
            yield f"sqlite:///{folder / str(number)}.sqlite"

    return fresh()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_active_set_is_always_the_best_eligible(urls, data):
    """Whatever is registered, judged, promoted, retired or rolled back before, in whatever order of partitions."""
    registry = ModelRegistry.open(next(urls))
    rule = PromotionSettings(best=data.draw(st.integers(1, 3)), min_forecasts=100, partitions=2)
    known = {}
    order = data.draw(st.permutations([1, 2, 3]))
    for number in order:
        made = [version(member, month(number)) for member in MEMBERS]
        scores = {one.id: data.draw(SCORES) for one in made}
        counts = {one.id: data.draw(st.sampled_from([50, 100, 300])) for one in made}
        enter(registry, made, [judged(one, scores[one.id], forecasts=counts[one.id]) for one in made])
        known |= {one.id: (number, scores[one.id], counts[one.id]) for one in made}
        act = data.draw(st.sampled_from(["nothing", "promote", "retire", "roll back"]))
        chosen = registry.get(data.draw(st.sampled_from(sorted(known))))
        if act == "promote" and chosen.id not in _out(registry):
            registry.promote(chosen, [UP], rule=rule, **BY)
            assert chosen.id in active(registry)
        elif act == "retire" and chosen.id not in _out(registry):
            registry.retire(chosen, **BY)
        elif act == "roll back" and any(one.member == chosen.version.member for one in registry.active(MARKET, UP)):
            _try_rollback(registry, chosen.version.member, rule)
        registry.obey(MARKET, rule)
        assert_consistent(registry, rule.best)
        _assert_best(registry, rule, known)
    registry.close()


def _out(registry):
    return {event.version for event in registry.history() if event.happening in {"retired", "rolled_back"}}


def _try_rollback(registry, member, rule):
    with contextlib.suppress(IllegalTransitionError):  # nothing was active before
        registry.roll_back(MARKET, member, [UP], rule=rule, **BY)


def _assert_best(registry, rule, known):
    """The top models by score over the random walk of the same months, by their newest versions: reckoned anew."""
    newest = sorted({number for number, _, _ in known.values()})[-rule.partitions :]
    walk = {number: score for one, (number, score, _) in known.items() if one.startswith("random_walk")}
    weight = {number: count for one, (number, _, count) in known.items() if one.startswith("random_walk")}
    eligible = []
    for member in MEMBERS:
        fits = {number: one for one, (number, _, _) in known.items() if one.startswith(member) and number in newest}
        free = [number for number in fits if fits[number] not in _out(registry)]
        counts = {number: known[fits[number]][2] for number in fits}
        if not free or sum(counts.values()) < rule.min_forecasts:
            continue
        mine = sum(known[fits[number]][1] * counts[number] for number in fits) / sum(counts.values())
        walks = sum(walk[number] * weight[number] for number in fits) / sum(weight[number] for number in fits)
        version_ = fits[max(free)]
        eligible.append((-round(mine - walks, 9), max(free), registry.get(version_).number, version_))
    if not eligible:
        return
    places = registry.active(MARKET, UP)
    told = [one.version for one in places if one.who != "rule" and one.evidence == month(max(newest))]
    said = {one.split("/")[0] for one in told}
    ranked = [one for *_, one in sorted(eligible) if one.split("/")[0] not in said]
    assert {one.version for one in places} == {*told, *ranked[: rule.best - len(told)]}
