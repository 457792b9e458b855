import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tradepipe.execution.errors import DuplicateEntryError, LeaseHeldError
from tradepipe.execution.journal import GENESIS, VERSION_TABLE, Entry, Head, Journal
from tradepipe.execution.lease import lease
from tradepipe.execution.tables import journal as table
from tradepipe.execution.tables import metadata

DAY = dt.date(2018, 1, 5)
SHORT = dt.timedelta(milliseconds=100)


def entry(key, **payload):
    return Entry("CLOCK", key, "m", "a", DAY, payload or {"equity": "1.00000000"}, client_order_id=None)


@pytest.fixture
def journal(journal_url):
    opened = Journal.open(journal_url, clock=lambda: dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    yield opened
    opened.close()


def unguarded(journal, *statements):
    """Do what the database's guards forbid: as somebody with the file, or the server, could."""
    with journal.engine.begin() as connection:
        if journal.engine.dialect.name == "sqlite":
            for name in ("journal_no_update", "journal_no_delete", "journal_chain", "journal_no_replace"):
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(sa.text("ALTER TABLE journal DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(statement)


def test_rows_come_back_as_written_and_in_a_chain(journal):
    rows = journal.append([entry("1"), entry("2", marks={"A": "1"})], "run-1") + journal.append([entry("3")])
    assert list(journal.rows()) == rows
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.prev_hash for row in rows] == [GENESIS, rows[0].row_hash, rows[1].row_hash]
    assert [row.run_id for row in rows] == ["run-1", "run-1", None]
    assert journal.head() == Head(3, rows[-1].row_hash)
    assert journal.verify().ok
    assert journal.verify(Head(2, rows[1].row_hash)).rows == 3


def test_the_hash_of_a_row_never_changes_between_versions(journal):
    (row,) = journal.append([entry("clock/m/a/2018-01-05")], "run-1")
    assert row.row_hash == "015b669b9b8fa9b77d0dd36d799e13cec4609b97a5eb033021993f2ff50eed09"


def test_an_empty_journal_is_whole(journal):
    assert journal.verify().ok
    assert journal.head() == Head()
    assert journal.append([]) == []


def test_rows_are_selected_by_market_account_and_order(journal):
    order = "tp" + "a" * 26
    other = Entry("DENIED", "x", "n", "b", DAY, {}, order)
    journal.append([entry("1"), other])
    assert [row.entry for row in journal.rows(market="n")] == [other]
    assert [row.entry for row in journal.rows(account="b")] == [other]
    assert [row.entry for row in journal.rows(client_order_id=order)] == [other]
    assert [row.entry.key for row in journal.rows(market="m", account="a")] == ["1"]


@pytest.mark.parametrize("batch", [["2", "1"], ["2", "2"]])
def test_a_key_that_is_there_stops_the_whole_batch(journal, batch):
    journal.append([entry("1")])
    with pytest.raises(DuplicateEntryError, match="another process writes"):
        journal.append([entry(key) for key in batch])
    assert journal.head().seq == 1


def test_a_float_is_refused_before_anything_is_written(journal):
    with pytest.raises(TypeError, match=r"0\.5 is a float"):
        journal.append([entry("1", marks={"A": [0.5]})])
    assert journal.head() == Head()


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(table).values(payload="{}"),
        sa.delete(table),
        sa.delete(table).where(table.c.seq == 2),
        sa.text("UPDATE journal SET run_id = 'x' WHERE seq = 1"),
    ],
)
def test_the_database_refuses_to_change_or_remove_rows(journal, statement):
    journal.append([entry("1"), entry("2")])
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), journal.engine.begin() as connection:
        connection.execute(statement)
    assert journal.verify().rows == 2


def test_the_database_refuses_to_empty_or_replace(journal):
    (row,) = journal.append([entry("1")])
    statements = {
        "sqlite": "INSERT OR REPLACE INTO journal VALUES "
        "(2, :head, 'h', 'CLOCK', '1', 'm', 'a', NULL, '2018-01-05', NULL, 't', '{}')",
        "postgresql": "TRUNCATE journal",
    }
    statement = sa.text(statements[journal.engine.dialect.name])
    values = {"head": row.row_hash} if ":head" in statement.text else {}
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), journal.engine.begin() as connection:
        connection.execute(statement, values)
    assert journal.verify().rows == 1


