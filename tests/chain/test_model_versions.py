"""Model versions of the chain: registered from published fits, judged by evaluations, traced both ways."""

import datetime as dt
import json
import math
from dataclasses import replace

import polars as pl
import pytest

from tests.projects import FIRST, LAST, MARKET, SmallProject
from tradepipe.chain import dataset
from tradepipe.chain.lineage import LineageError, trace
from tradepipe.chain.model_lineage import made_with, members_used, signal_of
from tradepipe.chain.models import OtherSpecsError, evidence_of, publish_versions
from tradepipe.chain.run import LayerRun
from tradepipe.contracts import EVALUATION_ORIGINS, EVALUATIONS, FITS, FORECAST_SCORES, MODEL_VERSIONS, REGIMES
from tradepipe.forecasting.evaluation import evaluate, judged, statistics
from tradepipe.forecasting.members import members_of
from tradepipe.forecasting.members.fits import version_of
from tradepipe.forecasting.registry import METRICS, ModelRegistry, metric
from tradepipe.forecasting.registry.metrics import ADDED
from tradepipe.markets import load_markets
from tradepipe.settings import load_settings
from tradepipe.settings.forecasts import ForecastSettings

pytestmark = pytest.mark.slow

DAILY = {"TRADEPIPE_MARKETS__US_INDICES__PARTITION": "session"}


@pytest.fixture
def registry(ready):
    opened = ModelRegistry.open(ready.settings.models_url)
    yield opened
    opened.close()


def read(small, layer, contract):
    return small.store.read(dataset(MARKET, layer), columns=list(contract.column_names))


def test_every_member_of_every_partition_is_registered(ready, registry):
    fits = read(ready, "member_forecasts.fits", FITS)
    found = registry.all(MARKET)
    assert {one.id for one in found} == set(fits["version"])
    rows = read(ready, "model_versions", MODEL_VERSIONS)
    assert {one.id for one in found} == set(rows["version"])
    assert set(rows["model"]) == set(ready.market.settings.forecasts.members)


def test_a_version_says_where_it_comes_from(ready, registry):
    one = registry.get("arma_garch/2018-12", MARKET)
    told, catalogue = one.version, ready.store.catalogue
    members = catalogue.current(dataset(MARKET, "member_forecasts"))["2018-12"]
    fits = catalogue.current(dataset(MARKET, "member_forecasts.fits"))["2018-12"]
    assert (told.fits.generation, told.fits.content) == (fits.id, fits.content)
    assert registry.data(one) == tuple(catalogue.inputs([members.id])[members.id])
    mine = read(ready, "member_forecasts.fits", FITS).filter(version=one.id)
    assert told.last_session == mine["trained_through"].max()
    first, count = mine.sort("trained_through").row(0, named=True)["trained_through"], mine["observations"].max()
    assert len(ready.market.calendar.sessions(told.first_session, first)) == count + 1  # prices of so many returns
    assert sum(told.engines.values()) == pytest.approx(1)
    assert (told.mean, told.variance) == ("arma(1, 0, 1)", "gjr(1, 1) zero mean t")


def test_parameters_are_summed_up_from_each_symbol_s_newest_fit(ready, registry):
    one = registry.get("arma_garch/2018-12", MARKET)
    mine = read(ready, "member_forecasts.fits", FITS).filter(version=one.id).sort("session")
    newest = [json.loads(text) for text in mine.group_by("symbol").agg(pl.col("parameters").last())["parameters"]]
    assert set(one.version.parameters) == set().union(*newest)
    for name, (least, median, most) in one.version.parameters.items():
        values = sorted(told[name] for told in newest if name in told)
        assert (least, most) == (values[0], values[-1])
        assert values[0] <= median <= values[-1]


def test_metrics_are_those_of_the_forecasts_that_the_version_made(ready, registry):
    scores, regimes = read(ready, "forecast_scores", FORECAST_SCORES), read(ready, "regimes", REGIMES)
    november = pl.col("session").dt.month() == 11
    mine = judged(scores, regimes).filter(november, pl.col("model") == "arma_garch")
    # The last targets come with December: they were forecast by November's version all the same.
    assert set(mine["target_session"].dt.month()) == {11, 12}
    expected = evaluate(statistics(mine), ["regime"]).sort("regime", "horizon")
    evidence = registry.evidence(MARKET, registry.get("arma_garch/2018-11", MARKET))
    assert set(evidence["partition"]) == {"2018-11", "2018-12"}
    summed = evidence.group_by("regime", "horizon").agg(pl.col(name).sum() for name in ADDED).sort("regime", "horizon")
    assert summed["forecasts"].to_list() == expected["forecasts"].to_list()
    for name in METRICS:
        found = summed.select(metric(name).alias("value"))["value"].fill_null(math.nan).to_list()
        assert found == pytest.approx(expected[name].fill_null(math.nan).to_list(), rel=1e-9, nan_ok=True), name


