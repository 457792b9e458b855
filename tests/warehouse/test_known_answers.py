"""What each mart says of packaged bars with holes, computed a second time by polars."""

import datetime as dt
import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.warehouse.conftest import HOLES, KEYS
from tradepipe.chain.mart_run import MartRun
from tradepipe.chain.marts import stale_marts
from tradepipe.contracts import FORECAST_SCORES, ContractError
from tradepipe.store import PartitionStore
from tradepipe.warehouse import load_marts, ordered, read_mart

MONTHS = {"2018-01": 21, "2018-02": 19, "2018-03": 21}


@pytest.fixture
def compute(published, market, marts, engines):
    """Publish every mart, and give the rows of one."""

    def computes(name: str, *, publish: tuple[str, ...] = ("symbol_sessions",)) -> pl.DataFrame:
        for one in publish:
            run = MartRun(published, market, marts, one, KEYS)
            run.publish(run.compute(engines["duckdb"]))
        found = MartRun(published, market, marts, name, KEYS).compute(engines["duckdb"])
        return found.drop("partition").sort(marts[name].header.key)

    return computes


@pytest.fixture
def returns(packaged, market):
    """Sessions with the log return from the session before, where both are there."""
    numbers = {
        day: number for number, day in enumerate(market.calendar.sessions(dt.date(2018, 1, 1), dt.date(2018, 3, 31)))
    }
    frame = packaged.sort("symbol", "session").with_columns(number=pl.col("session").replace_strict(numbers))
    neighbour = pl.col("number").diff().over("symbol") == 1
    made = (pl.col("close") / pl.col("close").shift(1).over("symbol")).log()
    return frame.with_columns(log_return=pl.when(neighbour).then(made), notional=pl.col("close") * pl.col("volume"))


def test_symbol_sessions(compute, returns):
    found = compute("symbol_sessions", publish=())
    there = found.filter(pl.col("present") == 1)
    wanted = returns.select("symbol", "session", "open", "high", "low", "close", "volume", "notional", "log_return")
    assert_frame_equal(there.select(wanted.columns), wanted.sort("symbol", "session"), rel_tol=1e-12)
    assert found["expected"].to_list() == [1] * 122
    assert set(found.filter(pl.col("present") == 0).select("symbol", "session").iter_rows()) == HOLES
    assert found.filter(pl.col("flagged") > 0)["session"].to_list() == [dt.date(2018, 2, 5), dt.date(2018, 2, 6)]


@pytest.mark.slow
def test_a_stranger_has_no_return_across_a_session_it_lacks(store, market, marts, engine, packaged):
    from tests.warehouse.conftest import publish

    days = [dt.date(2018, 1, day) for day in (2, 3, 5)]  # the 4th is a session too
    strange = packaged.filter(pl.col("symbol") == "SPX", pl.col("session").is_in(days)).with_columns(symbol=pl.lit("X"))
    publish(store, market, pl.concat([packaged, strange]))
    found = MartRun(store, market, marts, "symbol_sessions", KEYS).compute(engine).filter(symbol="X").sort("session")
    assert found["session"].to_list() == days
    assert found["expected"].to_list() == [0, 0, 0]
    assert found["log_return"].is_null().to_list() == [True, False, True]


def test_daily_market_summary(compute, returns):
    found = compute("daily_market_summary")
    wanted = returns.group_by("session").agg(
        symbols=pl.len().cast(pl.Int64),
        advancing=(pl.col("log_return") > 0).sum().cast(pl.Int64),
        declining=(pl.col("log_return") < 0).sum().cast(pl.Int64),
        notional=pl.sum("notional"),
        mean_return=pl.mean("log_return"),
        dispersion=pl.std("log_return"),
        best=pl.col("symbol").sort_by("log_return", descending=True, nulls_last=True).first(),
        worst_return=pl.min("log_return"),
    )
    both = found.join(wanted, on="session", suffix="_wanted").filter(pl.col("mean_return").is_not_null())
    # The market's first session has no return, nor has 1 February, of which one symbol lacks it and one the day before.
    assert both.height == found.height - 2 == wanted.height - 2
    for name in wanted.columns[1:]:
        expected = both[f"{name}_wanted"].alias(name)
        if expected.dtype == pl.Float64:
            assert_frame_equal(both.select(name), expected.to_frame(), rel_tol=1e-9)
        else:
            assert both[name].to_list() == expected.to_list()


