"""What rests on one bar, against what really changed when it was restated."""

import datetime as dt
import json

import polars as pl
import pytest
from rich.console import Console

from tests.projects import FIRST, LAST, LAYERS, MARKET, SMALL, SmallProject
from tradepipe.chain import LandingIndex, research, stale_partitions
from tradepipe.chain.blast_radius import NoSuchBarError, blast_radius
from tradepipe.commands.blast_radius import SessionError, show_blast_radius
from tradepipe.commands.project import Project
from tradepipe.commands.run import update
from tradepipe.execution import Journal
from tradepipe.settings import load_settings

pytestmark = pytest.mark.slow

SYMBOL, SESSION = "SPX", dt.date(2018, 6, 12)
SESSIONS = {
    "forecast_scores": "target_session",
    "evaluations": "test_last_session",
    "model_versions": "last_session",
}
DERIVED = tuple(layer for layer in LAYERS if layer not in ("raw_bars", "bars"))


def redeliver(small: SmallProject) -> None:
    """The vendor delivers June again, with another close of one bar."""
    file = small.landing("2018-06")
    header, *rows = file.read_text().splitlines()
    names = header.split(",")
    place = next(n for n, row in enumerate(rows) if row.startswith(f"{SYMBOL},{SESSION}"))
    fields = dict(zip(names, rows[place].split(","), strict=True))
    fields["Close"] = repr(float(fields["Close"]) * 1.0005)
    rows[place] = ",".join(fields.values())
    file.write_text("\n".join([header, *rows]) + "\n")


def opened(small: SmallProject) -> Project:
    one = Project(load_settings(environ={**SMALL, "TRADEPIPE_HOME": str(small.home)}))
    one.__dict__["runner"] = SmallProject.at(small.home).runner
    return one


def radius(small: SmallProject, symbol=SYMBOL, session=SESSION):
    return blast_radius(small.store, small.market, symbol, session, Journal.open(small.settings.journal_url))


def listed(found, **wanted) -> set[tuple[str, str]]:
    return {
        (one.layer, one.partition)
        for one in found.partitions
        if one.layer in DERIVED and all(getattr(one, name) == value for name, value in wanted.items())
    }


def rows_of(small: SmallProject, layer: str) -> pl.DataFrame:
    rows = small.store.read(f"{MARKET}/{layer}")
    return rows.with_columns(pl.col(SESSIONS.get(layer, "session")).dt.strftime("%Y-%m").alias("partition"))


@pytest.fixture(scope="module")
def worked_in(ready, tmp_path_factory):
    """A project before and after the restatement, and the partitions that were stale between."""
    import shutil

    home = tmp_path_factory.mktemp("blast") / "home"
    shutil.copytree(ready.home, home)
    small = SmallProject.at(home)
    redeliver(small)
    keys = small.market.partitions.keys(FIRST, LAST)
    landing = LandingIndex.read(small.settings.landing_folder, small.market, small.store)
    stale = stale_partitions(small.store.catalogue, small.market, keys, landing, research(small.market))
    pending = radius(small)
    update(opened(small), small.market, execute=False)
    return ready, small, {(one.layer, one.partition) for one in stale if one.layer in DERIVED}, pending


def test_before_it_is_worked_in_everything_rests_on_the_bar(worked_in):
    _, _, stale, pending = worked_in
    assert not pending.restated
    assert listed(pending, recomputed=False) == stale
    assert len(pending.versions) == 1


def test_afterwards_the_list_is_what_was_stale_and_all_of_it_was_computed_again(worked_in):
    before, small, stale, _ = worked_in
    found = radius(small)
    assert found.restated
    assert listed(found) == listed(found, recomputed=True) == stale
    renewed = {
        (layer, key)
        for layer in DERIVED
        for key, now in small.store.catalogue.current(f"{MARKET}/{layer}").items()
        if now.id != before.store.catalogue.current(f"{MARKET}/{layer}")[key].id
    }
    assert renewed == stale


def test_every_row_that_changed_lies_within_the_list(worked_in):
    before, small, *_ = worked_in
    first = {(one.layer, one.partition): one.first_session for one in radius(small).partitions}
    changed = 0
    for layer in DERIVED:
        was, now = rows_of(before, layer), rows_of(small, layer)
        for row in now.join(was, on=was.columns, how="anti", nulls_equal=True).to_dicts():
            assert row.get("symbol") == SYMBOL or layer not in ("bars", "indicators", "regimes")
            assert row[SESSIONS.get(layer, "session")] >= first[layer, row["partition"]]
            changed += 1
    assert changed > 100


