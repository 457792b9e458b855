"""Engines, migrations and the write lock, on both databases."""

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from tests.store.workers import PROCESSES, migrate_at_the_barrier, run_all
from tradepipe.store import (
    DatabaseUrlError,
    MigrationError,
    StoreBusyError,
    UtcDateTime,
    database,
    downgrade,
    migrate,
    open_engine,
    writing,
)
from tradepipe.store.database import newest_revision, revision_of
from tradepipe.store.store import MIGRATIONS, VERSION_TABLE
from tradepipe.store.tables import metadata

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def engine(database_url):
    opened = open_engine(database_url, durable=True)
    yield opened
    opened.dispose()


def scalar(engine, query):
    with engine.connect() as connection:
        return connection.scalar(sa.text(query))


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_sqlite_is_set_up_for_many_processes(tmp_path, durable, level):
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'folder' / 'a.sqlite'}", durable=durable)
    assert scalar(engine, "PRAGMA journal_mode") == "wal"
    assert scalar(engine, "PRAGMA synchronous") == level
    assert scalar(engine, "PRAGMA foreign_keys") == 1
    assert scalar(engine, "PRAGMA busy_timeout") == 60_000
    engine.dispose()


@pytest.mark.parametrize("url", ["nonsense", "mysql://me:secret@host/db", "sqlite://", "sqlite:///:memory:", "pg:x"])
def test_other_addresses_are_refused_with_a_remedy(url):
    with pytest.raises(DatabaseUrlError, match="Remedy: sqlite:///file") as caught:
        open_engine(url, durable=True)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_a_plain_postgresql_address_means_psycopg2(postgres_url):
    engine = open_engine(postgres_url, durable=True)
    assert engine.driver == "psycopg2"
    assert scalar(engine, "SELECT 1") == 1
    engine.dispose()


@pytest.mark.slow
def test_the_migrated_schema_is_the_one_in_tables(engine):
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": lambda name, _kind, _parent: name != VERSION_TABLE}
        )
        assert compare_metadata(context, metadata) == []


def test_one_step_down_and_up_again(engine):
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    head = revision_of(engine, VERSION_TABLE)
    downgrade(engine, MIGRATIONS, version_table=VERSION_TABLE, revision="-1")
    assert revision_of(engine, VERSION_TABLE) != head
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    assert revision_of(engine, VERSION_TABLE) == head == newest_revision(MIGRATIONS)
    assert set(metadata.tables) <= set(sa.inspect(engine).get_table_names())


def test_file_names_say_the_revisions_that_alembic_finds():
    scripts = ScriptDirectory(str(MIGRATIONS.parent), version_locations=[str(MIGRATIONS)])
    named = sorted(path.name[:4] for path in MIGRATIONS.glob("0*.py"))
    assert [script.revision for script in scripts.walk_revisions()] == named[::-1]
    assert scripts.get_current_head() == newest_revision(MIGRATIONS)


def test_two_schemas_share_a_database(engine, tmp_path):
    (tmp_path / "0001_other.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.create_table('other', sa.Column('id', sa.Integer, primary_key=True))\n"
        "def downgrade():\n    op.drop_table('other')\n"
    )
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    migrate(engine, tmp_path, version_table="other_version")
    downgrade(engine, MIGRATIONS, version_table=VERSION_TABLE, revision="base")
    assert revision_of(engine, "other_version") == "0001"
    assert set(sa.inspect(engine).get_table_names()) == {"other", "other_version", VERSION_TABLE}


def test_a_failing_migration_leaves_nothing_behind(engine, tmp_path):
    (tmp_path / "0001_broken.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.create_table('half', sa.Column('id', sa.Integer))\n"
        "    raise RuntimeError('power cut')\n"
    )
    with pytest.raises(RuntimeError, match="power cut"):
        migrate(engine, tmp_path, version_table="broken_version")
    assert sa.inspect(engine).get_table_names() == []


