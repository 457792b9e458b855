"""Entering versions and evidence: idempotent, exact, refused as a whole when wrong."""

import dataclasses
import datetime as dt
import subprocess
import sys
from importlib import resources

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.forecasting.registry.making import (
    MARKET,
    NOW,
    assert_consistent,
    content,
    enter,
    frame,
    judged,
    version,
    window,
)
from tradepipe.forecasting.registry import ModelRegistryError, UnknownModelError, VersionConflictError
from tradepipe.forecasting.registry.opening import VERSION_TABLE
from tradepipe.forecasting.registry.tables import metadata
from tradepipe.store.database import downgrade, migrate, newest_revision, revision_of
from tradepipe.store.model import Input


def test_the_migrated_schema_is_the_one_in_tables(registry):
    with registry.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": lambda name, _kind, _parent: name != VERSION_TABLE}
        )
        assert compare_metadata(context, metadata) == []


def test_migrations_go_back_and_forth(registry):
    revisions = resources.files("tradepipe.forecasting.registry") / "migrations"
    downgrade(registry.engine, revisions, version_table=VERSION_TABLE, revision="base")
    assert revision_of(registry.engine, VERSION_TABLE) is None
    migrate(registry.engine, revisions, version_table=VERSION_TABLE)
    assert revision_of(registry.engine, VERSION_TABLE) == newest_revision(revisions)


def test_a_version_comes_back_as_it_was_registered(registry):
    made = version(parameters={"ar1": (-0.1, 0.2, 0.30000000000000004)})
    assert registry.register(MARKET, [made], "run-1") == [made.id]
    found = registry.get(made.id)
    assert vars(found.version) | {"data": made.data} == vars(made)
    assert registry.data(found) == made.data
    assert (found.status, found.regimes, found.supersedes, found.superseded_by) == ("candidate", (), None, None)
    assert (found.registered_at, found.run_id) == (NOW, "run-1")
    [event] = registry.history(found)
    assert (event.happening, event.before, event.after, event.run_id) == ("registered", None, "candidate", "run-1")


def test_registering_again_changes_nothing(registry):
    made = [version(member) for member in ("random_walk", "arma_garch")]
    registry.register(MARKET, made, "run-1")
    before = registry.all(), registry.history()
    assert registry.register(MARKET, made, "run-2") == []
    assert (registry.all(), registry.history()) == before


@pytest.mark.parametrize("alike", [True, False])
def test_a_version_that_comes_out_alike_names_its_newest_computation(registry, alike):
    # Other settings, or restated data that a baseline does not see: its parameters are the same.
    old = version("drift")
    [before] = enter(registry, [old])
    fits = Input(old.fits.dataset, old.fits.partition, old.fits.content if alike else content("other"), 8)
    new = version("drift", fits=fits, code_version="1-other", data=window("2020-01", 2), engines={"baseline": 1.0})
    assert registry.register(MARKET, [new, version("samossa")], "run-2") == ["samossa/2020-01/00000001"]
    found = registry.get(old.id)
    assert dataclasses.replace(found.version, data=new.data) == new
    assert registry.data(found) == new.data
    assert (found.number, found.status, found.superseded_by) == (before.number, "candidate", None)
    assert registry.history(found)[-1].why == "computed again, alike; before: fits 7, code 1-abcd"
    assert_consistent(registry)


def test_a_partition_computed_anew_supersedes(registry):
    old, new = version(digest="0000000a"), version(digest="0000000b")
    enter(registry, [old])
    [found] = enter(registry, [new])
    assert found.supersedes == old.id
    assert registry.get(old.id).superseded_by == new.id
    assert registry.history(registry.get(old.id))[-1].happening == "superseded"
    enter(registry, [old])  # the restatement was taken back
    assert registry.get(old.id).superseded_by is None
    assert registry.get(new.id).superseded_by == old.id
    assert_consistent(registry)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"mean": "arma(2, 0, 1)"}, "mean"),
        ({"variance": "garch(1, 1)"}, "variance"),
    ],
)
def test_an_id_never_stands_for_something_else(registry, other, named):
    registry.register(MARKET, [version()])
    with pytest.raises(VersionConflictError, match=f"registered already, with {named}.*Remedy"):
        registry.register(MARKET, [version(partition="2020-02"), version(**other)])
    assert [one.id for one in registry.all()] == [version().id]  # all or nothing


def test_two_versions_of_a_member_in_a_partition_are_refused(registry):
    with pytest.raises(ModelRegistryError, match="two versions of arma_garch in 2020-01"):
        registry.register(MARKET, [version(digest="0000000a"), version(digest="0000000b")])


def test_versions_of_another_market_are_refused(registry):
    with pytest.raises(ModelRegistryError, match="versions of other cannot be registered in toys"):
        registry.register(MARKET, [version(market="other")])


