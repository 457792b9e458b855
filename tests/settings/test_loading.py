import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from tradepipe.paths import conf_folder, default_home
from tradepipe.settings import NOT_SETTINGS, SettingsError, load, load_settings, provenance_rows

FEE = "markets.alpha.execution.costs.fee_bps"
FEE_VARIABLE = "TRADEPIPE_MARKETS__ALPHA__EXECUTION__COSTS__FEE_BPS"

# The documented merge order of a market's key, lowest first: layer, the fee it says, the origin then shown.
LAYERS = {
    "models": ("1.0", "default"),
    "base defaults": ("2", "conf/base.yaml:1"),
    "overlay defaults": ("3", "conf/dev.yaml:1"),
    "base market": ("4", "conf/base.yaml:2"),
    "market file": ("5", "conf/markets/alpha.yaml:1"),
    "overlay market": ("6", "conf/dev.yaml:2"),
    "environment": ("7", f"environment {FEE_VARIABLE}"),
    "override": ("8", "override"),
}


def _subsets(layers):
    return [set(some) for size in range(len(layers) + 1) for some in itertools.combinations(layers, size)]


def _line(said, layer, form):
    """One line of YAML in which the layer says its fee, or a comment where it says nothing."""
    return (form.format(f"{{execution: {{costs: {{fee_bps: {LAYERS[layer][0]}}}}}}}") if layer in said else "#") + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("said", _subsets(list(LAYERS)[1:]), ids=lambda said: "+".join(sorted(said)) or "nothing")
def test_the_highest_layer_that_says_something_wins(said, write_conf, valid_files):
    fees = {layer: fee for layer, (fee, _) in LAYERS.items()}
    in_market = f"execution: {{costs: {{fee_bps: {fees['market file']}}}}}\n" if "market file" in said else "#\n"
    conf = write_conf(
        {
            "base.yaml": _line(said, "base defaults", "market_defaults: {}")
            + _line(said, "base market", "markets: {{alpha: {}}}")
            + "environment: dev\n",
            "dev.yaml": _line(said, "overlay defaults", "market_defaults: {}")
            + _line(said, "overlay market", "markets: {{alpha: {}}}")
            + "automation: false\n",
            "markets/alpha.yaml": in_market + valid_files["markets/alpha.yaml"] + "indicators: []\n",
        }
    )
    loaded = load(
        conf,
        environ={FEE_VARIABLE: fees["environment"]} if "environment" in said else {},
        overrides={FEE: fees["override"]} if "override" in said else {},
    )
    winner = [layer for layer in LAYERS if layer in said or layer == "models"][-1]
    assert loaded.settings.markets["alpha"].execution.costs.fee_bps == Decimal(fees[winner])
    assert loaded.provenance[FEE] == LAYERS[winner][1]


@pytest.mark.parametrize(
    ("argument", "override", "variable", "base", "chosen"),
    [
        (None, None, None, None, "dev"),
        (None, None, None, "test", "test"),
        (None, None, "prod", "test", "prod"),
        (None, "test", "prod", "dev", "test"),
        ("prod", "test", "dev", "dev", "prod"),
    ],
)
def test_who_chooses_the_environment(argument, override, variable, base, chosen, write_conf):
    conf = write_conf(
        {
            "base.yaml": f"environment: {base}\n" if base else "automation: false\n",
            "markets/alpha.yaml": None,
            **{f"{name}.yaml": f"store: {{root: {name}-store}}\n" for name in ("dev", "test", "prod")},
        }
    )
    loaded = load(
        conf,
        environment=argument,
        environ={"TRADEPIPE_ENVIRONMENT": variable} if variable else {},
        overrides={"environment": override} if override else {},
    )
    assert loaded.settings.environment == chosen
    assert loaded.settings.store_folder.name == f"{chosen}-store"
    assert [file.name for file in loaded.files] == ["base.yaml", f"{chosen}.yaml"]


def test_mappings_merge_and_lists_are_replaced(write_conf):
    conf = write_conf({"dev.yaml": "market_defaults:\n  indicators: [rsi(14)]\n  forecasts: {train_bars: 700}\n"})
    market = load_settings(conf, environ={}).markets["alpha"]
    assert market.indicators == ("rsi(14)",)
    assert (market.forecasts.horizon, market.forecasts.train_bars) == (5, 700)


