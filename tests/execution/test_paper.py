import datetime as dt
from dataclasses import asdict, replace
from decimal import Decimal
from importlib import resources

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.execution.scenes import decision, make_bars, opening, sessions
from tradepipe.execution.model import Order, Side
from tradepipe.execution.venues import Ack, EndReport, PaperVenue, Reject, VenueOrder
from tradepipe.execution.venues.paper import VERSION_TABLE
from tradepipe.execution.venues.tables import metadata, orders
from tradepipe.settings.models import CostSettings
from tradepipe.store.database import migrate, open_engine

COSTS = CostSettings(fee_bps=Decimal(2), slippage_bps=Decimal(5))
DAYS = sessions()
DEADLINE = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
ORDER = Order(
    client_order_id="tp" + "a" * 26,
    market="m",
    account="a",
    symbol="AAA",
    side=Side.BUY,
    quantity=Decimal("10.5"),
    lot=Decimal("0.5"),
    session=DAYS[3],
    decided_at=decision(DAYS[3]),
    fills_from=decision(DAYS[3]),
    expires_at=decision(DAYS[3]) + dt.timedelta(days=5),
)


@pytest.fixture
def venue(journal_url):
    opened = PaperVenue.open(journal_url, market="m", account="a", costs=COSTS)
    yield opened
    opened.close()


def bars_of(number, *symbols):
    frame = make_bars().filter(pl.col("session") == DAYS[number])
    return frame.filter(pl.col("symbol").is_in(symbols)) if symbols else frame


def at_open(number, price):
    return bars_of(number, "AAA").with_columns(pl.lit(price).alias("open"))


def test_an_order_fills_at_the_next_open_worsened_by_slippage_and_pays_the_fee(venue):
    assert isinstance(venue.place(ORDER, DEADLINE), Ack)
    assert venue.advance(DAYS[3], at_open(3, 90.0)) == 0  # this bar opened before the decision
    assert venue.advance(DAYS[4], at_open(4, 100.0)) == 1
    (report,) = venue.reports_since(0)
    fill = report.fill
    assert (fill.price, fill.quantity, fill.side) == (Decimal("100.05"), Decimal("10.5"), Side.BUY)
    assert fill.fee == Decimal("100.05") * Decimal("10.5") * 2 / 10_000
    assert fill.slippage == Decimal("0.05") * Decimal("10.5")
    assert (fill.session, fill.filled_at, fill.client_order_id) == (DAYS[4], opening(DAYS[4]), ORDER.client_order_id)


def test_a_sell_receives_less(venue):
    venue.place(replace(ORDER, side=Side.SELL), DEADLINE)
    venue.advance(DAYS[4], at_open(4, 100.0))
    assert venue.reports_since(0)[0].fill.price == Decimal("99.95")


def test_an_order_sent_late_does_not_fill_at_an_open_that_was_past(venue):
    venue.place(replace(ORDER, fills_from=opening(DAYS[4]) + dt.timedelta(seconds=1)), DEADLINE)
    assert venue.advance(DAYS[4], bars_of(4)) == 0
    assert venue.advance(DAYS[5], bars_of(5)) == 1


def test_orders_of_an_older_book_fill_from_their_decision_on(journal_url, tmp_path):
    first = resources.files("tradepipe.execution") / "migrations" / "paper_venue" / "0001_book.py"
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / first.name).write_text(first.read_text())
    engine = open_engine(journal_url, durable=True)
    migrate(engine, tmp_path / "book", version_table=VERSION_TABLE)
    terms = {**asdict(ORDER), "quantity": "10.50000000", "side": "buy", "state": "open"}
    names = {column.name for column in orders.columns} & terms.keys() - {"fills_from"}
    with engine.begin() as connection:
        connection.execute(sa.insert(orders).values({name: terms[name] for name in names}))
    engine.dispose()
    venue = PaperVenue.open(journal_url, market="m", account="a", costs=COSTS)
    assert venue.advance(DAYS[3], bars_of(3)) == 0
    assert venue.advance(DAYS[4], bars_of(4)) == 1
    venue.close()


def test_advancing_again_changes_nothing(venue, journal_url):
    venue.place(ORDER, DEADLINE)
    venue.advance(DAYS[4], bars_of(4))
    reports = venue.reports_since(0)
    again = PaperVenue.open(journal_url, market="m", account="a", costs=COSTS)
    assert again.advance(DAYS[4], bars_of(4)) == 0
    assert again.advance(DAYS[5], bars_of(5)) == 0
    assert again.reports_since(0) == reports
    assert again.reports_since(reports[0].sequence) == []
    again.close()


def test_the_same_order_is_a_duplicate_also_after_its_fill(venue):
    first = venue.place(ORDER, DEADLINE)
    venue.advance(DAYS[4], bars_of(4))
    assert venue.place(ORDER, DEADLINE) == Ack(first.venue_order_id, duplicate=True)
    venue.advance(DAYS[5], bars_of(5))
    assert len(venue.reports_since(0)) == 1


