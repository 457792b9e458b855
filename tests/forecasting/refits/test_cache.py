import datetime as dt
import multiprocessing
from importlib import metadata

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from tests.forecasting.refits.made import KeptFits
from tradepipe.forecasting.refits import cache
from tradepipe.forecasting.refits.cache import Row, from_blob, to_blob
from tradepipe.forecasting.refits.lenient import LenientFits
from tradepipe.forecasting.refits.stored import StoredFits
from tradepipe.forecasting.registry.tables import fits
from tradepipe.settings.forecasts import DriftSettings, ForecastSettings

MEMBERS = ("random_walk", "arma_garch", "samossa")


@pytest.fixture(scope="module")
def told():
    drift = DriftSettings(bars=5, log_likelihood=0.2, coverage=0.15)
    return ForecastSettings(horizon=2, train_bars=260, min_train_bars=255, refit="week", members=MEMBERS, drift=drift)


@pytest.fixture(scope="module")
def last(windows):
    return windows.tail(2)


def test_blobs_tell_all_that_was_said():
    rows = [
        Row("batched", None, "", ("mean", "sigma2"), np.array([-1.5, 260.0, 1.0, 7.0, 0.25, np.nan])),
        Row("reference", "batched: gaps", "ConvergenceWarning", ("omega",), np.array([np.nan, 9.0, 0.0, 80.0, 1e-300])),
        Row("batched", None, "", ("mean", "sigma2"), np.array([0.1, 2.0, 1.0, 3.0, -0.0, 5.0])),
    ]
    for found, expected in zip(from_blob(to_blob(rows)), rows, strict=True):
        assert (found.engine, found.reason, found.warnings, found.names) == (
            expected.engine,
            expected.reason,
            expected.warnings,
            expected.names,
        )
        assert found.numbers.tobytes() == expected.numbers.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("refit", ["day", "week"])
def test_what_is_restored_is_what_was_fitted_bit_for_bit(panel, last, told, make, refit, monkeypatch):
    settings, kept = told.model_copy(update={"refit": refit}), KeptFits()
    fitted = make.members(panel, last, settings, cache=kept)
    assert kept.found == 0 < kept.put == len(kept)
    monkeypatch.setattr("tradepipe.forecasting.refits.fitting.fit_batch", _only_baselines())
    restored = make.members(panel, last, settings, cache=kept)
    assert kept.found == len(kept) == kept.put
    assert restored.forecasts.equals(fitted.forecasts)
    assert restored.fits.equals(fitted.fits)
    if refit == "week":
        assert "drift" in fitted.fits["trigger"]


def _only_baselines():
    from tradepipe.forecasting.refits.fitting import fit_batch

    def fit(panel, specs, *rest, **more):
        assert {spec.family for spec in specs} <= {"random_walk", "ewma"}, "fitted although it was kept"
        return fit_batch(panel, specs, *rest, **more)

    return fit


@pytest.mark.slow
def test_a_part_may_be_restored_while_the_rest_is_fitted(panel, last, told, make):
    kept, whole = KeptFits(), make.members(panel, last, told)
    make.members(panel.filter(symbol="AAA"), last, told, cache=kept)
    alone = kept.put
    both = make.members(panel, last, told, cache=kept)
    # AAA's ARMA is as it was alone; SAMoSSA looks at both.
    assert 0 < kept.found < alone
    assert both.forecasts.equals(whole.forecasts)
    assert both.fits.equals(whole.fits)


def test_any_change_of_what_a_chain_follows_from_is_another_key(panel, last, told, make, monkeypatch):
    one = told.model_copy(
        update={"members": ("random_walk", "arma_garch"), "drift": DriftSettings(coverage=0, log_likelihood=0)}
    )

    newest = last.tail(1)

    def keys(panel=panel, windows=newest, settings=one):
        kept = KeptFits()
        make.members(panel, windows, settings, cache=kept)
        return set(kept)

    mine, place = keys(), panel["session"].unique().sort()[-30]
    assert len(mine) == 2
    restated = panel.with_columns(
        log_return=pl.when((pl.col("symbol") == "AAA") & (pl.col("session") == place))
        .then(pl.col("log_return") * (1 + 1e-15))
        .otherwise("log_return")
    )
    assert len(mine & keys(panel=restated)) == 1
    assert keys(panel=panel.with_columns(pl.col("close") * 2)) == mine
    assert mine.isdisjoint(keys(windows=last.head(1)))
    for change in ({"distribution": "normal"}, {"train_bars": 259}, {"refit": "month"}, {"arma_order": (1, 0, 0)}):
        assert mine.isdisjoint(keys(settings=one.model_copy(update=change))), change
    monkeypatch.setattr("tradepipe.forecasting.refits.keeping.engines_version", lambda: "other code")
    assert mine.isdisjoint(keys())