def test_quality_scorecard(compute):
    found = compute("quality_scorecard")
    assert found.filter(symbol="IXIC").select("expected", "present", "missing", "missing_unknown").rows() == [
        (21, 21, 0, 0), (19, 17, 2, 2), (21, 21, 0, 0),
    ]  # fmt: skip
    february = found.row(
        by_predicate=(pl.col("symbol") == "IXIC") & (pl.col("month") == dt.date(2018, 2, 1)), named=True
    )
    assert (february["refused"], february["refused_mostly"], february["repeated"]) == (3, "high_below_low", 0)
    assert february["completeness"] == pytest.approx(17 / 19)
    assert february["soundness"] == pytest.approx(1 - 3 / 20)
    assert february["score"] == pytest.approx(17 / 19 * (1 - 3 / 20))
    halted = found.row(by_predicate=(pl.col("symbol") == "SPX") & (pl.col("month") == dt.date(2018, 1, 1)), named=True)
    assert (halted["missing"], halted["missing_halt"], halted["score"]) == (1, 1, 1.0)  # nobody has those bars
    flagged = found.row(by_predicate=(pl.col("symbol") == "SPX") & (pl.col("month") == dt.date(2018, 2, 1)), named=True)
    assert flagged["score"] == pytest.approx(1 - 2 / 2 / 19)


def test_quality_findings(compute):
    assert compute("quality_findings").rows() == [
        ("IXIC", dt.date(2018, 2, 1), "missing", "unknown", 2),
        ("IXIC", dt.date(2018, 2, 1), "refused", "duplicate", 1),
        ("IXIC", dt.date(2018, 2, 1), "refused", "high_below_low", 2),
        ("SPX", dt.date(2018, 1, 1), "missing", "halt", 1),
        ("SPX", dt.date(2018, 2, 1), "flagged", "spike", 2),
    ]


def test_gap_report(compute):
    found = compute("gap_report").select("symbol", "session", "bars", "reason", "place", "symbol_gaps", "symbol_bars")
    assert found.rows() == [
        ("IXIC", dt.date(2018, 2, 1), 2, "unknown", 1, 1, 2),
        ("SPX", dt.date(2018, 1, 31), 1, "halt", 2, 1, 1),
    ]


def test_universe_coverage(compute):
    found = compute("universe_coverage")
    assert found.height == sum(MONTHS.values())
    assert found["members"].unique().to_list() == [2]
    absent = found.filter(pl.col("covered") < 2).select("session", "covered", "coverage", "first_absent")
    assert absent.rows() == [
        (dt.date(2018, 1, 31), 1, 0.5, "SPX"),
        (dt.date(2018, 2, 1), 1, 0.5, "IXIC"),
        (dt.date(2018, 2, 2), 1, 0.5, "IXIC"),
    ]


@pytest.mark.slow
def test_liquidity_ranking(compute, returns):
    found = compute("liquidity_ranking")
    simple = pl.col("log_return").exp() - 1
    wanted = (
        returns.with_columns(month=pl.col("session").dt.month_start())
        .group_by("month", "symbol")
        .agg(
            sessions=pl.len().cast(pl.Int64),
            notional=pl.sum("notional"),
            illiquidity=(simple.abs() / pl.col("notional")).filter(pl.col("notional") > 0).mean() * 1e6,
        )
        .with_columns(adv=pl.col("notional") / pl.col("sessions"))
        .with_columns(
            place=pl.col("adv").rank("min", descending=True).over("month").cast(pl.Int64),
            share=pl.col("notional") / pl.col("notional").sum().over("month"),
        )
        .sort("month", "symbol")
    )
    assert_frame_equal(found, wanted.select(found.columns), rel_tol=1e-9, abs_tol=1e-18)


@pytest.mark.slow
def test_market_summary(compute, packaged):
    found = compute("market_summary")
    wanted = packaged.group_by("symbol").agg(
        bars=pl.len().cast(pl.Int64),
        first_session=pl.min("session"),
        last_session=pl.max("session"),
        first_close=pl.col("close").sort_by("session").first(),
        last_close=pl.col("close").sort_by("session").last(),
        lowest=pl.min("low"),
        highest=pl.max("high"),
        mean_volume=pl.mean("volume"),
    )
    assert_frame_equal(found, wanted.sort("symbol"), rel_tol=1e-12)


def test_forecast_accuracy(compute, published):
    at = dt.datetime(2018, 2, 1, 14, 30, tzinfo=dt.UTC)
    target = [at + dt.timedelta(days=n) for n in range(4)]
    sure = {
        **dict.fromkeys(("session", "fitted_through"), at.date()),
        **dict.fromkeys(("absolute_error", "sape", "log_score", "crps", "qlike"), 1.0),
        **dict.fromkeys(("inside_80", "inside_90", "is_fallback"), False),
        "symbol": "SPX",
        "model": "arma",
        "horizon": 1,
        "open_time": at,
        "realised_return": 0.01,
    }
    rows = [
        sure
        | {"target_open_time": target[n], "target_session": target[n].date()}
        | {"squared_error": error, "direction_hit": hit, "inside_95": inside}
        for n, (error, hit, inside) in enumerate([(0.04, True, True), (0.01, False, True), (0.04, None, False)], 1)
    ]
    frame = FORECAST_SCORES.arrange(pl.DataFrame(rows, schema=FORECAST_SCORES.polars_schema))
    published.publish("us_indices/forecast_scores", {"2018-02": frame}, FORECAST_SCORES, code_version="1", inputs={})
    (row,) = compute("forecast_accuracy").rows()
    assert row == ("SPX", 1, "arma", 3, pytest.approx(math.sqrt(0.03)), pytest.approx(50.0), pytest.approx(200 / 3))