def test_a_database_of_a_newer_tradepipe_is_left_alone(engine):
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    with writing(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608 - our own name
    with pytest.raises(MigrationError, match=r"revision 9999, this tradepipe knows \d{4} at most.*Remedy"):
        migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)


def test_a_folder_without_revisions_is_an_error(engine, tmp_path):
    with pytest.raises(MigrationError, match="no migration files"):
        migrate(engine, tmp_path, version_table="empty_version")


@pytest.mark.slow
def test_an_up_to_date_database_costs_no_alembic(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    engine = open_engine(url, durable=True)
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    engine.dispose()
    program = (
        "import sys, datetime as dt; from pathlib import Path; from tradepipe.store import PartitionStore\n"
        "PartitionStore.open(Path(sys.argv[1]), sys.argv[2], dt.timedelta(0)).catalogue.datasets()\n"
        "heavy = {'alembic', 'duckdb', 'pandera', 'pyarrow', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "store"), url]
    subprocess.run(command, check=True, cwd=REPOSITORY)


@pytest.mark.slow
def test_four_processes_migrate_a_fresh_database_at_once(database_url, engine):
    barrier = PROCESSES.Barrier(4)
    assert run_all(migrate_at_the_barrier, [(database_url, barrier)] * 4) == [0, 0, 0, 0]
    assert scalar(engine, f"SELECT count(*) FROM {VERSION_TABLE}") == 1  # noqa: S608 - our own name


@given(instant=st.datetimes(timezones=st.timezones()))
def test_instants_come_back_in_utc(instant):
    kind = UtcDateTime()
    dialect = sa.create_engine("sqlite://").dialect
    try:
        expected = instant.astimezone(dt.UTC)
    except OverflowError:  # the first and last days of the calendar have no UTC time in Python
        return
    assert kind.process_result_value(kind.process_bind_param(instant, dialect), dialect) == expected


def test_instants_keep_microseconds_on_the_database(engine):
    table = sa.Table("instants", sa.MetaData(), sa.Column("at", UtcDateTime))
    instant = dt.datetime(2024, 7, 1, 12, 0, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    with writing(engine) as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"at": instant}, {"at": None}])
        assert connection.scalars(sa.select(table.c.at)).all() == [instant, None]
        stored = connection.scalars(sa.select(table.c.at)).first()
    assert stored.utcoffset() == dt.timedelta(0)


def test_an_instant_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        UtcDateTime().process_bind_param(dt.datetime(2024, 1, 1), sa.create_engine("sqlite://").dialect)  # noqa: DTZ001


def test_writers_do_not_overlap(engine):
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(sa.text("INSERT INTO counter VALUES (0)"))

    def count():
        for _ in range(25):
            with writing(engine) as connection:
                seen = connection.scalar(sa.text("SELECT n FROM counter"))
                connection.execute(sa.text("UPDATE counter SET n = :n"), {"n": seen + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scalar(engine, "SELECT n FROM counter") == 100


def test_a_failed_block_writes_nothing(engine):
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))

    def fail():
        with writing(engine) as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert scalar(engine, "SELECT count(*) FROM t") == 0


def test_a_lock_held_too_long_is_named(database_url, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", dt.timedelta(milliseconds=50))
    first, second = open_engine(database_url, durable=True), open_engine(database_url, durable=True)
    busy = pytest.raises(StoreBusyError, match=r"locked by another writer for more than 0\.05 s\. Remedy")
    with writing(first), busy, writing(second):
        pass
    first.dispose()
    second.dispose()


def test_users_of_a_generation_are_found_by_an_index(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'plan.sqlite'}", durable=True)
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    question = "SELECT generation_id FROM generation_inputs WHERE input_generation_id IN (7, 8)"
    with engine.connect() as connection:
        (step,) = connection.execute(sa.text(f"EXPLAIN QUERY PLAN {question}")).all()
    assert "ix_generation_inputs_input_generation_id" in step.detail
    engine.dispose()