@pytest.mark.parametrize("change", [{"side": Side.SELL}, {"quantity": Decimal(11)}, {"symbol": "BBB"}])
def test_the_same_id_with_other_terms_is_refused(venue, change):
    venue.place(ORDER, DEADLINE)
    assert venue.place(replace(ORDER, **change), DEADLINE) == Reject("duplicate_id")


@pytest.mark.parametrize("quantity", ["10.3", "0", "-1"])
def test_a_quantity_not_in_lots_is_refused_and_not_kept(venue, quantity):
    assert venue.place(replace(ORDER, quantity=Decimal(quantity)), DEADLINE) == Reject("quantity_not_in_lots")
    assert venue.query(ORDER.client_order_id) is None


def test_a_query_tells_the_order_through_its_life(venue):
    assert venue.query(ORDER.client_order_id) is None
    placed = venue.place(ORDER, DEADLINE)
    assert venue.query(ORDER.client_order_id) == VenueOrder(
        ORDER.client_order_id, placed.venue_order_id, "open", "AAA", Side.BUY, Decimal("10.5")
    )
    venue.advance(DAYS[4], bars_of(4))
    assert venue.query(ORDER.client_order_id).state == "filled"


def test_an_order_waits_for_a_bar_of_its_own_symbol(venue):
    venue.place(ORDER, DEADLINE)
    assert venue.advance(DAYS[4], bars_of(4, "BBB")) == 0
    assert venue.advance(DAYS[5], bars_of(5)) == 1


def test_an_order_that_meets_no_bar_in_time_expires(venue):
    venue.place(ORDER, DEADLINE)
    assert venue.advance(DAYS[9], bars_of(9)) == 1
    (report,) = venue.reports_since(0)
    assert isinstance(report, EndReport)
    assert (report.kind, report.reason, report.session) == ("EXPIRED", "no_bar_in_time", DAYS[9])
    assert report.at == ORDER.expires_at
    assert venue.query(ORDER.client_order_id).state == "expired"


def test_an_order_of_a_symbol_that_stops_trading_expires_with_the_others(venue):
    venue.place(ORDER, DEADLINE)
    assert venue.advance(DAYS[8], bars_of(8, "BBB")) == 0
    assert venue.advance(DAYS[9], bars_of(9, "BBB")) == 1
    assert [report.kind for report in venue.reports_since(0)] == ["EXPIRED"]
    assert venue.advance(DAYS[10], bars_of(10)) == 0


def test_time_passes_also_without_bars(venue):
    venue.place(ORDER, DEADLINE)
    nothing = bars_of(8).clear()
    assert venue.advance(DAYS[8], nothing) == 0
    assert venue.advance(DAYS[8], nothing, ORDER.expires_at - dt.timedelta(microseconds=1)) == 0
    assert venue.advance(DAYS[8], nothing, ORDER.expires_at) == 1


def test_an_order_that_meets_a_bar_in_time_fills_although_time_has_passed_its_end(venue):
    venue.place(ORDER, DEADLINE)
    venue.advance(DAYS[8], bars_of(8), ORDER.expires_at)
    assert [report.fill.filled_at for report in venue.reports_since(0)] == [opening(DAYS[8])]


def test_the_first_bar_counts_when_a_session_has_many_in_any_order(venue):
    venue.place(ORDER, DEADLINE)
    hours = [dt.timedelta(hours=hour) for hour in (3, 1, 2)]
    bars = pl.concat(
        [at_open(4, 100.0 + hour.seconds / 3600).with_columns(pl.col("open_time") + hour) for hour in hours]
    )
    venue.advance(DAYS[4], bars)
    (report,) = venue.reports_since(0)
    assert report.fill.filled_at == opening(DAYS[4]) + dt.timedelta(hours=1)
    assert report.fill.price == Decimal("101.0505")


def test_accounts_and_markets_do_not_see_each_other(venue, journal_url):
    venue.place(ORDER, DEADLINE)
    other = PaperVenue.open(journal_url, market="m", account="b", costs=COSTS)
    assert other.advance(DAYS[4], bars_of(4)) == 0
    venue.advance(DAYS[4], bars_of(4))
    assert other.reports_since(0) == []
    other.close()


@pytest.mark.slow
def test_a_fill_has_the_same_id_in_every_book(venue, tmp_path):
    other = PaperVenue.open(f"sqlite:///{tmp_path / 'other.sqlite'}", market="m", account="a", costs=COSTS)
    for book in (venue, other):
        book.place(ORDER, DEADLINE)
        book.advance(DAYS[4], bars_of(4))
    assert venue.reports_since(0) == other.reports_since(0)
    other.close()


def test_the_migration_makes_the_tables_that_the_code_describes(venue):
    with venue.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