def test_training_data_is_kept_once_and_exactly(registry):
    months = [f"{year}-{month:02}" for year in (2018, 2019) for month in range(1, 13)]
    made = [version(member, month, data=window(month, 12)) for month in months for member in ("drift", "arma_garch")]
    registry.register(MARKET, made)
    restated = Input(f"{MARKET}/bars", "2018-07", content("restated"), 9_999)
    data = tuple(restated if one.partition == "2018-07" else one for one in window("2018-12", 12))
    again = version("drift", "2018-12", "0000000f", data=data)
    registry.register(MARKET, [again])
    for one in (*made, again):
        assert set(registry.data(registry.get(one.id))) == set(one.data), one.id
    with registry.engine.connect() as connection:
        count = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in metadata.tables}  # noqa: S608
    assert count["data_generations"] == len(months) + 11 + 1  # 11 months before the first, one restated
    assert count["trainings"] == len(months) + 1
    assert count["training_runs"] == len(months) + 3  # what was restated in the middle parts one window in three


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("arma_garch/2021", "no version 'arma_garch/2021' is registered in toys.*such as arma_garch/2020-01/0a0b0c0d"),
        ("arma_garch/2020", "'arma_garch/2020' is the beginning of 2 versions: toys arma_garch/2020-01/0a0b0c0d"),
        ("", "is the beginning of 3 versions"),
        ("0a", "is the beginning of 2 versions: toys arma_garch/2020-01/0a0b0c0d, toys drift/2020-01/0a0b0c0e"),
        ("%", "no version '%' is registered"),
        ("_rma_garch/2020-01", "no version"),
    ],
)
def test_names_that_are_no_version_s(registry, name, message):
    made = [
        version(digest="0a0b0c0d"),
        version("drift", digest="0a0b0c0e"),
        version(partition="2020-02", digest="11111111"),
    ]
    registry.register(MARKET, made)
    with pytest.raises(UnknownModelError, match=message) as caught:
        registry.get(name, MARKET)
    assert "Remedy" in str(caught.value)


def test_beginnings_and_digests_name_a_version(registry):
    registry.register(MARKET, [version(digest="0a0b0c0d"), version("drift", digest="0a0b0c0e")])
    for name in ("drift", "drift/2020-01/0a0b0c0e", "0a0b0c0e"):
        assert registry.get(name).id == "drift/2020-01/0a0b0c0e"


def test_the_same_id_in_two_markets_needs_the_market(registry):
    registry.register(MARKET, [version()])
    registry.register("games", [version(market="games")])
    with pytest.raises(UnknownModelError, match=r"games arma_garch.*toys arma_garch.*Remedy: --market"):
        registry.get(version().id)
    assert registry.get(version().id, "games").version.market == "games"


def test_the_newest_are_those_of_all_markets(registry):
    for market in (MARKET, "stocks"):
        made = [
            version("drift", f"2020-0{month}", market=market, last_session=dt.date(2020, month, 28)) for month in (1, 2)
        ]
        registry.register(market, made)
    assert [(one.version.market, one.version.partition) for one in registry.all(newest=2)] == [
        ("stocks", "2020-02"),
        (MARKET, "2020-02"),
    ]
    assert [one.version.partition for one in registry.all()] == ["2020-02", "2020-01"] * 2


def test_evidence_of_a_partition_is_replaced_as_a_whole(registry):
    one, two = version(), version("drift")
    enter(registry, [one, two], [judged(one, 3.0), judged(two, 2.0), judged(one, 1.0, partition="2020-02")])
    registry.judge(MARKET, frame([judged(two, 2.5)]), ["2020-01"])
    found = registry.evidence(MARKET)
    assert found.select("version", "partition", "log_score").rows() == [
        (one.id, "2020-02", 200.0),
        (two.id, "2020-01", 500.0),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([judged("drift/2020-01/ffffffff", 1.0, partition="2020-01")], "ffffffff is not registered.*Remedy"),
        ([judged(version(), 1.0), judged(version(), 2.0)], "holds version arma_garch/2020-01/00000001.*twice"),
        ([judged(version(), float("nan"))], "evidence holds log_score that is no number"),
        ([judged(version(), 1.0, partition="2020-02")], "evidence of 2020-02, which is none of 2020-01"),
    ],
)
def test_evidence_that_is_wrong_changes_nothing(registry, rows, message):
    enter(registry, [version()], [judged(version(), 3.0)])
    with pytest.raises(ModelRegistryError, match=message):
        registry.judge(MARKET, frame(rows), ["2020-01"])
    assert registry.evidence(MARKET)["log_score"].to_list() == [600.0]


def test_evidence_without_a_column_is_refused(registry):
    with pytest.raises(ModelRegistryError, match="evidence lacks the columns hits"):
        registry.judge(MARKET, frame([]).drop("hits"), [])


@pytest.mark.slow
def test_importing_is_light():
    heavy = {"statsmodels", "arch", "scipy", "pandas", "pandera", "matplotlib", "numba", "dagster", "alembic"}
    script = f"import sys, tradepipe.forecasting.registry; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