def test_every_kind_of_value_can_come_from_the_environment(write_conf):
    settings = load_settings(
        write_conf({}),
        environ={
            "TRADEPIPE_AUTOMATION": "false",
            "TRADEPIPE_STORE__GRACE": "PT2H",
            "TRADEPIPE_STORE__CATALOGUE_URL": "postgresql://db/tradepipe",
            "TRADEPIPE_LEDGER": '{"journal_url": "sqlite:///a", "paper_venue_url": "sqlite:///b"}',
            "TRADEPIPE_LEDGER__JOURNAL_URL": "sqlite:///c",
            "TRADEPIPE_MARKETS__ALPHA__START": "2001-02-03",
            "TRADEPIPE_MARKETS__ALPHA__INDICATORS": '["ema(5)", "rsi(7)"]',
            "TRADEPIPE_MARKETS__ALPHA__FORECASTS__ARMA_ORDER": "[2, 0, 2]",
            "TRADEPIPE_MARKETS__ALPHA__EXECUTION__COSTS__FEE_BPS": "0.25",
        },
    )
    market = settings.markets["alpha"]
    assert settings.automation is False
    assert settings.store.grace == dt.timedelta(hours=2)
    assert settings.catalogue_url == "postgresql://db/tradepipe"
    # The more specific variable wins over the section, and the rest of the section stays.
    assert (settings.journal_url, settings.paper_venue_url) == ("sqlite:///c", "sqlite:///b")
    assert market.start == dt.date(2001, 2, 3)
    assert market.indicators == ("ema(5)", "rsi(7)")
    assert market.forecasts.arma_order == (2, 0, 2)
    assert market.execution.costs.fee_bps == Decimal("0.25")


def test_other_variables_and_empty_ones_change_nothing(write_conf):
    quiet = {"TRADEPIPE_HOME": " ", "TRADEPIPE_STORE__ROOT": "", "PATH": "/bin", "tradepipe_home": "x"}
    quiet |= dict.fromkeys(NOT_SETTINGS.keys() - {"TRADEPIPE_CONF"}, "1")
    conf = write_conf({})
    assert load_settings(conf, environ=quiet) == load_settings(conf, environ={})


def test_the_process_environment_is_the_default(write_conf, monkeypatch):
    conf = write_conf({})
    monkeypatch.setenv("TRADEPIPE_CONF", str(conf.absolute()))
    monkeypatch.setenv("TRADEPIPE_MARKETS__ALPHA__CURRENCY", "EUR")
    loaded = load()
    assert loaded.conf == conf.absolute()
    assert loaded.settings.markets["alpha"].currency == "EUR"


def test_without_a_word_the_projects_own_conf_is_read():
    loaded = load(environ={})
    assert loaded.conf == conf_folder()
    assert loaded.settings.home == default_home()
    assert loaded.provenance["home"] == "default"


def test_relative_paths_are_relative_to_where_they_were_said(write_conf, tmp_path, monkeypatch):
    conf = write_conf({"dev.yaml": "landing: ../incoming\nstore: {root: /srv/store}\n"})
    monkeypatch.setenv("HOME", "/users/me")
    settings = load_settings(conf, environ={"TRADEPIPE_HOME": "here"})
    assert settings.home == tmp_path / "here"
    assert settings.landing_folder.resolve() == tmp_path / "incoming"
    assert settings.store_folder == Path("/srv/store")
    assert load_settings(conf, environ={}, overrides={"home": Path("there")}).home == tmp_path / "there"
    assert load_settings(conf, environ={"TRADEPIPE_HOME": "~/tp"}).home == Path("/users/me/tp")


def test_overrides_nest_or_use_dots_and_take_typed_values(write_conf):
    conf = write_conf({})
    nested = load_settings(conf, environ={}, overrides={"store": {"grace": dt.timedelta(minutes=5)}})
    dots = load_settings(conf, environ={}, overrides={"store.grace": "PT5M"})
    assert nested == dots
    assert nested.store.grace == dt.timedelta(minutes=5)


def test_a_market_may_be_defined_without_a_file(write_conf):
    whole = {"name": "beta", "description": "x", "currency": "EUR", "calendar": "24/7", "interval": "1m"}
    whole |= {"partition": "session", "start": "2024-01-01", "universe": "b", "source": {"pattern": "*.csv"}}
    market = load_settings(write_conf({}), environ={}, overrides={"markets.beta": whole}).markets["beta"]
    assert market.calendar == "24/7"
    # market_defaults lie under every market, whoever defined it.
    assert market.indicators == ("sma(20)",)


