"""A file's line is refused in the bytes that were there and in those that replaced them: both stand in quarantine."""

import datetime as dt
from pathlib import Path

import pytest

from tests.bars.series import walk
from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.chain import LandingIndex, LayerRun
from tradepipe.chain.releases import Place, ReleaseError, quarantined, release
from tradepipe.contracts import BARS_HISTORY, GAPS
from tradepipe.settings.sources import DeliverySettings, FileSource
from tradepipe.store import PartitionStore

KEY = "2018-01"
NOW = dt.datetime(2018, 3, 1, tzinfo=dt.UTC)
MARKET = build_market(
    symbols=["A"],
    start=dt.date(2018, 1, 1),
    source=FileSource(pattern="*.csv", symbol_column="Symbol", delivered=DeliverySettings(by="arrival")),
)
SESSIONS = [str(session) for session in MARKET.calendar.sessions(dt.date(2018, 1, 2), dt.date(2018, 1, 31))]
LAST = len(SESSIONS) + 1  # the line of the month's last session


@pytest.fixture
def store(tmp_path: Path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as opened:
        yield opened


def deliver(folder: Path, store: PartitionStore, day: int, last: str) -> None:
    """One file with the month's bars, of which `last` is the last; worked in as the assets do."""
    closes = walk(1, len(SESSIONS)).round(2)
    lines = [f"A,{session},{close},{close},{close},{close},10" for session, close in zip(SESSIONS, closes, strict=True)]
    (folder / "landing").mkdir(exist_ok=True)
    text = "\n".join(["Symbol,Date,Open,High,Low,Close,Volume", *lines[:-1], f"A,{SESSIONS[-1]},{last}"])
    (folder / "landing" / "a.csv").write_text(text + "\n")
    index = LandingIndex.read(folder / "landing", MARKET, store, now=NOW + dt.timedelta(days=day))
    raw_run = LayerRun(store, MARKET, "raw_bars", [KEY])
    raw = index.rows_of([KEY])
    index.keep(store, None)
    raw_run.publish(raw.rows, refused=raw.refused, inputs={KEY: index.inputs(KEY)})
    run = LayerRun(store, MARKET, "bars", [KEY])
    cleaned = clean_bars(run.place(run.read("raw_bars")), MARKET, run.read("releases"))
    beside = {"history": (BARS_HISTORY, cleaned.history), "gaps": (GAPS, cleaned.gaps)}
    run.publish(cleaned.bars, refused=cleaned.refused, beside=beside)


def test_both_words_of_a_line_are_in_quarantine_for_the_same_reason(tmp_path, store):
    deliver(tmp_path, store, 0, "100,90,95,97,10")
    deliver(tmp_path, store, 1, "100,91,95,97,10")
    refused = quarantined(store, MARKET)
    assert refused.select("file", "line", "reason").rows() == [("a.csv", LAST, "high_below_low")] * 2
    assert refused["row"].n_unique() == 2


def test_a_line_is_released_though_its_replaced_bytes_broke_a_rule(tmp_path, store):
    deliver(tmp_path, store, 0, "100,90,95,97,10")
    deliver(tmp_path, store, 1, "100,10000,95,97,10")
    place = Place("a.csv", LAST)
    assert sorted(quarantined(store, MARKET)["reason"]) == ["high_below_low", "wrong_unit"]
    assert release(store, MARKET, place, note="it is so", by="ann", now=NOW) == [KEY]
    deliver(tmp_path, store, 1, "100,10000,95,97,10")
    assert quarantined(store, MARKET)["reason"].to_list() == ["high_below_low"]
    assert store.read("here/bars")["quality"].to_list()[-1] == "wrong_unit"
    with pytest.raises(ReleaseError, match="high_below_low"):
        release(store, MARKET, place, note="and this", by="ann", now=NOW)
