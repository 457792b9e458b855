"""Characterises dagster-postgres: it needs SQLAlchemy below 2.1, where `postgresql://` is psycopg2.

From 2.1 on that address means psycopg 3, which dagster-postgres does not install: an instance with
a plain address then fails at its first connection. Red here means: mend the pin in pyproject.toml
before anything else.
"""

import dagster as dg
import pytest
import sqlalchemy as sa


def test_a_plain_postgresql_address_is_psycopg2s():
    assert sa.make_url("postgresql://user@host/name").get_dialect().driver == "psycopg2"


@pytest.mark.slow
def test_an_instance_on_postgresql_starts_migrates_and_records_an_event(postgres_url, tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        f"storage:\n  postgres:\n    postgres_url: {postgres_url!r}\ntelemetry:\n  enabled: false\n"
    )

    @dg.asset
    def one() -> int:
        return 1

    key = dg.AssetKey("told")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.event_log_storage).__module__.startswith("dagster_postgres")
        assert instance.event_log_storage._engine.driver == "psycopg2"
        instance.upgrade()
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
        assert dg.materialize([one], instance=instance).success

    with dg.DagsterInstance.from_config(str(tmp_path)) as reopened:
        assert reopened.get_latest_materialization_event(key) is not None
        assert reopened.get_latest_materialization_event(dg.AssetKey("one")) is not None

    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM event_logs")) > 1
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    engine.dispose()