def test_the_code_version_is_that_of_everything_that_fits(monkeypatch):
    files = [str(file) for file in cache.fitting_code()]
    for name in (
        *("batched/fitting.py", "engines/samossa/engine.py", "engines/reference/sarimax.py", "refits/task.py"),
        *("compiling/kernel.py", "contracts/forecasts.py"),
    ):
        assert any(file.endswith(name) for file in files), name
    mine = cache.engines_version()
    assert cache.engines_version() == mine
    cache.engines_version.cache_clear()
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "arch" else version(name))
    assert cache.engines_version() != mine
    cache.engines_version.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path / 'models.sqlite'}" if sqlite else request.getfixturevalue("postgres_url")


@pytest.fixture
def stored(url):
    kept = StoredFits.open(url, dt.timedelta(days=90))
    yield kept
    kept.engine.dispose()


@pytest.mark.slow
def test_the_database_keeps_bytes_by_key(stored):
    many = {f"key {number}": bytes([number % 256, 0, 255]) for number in range(1201)}
    stored.put_many(many)
    assert stored.get_many([*many, "unknown"]) == many
    stored.put_many({"key 1": b"other"})
    assert stored.get_many(["key 1"]) == {"key 1": b"other"}
    assert stored.get_many([]) == {}


def test_what_was_not_used_for_long_goes(stored):
    stored.put_many({"old": b"1", "used": b"2", "new": b"3"})
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=91)
    with stored.engine.begin() as connection:
        connection.execute(sa.update(fits).where(fits.c.key != "new").values(used_at=long_ago))
    stored.get_many(["used", "new"])
    assert StoredFits(stored.engine, None).prune() == 0
    assert stored.prune() == 1
    assert stored.get_many(["old", "used", "new"]) == {"used": b"2", "new": b"3"}


def _write(url, number):
    some = StoredFits.open(url)
    for turn in range(20):
        some.put_many({f"{turn}": b"same", f"{number}-{turn}": bytes([number])})
    some.engine.dispose()


@pytest.mark.slow
def test_many_processes_write_at_once(url):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(url, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 3
    engine = StoredFits.open(url).engine
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(fits)) == 20 + 3 * 20
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [lambda blob: blob[:-3], lambda blob: blob[:-1] + b"?", lambda _: b"", lambda _: b"x"])
def test_a_damaged_blob_is_fitted_anew_and_kept_in_its_place(panel, last, told, make, harm):
    one, kept = told.model_copy(update={"members": ("random_walk", "arma_garch")}), KeptFits()
    fitted = make.members(panel, last.tail(1), one, cache=kept)
    sound, key = dict(kept), min(kept)
    kept[key] = harm(kept[key])
    assert make.members(panel, last.tail(1), one, cache=kept).forecasts.equals(fitted.forecasts)
    assert dict(kept) == sound


@pytest.mark.slow
def test_a_database_in_trouble_stops_no_run(tmp_path, panel, last, told, make, monkeypatch, caplog):
    monkeypatch.setattr("tradepipe.store.database.BUSY_TIMEOUT", dt.timedelta(milliseconds=50))
    one, path = told.model_copy(update={"members": ("random_walk", "arma_garch")}), tmp_path / "models.sqlite"
    url, expected = f"sqlite:///{path}", make.members(panel, last.tail(1), one)
    stored = StoredFits.open(url)
    asked = []

    def opening(engine=stored.engine):
        asked.append(engine)
        return StoredFits(engine)

    def made(opening):
        asked.clear()
        caplog.clear()
        cache = LenientFits(opening)
        assert make.members(panel, last.tail(1), one, cache=cache).forecasts.equals(expected.forecasts)
        assert cache.prune() == 0
        return [record.message for record in caplog.records if record.name.endswith("lenient")]

    with stored.engine.begin() as other:
        other.execute(sa.insert(fits).values(key="mine", blob=b"", used_at=dt.datetime.now(dt.UTC)))
        told_once = made(opening)
    assert len(told_once) == 1
    assert "fitted anew" in told_once[0]
    assert len(asked) == 2, "after the trouble it is left alone"
    with stored.engine.begin() as other:
        other.execute(sa.text("DROP TABLE fits"))
    assert len(made(opening)) == 1
    stored.engine.dispose()
    path.write_bytes(b"no database" * 1000)
    assert len(made(lambda: StoredFits.open(url))) == 1
    away = "postgresql://nobody@127.0.0.1:9/none"
    assert len(made(lambda: StoredFits.open(away))) == 1