def test_included_files_lie_under_the_file_that_includes_them(write_conf):
    conf = write_conf(
        {
            "dev.yaml": "include: [common/a.yaml, common/b.yaml]\nstore: {grace: PT3H}\n",
            "common/a.yaml": "automation: true\nstore: {grace: PT1H, root: a}\nledger: {journal_url: 'sqlite:///a'}\n",
            "common/b.yaml": "include: c.yaml\nstore: {grace: PT2H, root: b}\n",
            "common/c.yaml": "store: {root: c}\nledger: {journal_url: 'sqlite:///c'}\n",
            "markets/alpha.yaml": "include: ../common/market.yaml\nname: alpha\ncurrency: EUR\n",
            "common/market.yaml": "description: shared\ncurrency: USD\ncalendar: XNYS\ninterval: 1d\n"
            "partition: month\nstart: 1999-01-01\nuniverse: x\nsource: {pattern: x}\n",
        }
    )
    loaded = load(conf, environ={})
    settings = loaded.settings
    assert settings.automation is True
    assert settings.store.grace == dt.timedelta(hours=3)
    assert settings.store_folder.parts[-2:] == ("common", "b")
    assert settings.journal_url == "sqlite:///c"
    assert (settings.markets["alpha"].description, settings.markets["alpha"].currency) == ("shared", "EUR")
    assert loaded.provenance["ledger.journal_url"] == "conf/common/c.yaml:2"
    assert loaded.provenance["markets.alpha.calendar"] == "conf/common/market.yaml:3"


def test_two_files_may_include_the_same_third(write_conf):
    conf = write_conf(
        {
            "dev.yaml": "include: [a.yaml, b.yaml]\n",
            "a.yaml": "include: c.yaml\n",
            "b.yaml": "include: c.yaml\n",
            "c.yaml": "automation: true\n",
        }
    )
    assert load_settings(conf, environ={}).automation is True


def test_words_that_yaml_1_1_would_change_stay_as_they_are_written(write_conf, valid_files):
    text = "columns: {open: on, high: no, low: 'off', close: y, volume: 1:30}\n  symbol_column: NO"
    conf = write_conf(
        {"markets/alpha.yaml": valid_files["markets/alpha.yaml"].replace("pattern:", f"{text}\n  pattern:")}
    )
    source = load_settings(conf, environ={}).markets["alpha"].source
    assert source.columns == {"open": "on", "high": "no", "low": "off", "close": "y", "volume": "1:30"}
    assert source.symbol_column == "NO"


def test_a_byte_order_mark_does_not_hide_the_first_key(write_conf):
    conf = write_conf({"dev.yaml": "\ufeffautomation: true\r\nstore:\r\n  grace: PT9H\r\n"})
    loaded = load(conf, environ={})
    assert loaded.provenance["automation"] == "conf/dev.yaml:1"
    assert loaded.provenance["store.grace"] == "conf/dev.yaml:3"


def test_every_leaf_has_a_value_and_an_origin(write_conf):
    loaded = load(
        write_conf({}),
        environ={"TRADEPIPE_STORE__CATALOGUE_URL": "postgresql://me:p@ss@db/x?password=hush&sslmode=require"},
        overrides={"automation": False},
    )
    rows = {key: (value, origin) for key, value, origin in provenance_rows(loaded)}
    assert rows.keys() == loaded.provenance.keys()
    expected = {
        "environment": ("dev", "conf/base.yaml:1"),
        "home": (str(default_home()), "default"),
        "landing": ("null", "default"),
        "automation": ("false", "override"),
        "store.grace": ("PT1H", "conf/base.yaml:3"),
        "store.catalogue_url": (
            "postgresql://me:***@db/x?password=***&sslmode=require",
            "environment TRADEPIPE_STORE__CATALOGUE_URL",
        ),
        "markets.alpha.start": ("1999-01-01", "conf/markets/alpha.yaml:7"),
        "markets.alpha.source.pattern": ("alpha/*.csv", "conf/markets/alpha.yaml:10"),
        "markets.alpha.source.columns.open": ("Open", "default"),
        "markets.alpha.indicators": ('["sma(20)"]', "conf/base.yaml:5"),
        "markets.alpha.execution.costs.fee_bps": ("1.0", "conf/base.yaml:10"),
        "markets.alpha.strategy.time_to_live": ("P5D", "default"),
    }
    assert {key: rows[key] for key in expected} == expected


def test_files_outside_the_current_directory_are_shown_with_their_whole_path(write_conf, tmp_path, monkeypatch):
    conf = write_conf({"dev.yaml": "automation: maybe\n"}).absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match=f"^{tmp_path.as_posix()}/conf/dev.yaml:1: automation: "):
        load(conf, environ={})