@pytest.mark.parametrize(("seq", "prev_hash"), [(3, None), (2, "0" * 64), (1, GENESIS)])
def test_the_database_refuses_a_row_out_of_the_chain(journal, seq, prev_hash):
    (row,) = journal.append([entry("1")])
    values = {"seq": seq, "prev_hash": prev_hash or row.row_hash, "row_hash": "h", "kind": "CLOCK", "key": "2"}
    values |= {"market": "m", "account": "a", "session": DAY, "recorded_at": "t", "payload": "{}"}
    with pytest.raises(sa.exc.IntegrityError, match="continue the chain"), journal.engine.begin() as connection:
        connection.execute(sa.insert(table).values(values))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "FILL"),
        ("key", "other"),
        ("market", "other"),
        ("account", "other"),
        ("client_order_id", "other"),
        ("session", dt.date(2018, 1, 8)),
        ("run_id", "other"),
        ("recorded_at", "2020-01-01T00:00:00.000001+00:00"),
        ("payload", '{"equity":"2.00000000"}'),
        ("row_hash", "f" * 64),
    ],
)
def test_a_changed_row_is_found_by_number(journal, column, value):
    journal.append([entry(str(number)) for number in range(1, 6)], "run-1")
    unguarded(journal, sa.update(table).where(table.c.seq == 3).values({column: value}))
    found = journal.verify()
    assert not found.ok
    assert (found.broken_seq, found.rows) == (3, 2)
    assert found.reason == "row 3 was changed after it was written"


def test_a_removed_row_is_found(journal):
    journal.append([entry(str(number)) for number in range(1, 6)])
    unguarded(journal, sa.delete(table).where(table.c.seq == 2))
    assert journal.verify().reason == "row 2 is missing"


def test_a_rewritten_row_with_a_new_hash_of_its_own_breaks_the_next(journal, tmp_path):
    journal.append([entry(str(number)) for number in range(1, 6)])
    forger = Journal.open(f"sqlite:///{tmp_path / 'forged.sqlite'}")
    forged = forger.append([entry("1"), entry("2", equity="9")])[1]
    forger.close()
    change = {"payload": '{"equity":"9"}', "row_hash": forged.row_hash, "recorded_at": forged.recorded_at}
    unguarded(journal, sa.update(table).where(table.c.seq == 2).values(change))
    assert journal.verify().broken_seq in {2, 3}


def test_rows_cut_off_at_the_end_are_found_with_a_witness_only(journal):
    rows = journal.append([entry(str(number)) for number in range(1, 6)])
    witness = Head(rows[-1].seq, rows[-1].row_hash)
    assert journal.verify(witness).ok
    unguarded(journal, sa.delete(table).where(table.c.seq > 3))
    assert journal.verify().ok
    assert journal.verify(witness).broken_seq == 5


def test_writers_at_the_same_time_keep_one_chain(journal_url, journal):
    def write(writer):
        own = Journal.open(journal_url)
        for number in range(10):
            own.append([entry(f"{writer}/{number}/{part}") for part in range(3)])
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert journal.verify().rows == 120
    assert journal.verify().ok


def test_one_key_is_written_by_one_of_two_writers(journal_url, journal):
    barrier, outcomes = threading.Barrier(2), []

    def write(name):
        own = Journal.open(journal_url)
        for number in range(10):
            barrier.wait()
            try:
                own.append([entry(f"sending/{number}")], name)
                outcomes.append(number)
            except DuplicateEntryError:
                pass
        own.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("one", "two")))
    assert sorted(outcomes) == list(range(10))
    assert journal.head().seq == 10


def test_a_lease_is_held_by_one_at_a_time(journal):
    with lease(journal.engine, "m/a", SHORT) as still_held:
        still_held()
        with (
            pytest.raises(LeaseHeldError, match="m/a: another process is trading"),
            lease(journal.engine, "m/a", SHORT),
        ):
            pytest.fail("both hold it")
        with lease(journal.engine, "m/b", SHORT):
            pass
    with lease(journal.engine, "m/a", SHORT):
        pass


def test_the_migration_makes_the_tables_that_the_code_describes(journal):
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