def test_it_tells_both_words_and_where_they_were_delivered(worked_in):
    before, small, *_ = worked_in
    old, new = radius(small).versions
    bar = before.store.read(f"{MARKET}/bars").filter(symbol=SYMBOL, session=SESSION)
    assert old.close == bar["close"].item()
    assert new.close == pytest.approx(old.close * 1.0005)
    line = next(
        n
        for n, row in enumerate(small.landing("2018-06").read_text().splitlines(), start=1)
        if row.startswith(f"{SYMBOL},{SESSION}")
    )
    assert new.delivered_in == (f"{MARKET}/2018-06.csv:{line}",)
    assert old.delivered_in == ()
    assert (len(old.generations), len(new.generations)) == (1, 1)


def test_models_signals_and_orders_are_those_that_used_it(worked_in):
    before, small, *_ = worked_in
    found = radius(small)
    forecasts = before.store.read(f"{MARKET}/forecasts").filter(pl.col("session") >= SESSION)
    assert sum(use.rows for use in found.models) == forecasts.height
    assert {(use.model, use.horizon) for use in found.models} == set(forecasts.select("model", "horizon").rows())
    signals = before.store.read(f"{MARKET}/signals").filter(pl.col("session") >= SESSION)
    assert {(one.symbol, one.session) for one in found.signals} == set(signals.select("symbol", "session").rows())
    assert len(found.signals) == signals.height
    orders = before.store.read(f"{MARKET}/orders").filter(pl.col("session") >= SESSION)
    assert {one.client_order_id for one in found.orders} == set(orders["client_order_id"])
    assert {one.client_order_id for one in found.orders if one.sent} >= set(
        before.store.read(f"{MARKET}/fills").join(orders, on="client_order_id", how="semi")["client_order_id"]
    )


def test_a_bar_that_no_window_reaches_is_left_out(ready):
    """Members of September train on 121 bars before a refit of August: on late January, and not on its first bars.

    And forecasts of December look back on members' of September.
    """
    late, early = (radius(ready, session=dt.date(2018, 1, day)) for day in (31, 2))
    resting = {("member_forecasts", "2018-09"), ("forecasts", "2018-12"), ("signals", "2018-12")}
    assert listed(late) >= resting
    assert not listed(early) & resting
    lineage = ready.store.catalogue.current(f"{MARKET}/member_forecasts")["2018-09"]
    used = {one.partition for one in ready.store.catalogue.inputs([lineage.id])[lineage.id]}
    assert "2018-01" in used  # so that leaving it out is the window's doing


def test_what_was_computed_before_a_delivery_that_changed_nothing_rests_on_the_bar_too(project):
    """The bars' content stays, so that nothing after them is computed again: it names their earlier generation."""
    before = radius(project)
    assert listed(before)
    assert before.orders
    file = project.landing("2018-06")
    file.write_text(file.read_text() + file.read_text().splitlines()[-1] + "\n")
    assert project.run("raw_bars", "bars", first="2018-06", last="2018-08").success
    after = radius(project)
    assert not after.restated
    assert len(after.bars_generations) == 2
    assert listed(after, recomputed=False) == listed(before)
    assert (after.models, after.signals, after.orders) == (before.models, before.signals, before.orders)
    # Raw bars of June may be published again, too, before a later partition looks back on them.
    file.write_text(file.read_text() + "SPX,1999-01-04,,,,,,\n")
    assert project.run("raw_bars", first="2018-06", last="2018-06").success
    assert project.run("bars", first="2018-07", last="2018-07").success
    assert ("bars", "2018-07") in {
        (one.layer, one.partition) for one in radius(project).partitions if not one.recomputed
    }


def test_what_is_not_there_is_said(ready):
    with pytest.raises(NoSuchBarError, match="not in universe"):
        radius(ready, symbol="GONE")
    with pytest.raises(NoSuchBarError, match="no session"):
        radius(ready, session=dt.date(2018, 6, 9))


def test_the_command_tells_a_person_and_a_program(worked_in):
    _, small, *_ = worked_in
    project, console = opened(small), Console(record=True, width=140)
    show_blast_radius(project, [small.market], console, SYMBOL, str(SESSION))
    told = console.export_text()
    assert "computed again" in told
    assert "0 rest on it still" not in told  # the orders of old signals stand
    assert "orders were decided on it" in told
    console = Console(record=True, width=20)
    show_blast_radius(project, [small.market], console, SYMBOL, str(SESSION), as_json=True)
    (one,) = json.loads(console.export_text())
    assert one["symbol"] == SYMBOL
    assert len(one["versions"]) == 2
    with pytest.raises(SessionError, match="expected a date"):
        show_blast_radius(project, [small.market], console, SYMBOL, "June")