def test_every_judged_forecast_of_a_member_counts_for_one_version(ready, registry):
    sums, evidence = read(ready, "evaluations", EVALUATIONS), registry.evidence(MARKET)
    for (member,), own in evidence.group_by("member"):
        whole = sums.filter(model=member)
        assert own["forecasts"].sum() == whole["forecasts"].sum()
        assert own["squared_error"].sum() == pytest.approx(whole["squared_error"].sum(), rel=1e-12)


def test_the_rule_was_obeyed(ready, registry):
    rule = ready.market.settings.forecasts.promotion
    ranked = [one for one in registry.standings(MARKET, rule) if one.refusal is None]
    best = [one.version for one in ranked if one.regime == "unknown"][: rule.best]
    assert best
    assert {one.version for one in registry.active(MARKET, "unknown")} == set(best)


def test_running_again_changes_nothing(project: SmallProject):
    registry = ModelRegistry.open(project.settings.models_url)
    before = registry.all(), registry.active(), registry.history(), registry.evidence(MARKET)
    run = LayerRun(project.store, project.market, "model_versions", project.market.partitions.keys(FIRST, LAST))
    reports, noted = publish_versions(run, registry)
    assert not any(one.changed for one in reports)
    assert (noted["versions: new"], noted["versions: changes by rule"]) == (0, 0)
    after = registry.all(), registry.active(), registry.history(), registry.evidence(MARKET)
    assert after[:3] == before[:3]
    assert after[3].equals(before[3])
    registry.close()


def test_partitions_in_any_order_are_registered_and_judged_alike(project: SmallProject, registry):
    fresh = ModelRegistry.open(f"sqlite:///{project.home / 'other.sqlite'}")
    for key in ("2018-12", "2018-06", *project.market.partitions.keys(FIRST, LAST)[::-1]):
        publish_versions(LayerRun(project.store, project.market, "model_versions", [key]), fresh)
    assert {one.id for one in fresh.all()} == {one.id for one in registry.all()}
    key = ["version", "partition", "regime", "horizon"]
    assert fresh.evidence(MARKET).drop("number").sort(key).equals(registry.evidence(MARKET).drop("number").sort(key))
    rule = project.market.settings.forecasts.promotion
    told = [(one.regime, one.version, one.value) for one in registry.standings(MARKET, rule)]
    assert [(one.regime, one.version, one.value) for one in fresh.standings(MARKET, rule)] == told
    fresh.close()


def test_a_restated_partition_supersedes_its_versions(project: SmallProject):
    project.restate("2018-12")
    outcome = project.run(first="2018-12", last="2018-12")
    assert outcome.success, outcome.error
    registry = ModelRegistry.open(project.settings.models_url)
    found = [one for one in registry.all(MARKET, member="arma_garch") if one.version.partition == "2018-12"]
    old, new = sorted(found, key=lambda one: one.number)
    assert (old.superseded_by, new.supersedes) == (new.id, old.id)
    assert set(registry.evidence(MARKET)["version"]) == {one.id for one in registry.all() if not one.superseded_by}
    assert not {one.version for one in registry.active()} & {one.id for one in registry.all() if one.superseded_by}
    registry.close()


def test_settings_of_one_member_leave_the_others_their_versions(project: SmallProject):
    other = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__FORECASTS__ARMA_ORDER": "[2, 0, 1]"})
    outcome = other.run(first="2018-12", last="2018-12")
    assert outcome.success, outcome.error
    registry = ModelRegistry.open(other.settings.models_url)
    found = [one for one in registry.all(MARKET, member="arma_garch") if one.version.partition == "2018-12"]
    old, new = sorted(found, key=lambda one: one.number)
    assert (old.superseded_by, new.version.mean) == (new.id, "arma(2, 0, 1)")
    drift = registry.get("drift/2018-12", MARKET).version
    fits = other.store.catalogue.current(dataset(MARKET, "member_forecasts.fits"))["2018-12"]
    assert (drift.fits.generation, drift.fits.content) == (fits.id, fits.content)
    for one, generations in ((old.version, 1), (new.version, 1), (drift, 2)):
        made = made_with(other.store, other.market, one)
        assert [len(made["member_forecasts"]), len(made["forecasts"])] == [generations] * 2
    registry.close()


