"""Quarantine: looked at, released, taken back; and what no release lifts."""

import datetime as dt
import json
from typing import get_args

import pytest
from rich.console import Console

from tests.projects import MARKET, SMALL, SmallProject
from tradepipe.chain import stale_partitions
from tradepipe.chain.releases import RELEASABLE, Place, ReleaseError, quarantined, releases, remedy
from tradepipe.commands.project import Project
from tradepipe.commands.quarantine import release_row, show_list, show_row
from tradepipe.settings import load_settings
from tradepipe.settings.models import CleaningSettings

pytestmark = pytest.mark.slow

MONTH = "2018-09"
PLACE = f"{MARKET}/{MONTH}.csv:2"
NOW = dt.datetime(2019, 1, 2, 8, tzinfo=dt.UTC)


def opened(small: SmallProject) -> Project:
    one = Project(load_settings(environ={**SMALL, "TRADEPIPE_HOME": str(small.home)}))
    one.__dict__["runner"] = SmallProject.at(small.home).runner
    return one


def in_cents(small: SmallProject) -> None:
    """The high of the first bar of the month comes in another unit."""
    header, first, *_ = small.landing(MONTH).read_text().splitlines()
    row = dict(zip(header.split(","), first.split(","), strict=True))
    small.spoil(MONTH, High=repr(float(row["High"]) * 100))


def work_in(small: SmallProject) -> None:
    assert small.run("raw_bars", "bars", first=MONTH, last="2018-10").success  # October looks back on September


def printed(show, *arguments, **options) -> str:
    console = Console(record=True, width=200)
    show(*arguments[:2], console, *arguments[2:], **options)
    return console.export_text()


def stale(project: Project) -> list[str]:
    """Stale partitions of bars."""
    market = project.market(MARKET)
    found = stale_partitions(project.store.catalogue, market, project.keys(market), project.landing(market))
    return [one.partition for one in found if one.layer == "bars"]


def test_a_row_is_refused_released_published_and_refused_again(project):
    in_cents(project)
    one = opened(project)
    market, store = one.market(MARKET), one.store
    work_in(project)
    assert store.read(f"{MARKET}/bars", [MONTH]).height == 37
    listed = printed(show_list, one, [market])
    assert PLACE in listed
    assert "1 rows: wrong_unit 1" in listed
    assert f"remedy   tradepipe quarantine release {PLACE}" in printed(show_row, one, [market], PLACE)

    printed(release_row, one, [market], PLACE, note="really cents", by="ann", now=NOW)
    assert stale(one) == [MONTH]
    work_in(project)
    assert stale(one) == []
    bars = store.read(f"{MARKET}/bars", [MONTH])
    assert bars.height == 38
    assert bars.filter(quality="wrong_unit").height == 1
    assert quarantined(store, market).is_empty()
    assert "was released from wrong_unit by ann at 2019-01-02 08:00 UTC: really cents" in printed(
        show_row, one, [market], PLACE
    )
    named = store.catalogue.inputs([store.catalogue.current(f"{MARKET}/bars")[MONTH].id])
    assert f"{MARKET}/releases" in {used.dataset for inputs in named.values() for used in inputs}

    printed(release_row, one, [market], PLACE, note=None, by="ann", undo=True)
    work_in(project)
    assert store.read(f"{MARKET}/bars", [MONTH]).height == 37
    assert quarantined(store, market)["reason"].to_list() == ["wrong_unit"]
    assert releases(store, market).is_empty()
    with pytest.raises(ReleaseError, match="was released"):
        release_row(one, [market], Console(), PLACE, note=None, by="ann", undo=True)


def test_a_release_is_of_these_bytes(project):
    """A file that is delivered again, with another last line, is judged again."""
    in_cents(project)
    one = opened(project)
    market = one.market(MARKET)
    work_in(project)
    printed(release_row, one, [market], PLACE, note="really cents", by="ann", now=NOW)
    work_in(project)
    lines = project.landing(MONTH).read_text().splitlines()
    volume = lines[-1].split(",")[-1]
    lines[-1] = lines[-1].removesuffix(volume) + repr(float(volume) + 1)
    project.landing(MONTH).write_text("\n".join(lines) + "\n")
    work_in(project)
    assert quarantined(one.store, market)["reason"].to_list() == ["wrong_unit"]


def test_a_rule_of_the_contract_is_never_lifted(project):
    project.spoil(MONTH, Low="-5")
    one = opened(project)
    market = one.market(MARKET)
    work_in(project)
    with pytest.raises(ReleaseError, match=r"breaks a rule of the contract, price_not_positive.*may_be_negative: true"):
        release_row(one, [market], Console(), PLACE, note="trust me", by="ann")
    assert releases(one.store, market).is_empty()
    assert "may_be_negative" in printed(show_row, one, [market], PLACE)


@pytest.mark.parametrize(
    ("fields", "reason", "told"),
    [
        ({"Symbol": "NDX"}, "unknown_symbol", "universe us_indices"),
        ({"Date": "2018-09-02"}, "not_a_session", "calendar"),
        ({"Close": "cheap"}, "number_unreadable", "deliver it again"),
    ],
)
def test_what_ingest_refused_is_mended_elsewhere(project, fields, reason, told):
    project.spoil(MONTH, **fields)
    one = opened(project)
    market = one.market(MARKET)
    work_in(project)
    with pytest.raises(ReleaseError, match=rf"refused by \w+, {reason}.*Remedy: .*{told}"):
        release_row(one, [market], Console(), PLACE, note="trust me", by="ann")


def test_a_release_says_why(ready):
    one = opened(ready)
    with pytest.raises(ReleaseError, match="--reason-note"):
        release_row(one, [one.market(MARKET)], Console(), PLACE, note=" ", by="ann")
    with pytest.raises(ReleaseError, match="is in quarantine"):
        release_row(one, [one.market(MARKET)], Console(), PLACE, note="so", by="ann")
    with pytest.raises(ReleaseError, match="expected FILE:LINE"):
        show_row(one, [one.market(MARKET)], Console(), "june")
    with pytest.raises(ReleaseError, match="no row there"):
        show_row(one, [one.market(MARKET)], Console(), PLACE)


def test_the_list_is_chosen_from_and_printed_for_programs(project):
    project.spoil(MONTH, Symbol="NDX")
    one = opened(project)
    market = one.market(MARKET)
    work_in(project)
    (row,) = json.loads(printed(show_list, one, [market], symbol="NDX", as_json=True))
    assert (row["market"], row["reason"], row["line"]) == (MARKET, "unknown_symbol", 2)
    assert json.loads(row["row"])["Symbol"] == "NDX"
    for chosen in ({"symbol": "SPX"}, {"reason": "spike"}, {"layer": "bars"}):
        assert "Nothing is in quarantine of that kind" in printed(show_list, one, [market], **chosen)
    with pytest.raises(ReleaseError, match="no layer 'moods'"):
        show_list(one, [market], Console(), layer="moods")


def test_what_can_be_released_is_what_cleaning_may_refuse_by_judgement(ready):
    (choices,) = get_args(CleaningSettings.model_fields["refuse"].annotation)[:1]
    assert set(RELEASABLE) == set(get_args(choices))
    assert all(remedy(reason, ready.market) is None for reason in RELEASABLE)
    assert Place.parse("a:b/c.csv:12") == Place("a:b/c.csv", 12)