@pytest.mark.slow
def test_a_partition_alone_equals_it_in_a_range_and_twice_is_the_same(published, market, marts, engines):
    def contents():
        current = published.catalogue.current("us_indices/symbol_sessions")
        return {key: (one.content, one.id) for key, one in current.items()}

    def run(*keys):
        one = MartRun(published, market, marts, "symbol_sessions", list(keys))
        return one.publish(one.compute(engines["duckdb"]))

    run(*KEYS)
    whole = contents()
    assert [report.changed for report in run(*KEYS)] == [False] * 3
    for key in reversed(KEYS):
        assert [report.changed for report in run(key)] == [False]
    assert contents() == whole


@pytest.mark.slow
@pytest.mark.parametrize("cut", [dt.date(2018, 1, 31), dt.date(2018, 2, 7), dt.date(2018, 3, 15)])
def test_what_came_later_changes_nothing_before(store, published, market, marts, engines, packaged, tmp_path, cut):
    from tests.warehouse.conftest import publish

    whole = MartRun(published, market, marts, "symbol_sessions", KEYS).compute(engines["duckdb"])
    with PartitionStore.open(tmp_path / "other", f"sqlite:///{tmp_path / 'o.sqlite'}", store.grace) as other:
        publish(other, market, packaged.filter(pl.col("session") <= cut))
        part = MartRun(other, market, marts, "symbol_sessions", KEYS).compute(engines["duckdb"])
    last = part["session"].max()
    assert part["session"].max() <= cut
    assert_frame_equal(
        part.sort("symbol", "session"), whole.filter(pl.col("session") <= last).sort("symbol", "session")
    )


@pytest.mark.slow
def test_an_empty_market_gives_empty_marts(store, market, marts, engine):
    for name, mart in marts.items():
        run = MartRun(store, market, marts, name, KEYS)
        frame = run.compute(engine)
        assert frame.drop("partition").schema == mart.contract.polars_schema
        assert [report.rows for report in run.publish(frame)] == [0] * (3 if mart.partitioned else 1)
    assert stale_marts(store.catalogue, market, marts, KEYS) == []


@pytest.mark.slow
def test_staleness_follows_content_code_and_marts_before(published, market, marts, engines, packaged, tmp_path):
    from tests.warehouse.conftest import publish

    def run(*names, keys=KEYS):
        for name in names:
            one = MartRun(published, market, marts, name, keys)
            one.publish(one.compute(engines["duckdb"]))

    def stale(among=marts):
        return {(one.layer, one.partition): one.reason for one in stale_marts(published.catalogue, market, among, KEYS)}

    assert set(stale().values()) >= {"never published"}
    run(*marts)
    assert stale() == {}
    publish(
        published,
        market,
        packaged.with_columns(volume=pl.when(pl.col("session").dt.month() == 2).then(1.0).otherwise("volume")),
    )
    found = stale()
    assert found["symbol_sessions", "2018-02"] == "us_indices/bars/2018-02 has other content"
    assert ("symbol_sessions", "2018-03") in found  # it looks back to the last session of February
    assert ("symbol_sessions", "2018-01") not in found
    assert found["market_summary", "all"] == "symbol_sessions 2018-02 is stale"
    assert ("gap_report", "all") not in found
    run(*marts)
    changed = tmp_path / "gap_report.sql"
    changed.write_text(marts["gap_report"].file.read_text().replace("WHERE bars > 0", "WHERE bars > 1"))
    others = ordered([*(mart for mart in marts.values() if mart.name != "gap_report"), read_mart(changed)])
    assert list(stale(others)) == [("gap_report", "all")]
    assert stale(others)["gap_report", "all"].startswith("code or settings changed")


def test_a_broken_contract_publishes_nothing(published, market, engines, tmp_path):
    (tmp_path / "prices.sql").write_text(
        "/*\ndescription: d\nkey: [symbol]\ncolumns:\n  symbol: {type: text, description: s}\n"
        "  top: {type: number, maximum: 7500, description: t}\n*/\n"
        "SELECT symbol, max(high) AS top FROM ref('bars') GROUP BY symbol"
    )
    run = MartRun(published, market, load_marts(tmp_path), "prices", [])
    with pytest.raises(ContractError, match=r"us_indices/prices partition all: contract broken, nothing was published"):
        run.publish(run.compute(engines["duckdb"]))
    assert "us_indices/prices" not in published.catalogue.datasets()