def test_versions_without_any_fit_are_told_apart_by_their_specs():
    members = [members_of(ForecastSettings(arma_order=order)) for order in ((1, 0, 1), (2, 0, 1))]
    one, two = ([version_of(member, "2018-01", []) for member in some] for some in members)
    assert [a == b for a, b in zip(one, two, strict=True)] == [True, True, True, False, True]
    assert len({name.split("/")[2] for name in one}) == 5


def test_versions_are_never_registered_under_other_settings(project: SmallProject):
    other = SmallProject.at(project.home, {"TRADEPIPE_MARKETS__US_INDICES__FORECASTS__ARMA_ORDER": "[2, 0, 1]"})
    registry = ModelRegistry.open(other.settings.models_url)
    before = registry.all()
    run = LayerRun(other.store, other.market, "model_versions", ["2018-12"])
    with pytest.raises(OtherSpecsError, match=r"member_forecasts 2018-12 was made with other settings.*Remedy"):
        publish_versions(run, registry)
    assert registry.all() == before
    registry.close()


def test_a_signal_leads_to_the_versions_it_rests_on(ready, registry):
    session = dt.date(2018, 12, 28)
    generation, decided_at = signal_of(ready.store, ready.market, "SPX", session)
    hops, _ = trace(
        ready.store,
        ready.market,
        ready.settings.landing_folder,
        generation=generation,
        symbol="SPX",
        decided_at=decided_at,
    )
    used = members_used(ready.store, ready.market, hops)
    # Of the ensemble: the members that it had, whatever the market's settings are by now.
    fewer = market_of(TRADEPIPE_MARKETS__US_INDICES__FORECASTS__MEMBERS='["random_walk", "arma_garch"]')
    mixed = [replace(hop, row=hop.row | {"model": "ensemble"}) if hop.layer == "forecasts" else hop for hop in hops]
    parts = members_used(ready.store, fewer, mixed)
    assert {one.member for one in parts} == set(ready.market.settings.forecasts.members)
    assert sum(one.weight for one in parts) == pytest.approx(1)
    model = ready.market.settings.strategy.model
    members = set(ready.market.settings.forecasts.members)
    assert {one.member for one in used} == (members if model == "ensemble" else {model})
    if model == "ensemble":
        assert sum(one.weight for one in used) == pytest.approx(1)
    for one in used:
        assert registry.get(one.version, MARKET).version.partition == "2018-12"
        assert one.session <= session
    made = made_with(ready.store, ready.market, registry.get(used[0].version).version)
    assert generation in {one.id for one in made["signals"]}
    assert {one.partition for generations in made.values() for one in generations} == {"2018-12"}


@pytest.mark.parametrize(
    ("symbol", "session", "message"),
    [
        ("NONE", "2018-12-28", "no signal of 'NONE' at 2018-12-28"),
        ("SPX", "2018-12-29", "no session of calendar XNYS.*Remedy"),
        ("SPX", "1950-01-03", "lies outside the market's sessions.*Remedy"),
    ],
)
def test_a_signal_that_is_not_there(ready, symbol, session, message):
    with pytest.raises(LineageError, match=message):
        signal_of(ready.store, ready.market, symbol, dt.date.fromisoformat(session))


def market_of(**more):
    return load_markets(load_settings(environ={"TRADEPIPE_HOME": "/nowhere", **more}))[MARKET]


def test_sums_of_session_partitions_count_for_the_version_that_made_them(ready):
    market = market_of(**DAILY)
    sums = read(ready, "evaluations.origins", EVALUATION_ORIGINS).filter(model="drift", horizon=5).head(2)
    days = {"made_in": pl.Series(["2018-02-12", "2018-02-13"]), "test_first_session": pl.lit(dt.date(2018, 2, 20))}
    found = evidence_of(market, sums.with_columns(**days), {("drift", "2018-02-12"): "drift/2018-02-12/a"})
    assert found.select("version", "partition").rows() == [("drift/2018-02-12/a", "2018-02-20")]
    assert found["forecasts"].to_list() == sums["forecasts"].head(1).to_list()
    assert evidence_of(market, sums, {}).is_empty()
