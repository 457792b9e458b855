"""Broken configurations, and the exact message each of them gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tradepipe.settings import SettingsError, load

BETA = """\
name: beta
description: Another
currency: USD
calendar: XNYS
interval: 1d
partition: month
start: 1999-01-01
universe: beta
source:
  pattern: beta/*.csv
"""


@dataclass(frozen=True)
class Broken:
    """What is put on top of the valid example (see conftest.py), and what the loader then says."""

    name: str
    message: str
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    edit: tuple[str, str, str] | None = None  # file, old text, new text
    environ: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, object] = field(default_factory=dict)


CASES = [
    Broken(
        "yaml_unclosed_list",
        (
            "conf/dev.yaml:3: found a fault of syntax (while parsing a flow node, expected the node content, "
            "but found '<stream end>'), expected YAML"
        ),
        files={"dev.yaml": "automation: true\nstore: [1,\n"},
    ),
    Broken(
        "yaml_two_colons",
        ("conf/dev.yaml:2: found a fault of syntax (mapping values are not allowed here), expected YAML"),
        files={"dev.yaml": "automation: true\nstore: a: b\n"},
    ),
    Broken(
        "yaml_tab",
        (
            "conf/dev.yaml:3: found a fault of syntax (while scanning for the next token, found character "
            "'\\t' that cannot start any token), expected YAML"
        ),
        files={"dev.yaml": "automation: true\nstore:\n\tgrace: PT1H\n"},
    ),
    Broken(
        "yaml_two_documents",
        (
            "conf/dev.yaml:2: found a fault of syntax (expected a single document in the stream, but found "
            "another document; it began on line 1), expected YAML"
        ),
        files={"dev.yaml": "automation: true\n---\nstore: {}\n"},
    ),
    Broken(
        "yaml_duplicate_key",
        ("conf/dev.yaml:4: store.grace: found the key a second time (first on line 2), expected each key once"),
        files={"dev.yaml": "store:\n  grace: PT1H\n  root: x\n  grace: PT2H\n"},
    ),
    Broken(
        "yaml_alias",
        (
            "conf/dev.yaml:3: found an alias (*name), expected its value; values are shared through "
            "market_defaults or an included file"
        ),
        files={"dev.yaml": "store: &s\n  grace: PT1H\nledger: *s\n"},
    ),
    Broken(
        "yaml_tag",
        ("conf/dev.yaml:2: found a tag (!name), expected plain text, numbers, dates, lists and mappings"),
        files={"dev.yaml": "store:\n  root: !!python/name:os.system\n"},
    ),
    Broken(
        "yaml_number_as_key",
        ("conf/dev.yaml:2: store: found the key 1, expected text as key"),
        files={"dev.yaml": "store:\n  1: x\n"},
    ),
    Broken(
        "yaml_not_utf8",
        ("conf/dev.yaml:2: found byte 0xe9, expected UTF-8 text"),
        files={"dev.yaml": b"automation: true\n# caf\xe9\n"},
    ),
    Broken(
        "yaml_control_character",
        ("conf/dev.yaml:2: found the character U+0007, expected printable text"),
        files={"dev.yaml": "automation: true\n# \x07\n"},
    ),
    Broken(
        "yaml_too_deep",
        ("conf/dev.yaml: found lists or mappings nested too deeply, expected a few levels"),
        files={"dev.yaml": "store: " + "[" * 2000 + "]" * 2000},
    ),
    Broken(
        "file_is_a_list",
        ("conf/dev.yaml:1: found a list of 1, expected a mapping of keys to values"),
        files={"dev.yaml": "- automation\n"},
    ),
    Broken(
        "file_is_text",
        ("conf/dev.yaml:2: found 'automation', expected a mapping of keys to values"),
        files={"dev.yaml": "# hello\nautomation\n"},
    ),
    Broken(
        "file_is_empty",
        ("conf/dev.yaml:1: found an empty file, expected a mapping of keys to values"),
        files={"dev.yaml": "# nothing\n"},
    ),
    Broken(
        "market_file_is_empty",
        ("conf/markets/beta.yaml:1: markets.beta: found an empty file, expected a mapping of keys to values"),
        files={"markets/beta.yaml": ""},
    ),
    Broken(
        "no_base_file",
        ("conf/base.yaml: found no such file, expected a YAML file"),
        files={"base.yaml": None},
    ),
    Broken(
        "no_conf_folder",
        ("environment TRADEPIPE_CONF: found no folder 'nowhere', expected a folder with base.yaml and markets/"),
        environ={"TRADEPIPE_CONF": "nowhere"},
    ),
    Broken(
        "no_overlay_file",
        (
            "environment TRADEPIPE_ENVIRONMENT: environment: found 'prod' without an overlay, expected a "
            "file conf/prod.yaml"
        ),
        files={"prod.yaml": None},
        environ={"TRADEPIPE_ENVIRONMENT": "prod"},
    ),
    Broken(
        "unknown_environment_variable_value",
        ("environment TRADEPIPE_ENVIRONMENT: environment: found 'production', expected one of dev, test, prod"),
        environ={"TRADEPIPE_ENVIRONMENT": "production"},
    ),
    Broken(
        "unknown_environment_in_base",
        ("conf/base.yaml:1: environment: found 3, expected one of dev, test, prod"),
        edit=("base.yaml", "environment: dev", "environment: 3"),
    ),
    Broken(
        "overlay_names_another_environment",
        ("conf/dev.yaml:2: environment: found 'prod', expected 'dev', the file's name"),
        files={"dev.yaml": "automation: true\nenvironment: prod\n"},
    ),
    Broken(
        "market_name_is_not_the_files",
        ("conf/markets/alpha.yaml:1: markets.alpha.name: found 'beta', expected 'alpha', as the file is named"),
        edit=("markets/alpha.yaml", "name: alpha", "name: beta"),
    ),
    Broken(
        "market_file_with_another_suffix",
        ("conf/markets/beta.yml: found a file ending in '.yml', expected NAME.yaml, one a market"),
        files={"markets/beta.yml": BETA},
    ),
    Broken(
        "market_file_with_a_bad_name",
        (
            "the configuration has 2 faults:\n"
            "  conf/markets/Be-ta.yaml:1: markets.Be-ta.name: found 'Be-ta', expected text that matches "
            "^[a-z][a-z0-9_]*$, at most 40 characters\n"
            "  conf/markets/Be-ta.yaml:1: markets.Be-ta: found the key 'Be-ta', expected a name that matches "
            "^[a-z][a-z0-9_]*$, at most 40 characters"
        ),
        files={"markets/Be-ta.yaml": BETA.replace("name: beta", "name: Be-ta")},
    ),
    Broken(
        "market_without_currency",
        ("conf/markets/alpha.yaml:1: markets.alpha.currency: found nothing, expected text that matches ^[A-Z]{3,5}$"),
        edit=("markets/alpha.yaml", "currency: USD\n", ""),
    ),
    Broken(
        "market_without_source",
        (
            "conf/markets/alpha.yaml:1: markets.alpha.source: found nothing, expected a mapping with kind, "
            "pattern, symbol_column, symbol_pattern, symbols, header, time_column, time_format, time_zone, "
            "columns, price_scale, delivered"
        ),
        edit=("markets/alpha.yaml", "source:\n  pattern: alpha/*.csv\n", ""),
    ),
    Broken(
        "source_without_pattern",
        (
            "conf/markets/alpha.yaml:9: markets.alpha.source.pattern: found nothing, expected text (glob "
            "below the landing folder, e.g. us_indices/*.csv)"
        ),
        edit=("markets/alpha.yaml", "pattern: alpha/*.csv", "kind: files"),
    ),
    Broken(
        "source_without_pattern_in_defaults",
        (
            "conf/markets/alpha.yaml:1: markets.alpha.source.pattern: found nothing, expected text (glob "
            "below the landing folder, e.g. us_indices/*.csv)"
        ),
        edit=("markets/alpha.yaml", "source:\n  pattern: alpha/*.csv\n", ""),
        files={"dev.yaml": "market_defaults:\n  source:\n    kind: files\n"},
    ),
    Broken(
        "unknown_key_in_place_of_a_required_one",
        (
            "conf/markets/alpha.yaml:3: markets.alpha.curency: found an unknown key, expected one of name, "
            "description, owner, currency, calendar, timezone, interval, partition, start, end, universe, "
            "publication_delay, source, fetch, intervals, corporate_actions, cleaning, indicators, benchmark, "
            "threads, forecasts, strategy, execution; did you mean currency?"
        ),
        edit=("markets/alpha.yaml", "currency:", "curency:"),
    ),
    Broken(
        "unknown_section",
        (
            "conf/dev.yaml:1: storage: found an unknown key, expected one of environment, home, landing, "
            "automation, store, ledger, datasets, cache, warehouse, models, markets; did you mean store?"
        ),
        files={"dev.yaml": "storage:\n  grace: PT1H\n"},
    ),
    Broken(
        "unknown_key_in_market_defaults",
        (
            "conf/base.yaml:7: market_defaults.forecasts.horizn: found an unknown key, expected one of "
            "horizon, train_bars, min_train_bars, members, engine, arma_order, seasonal_order, exog, volatility, "
            "garch_order, distribution, ewma_decay, season, refit, drift, samossa, ensemble, regimes, promotion, "
            "retraining, audit; did you mean horizon?"
        ),
        edit=("base.yaml", "    horizon: 5", "    horizn: 5"),
        files={"markets/beta.yaml": BETA},
    ),
    Broken(
        "unknown_column",
        (
            "conf/markets/alpha.yaml:10: markets.alpha.source.columns.opne: found an unknown key, expected "
            "one of open, high, low, close, volume, adjusted_close; did you mean open?"
        ),
        edit=("markets/alpha.yaml", "source:", "source:\n  columns: {opne: O}"),
    ),
    Broken(
        "unknown_market_in_overlay",
        (
            "conf/dev.yaml:2: markets.alpa: found a market that no file defines, expected one of alpha; did "
            "you mean alpha?"
        ),
        files={"dev.yaml": "markets:\n  alpa:\n    currency: EUR\n"},
    ),
    Broken(
        "too_large",
        (
            "conf/base.yaml:7: market_defaults.forecasts.horizon: found 99, expected a whole number, at "
            "least 1 and at most 60 (bars ahead)"
        ),
        edit=("base.yaml", "horizon: 5", "horizon: 99"),
    ),
    Broken(
        "negative_cost",
        (
            "conf/base.yaml:10: market_defaults.execution.costs.fee_bps: found '-1', expected a number, at "
            "least 0 and at most 1000 (fee per side, basis points of notional)"
        ),
        edit=("base.yaml", '"1.0"', '"-1"'),
    ),
    Broken(
        "text_for_number",
        (
            "conf/base.yaml:10: market_defaults.execution.costs.fee_bps: found 'cheap', expected a number, "
            "at least 0 and at most 1000 (fee per side, basis points of notional)"
        ),
        edit=("base.yaml", '"1.0"', "cheap"),
    ),
    Broken(
        "truth_value_for_number",
        (
            "conf/base.yaml:7: market_defaults.forecasts.horizon: found true, expected a whole number, at "
            "least 1 and at most 60 (bars ahead)"
        ),
        edit=("base.yaml", "horizon: 5", "horizon: true"),
    ),
    Broken(
        "infinite",
        (
            "conf/markets/alpha.yaml:8: markets.alpha.strategy.full_score: found 'inf', expected a number, "
            "above 0 (score at which the exposure is full)"
        ),
        edit=("markets/alpha.yaml", "start:", "strategy:\n  full_score: inf\nstart:"),
    ),
    Broken(
        "text_for_truth_value",
        (
            "conf/dev.yaml:1: automation: found 'maybe', expected true or false (sensors and schedules start "
            "switched on)"
        ),
        files={"dev.yaml": "automation: maybe\n"},
    ),
    Broken(
        "text_for_duration",
        (
            "conf/dev.yaml:2: store.grace: found 'soon', expected an ISO 8601 duration such as PT30M or P1D "
            "(how long a superseded generation stays readable)"
        ),
        files={"dev.yaml": "store:\n  grace: soon\n"},
    ),
    Broken(
        "negative_duration",
        ("conf/dev.yaml:2: store.grace: found '-PT1H', refused because a duration of zero or more is expected"),
        files={"dev.yaml": "store:\n  grace: -PT1H\n"},
    ),
    Broken(
        "duration_without_unit",
        (
            "conf/dev.yaml:2: store.grace: found 60, expected an ISO 8601 duration such as PT30M or P1D (how "
            "long a superseded generation stays readable)"
        ),
        files={"dev.yaml": "store:\n  grace: 60\n"},
    ),
    Broken(
        "sexagesimal_duration",
        (
            "conf/dev.yaml:2: store.grace: found '1:30', expected an ISO 8601 duration such as PT30M or P1D "
            "(how long a superseded generation stays readable)"
        ),
        files={"dev.yaml": "store:\n  grace: 1:30\n"},
    ),
    Broken(
        "no_such_date",
        ("conf/markets/alpha.yaml:7: markets.alpha.start: found '1999-02-31', expected a date such as 2018-12-31"),
        edit=("markets/alpha.yaml", "1999-01-01", "1999-02-31"),
    ),
    Broken(
        "unknown_interval",
        (
            "conf/markets/alpha.yaml:5: markets.alpha.interval: found 'daily', expected one of 1m, 5m, 15m, "
            "1h, 4h, 1d (length of the base bars)"
        ),
        edit=("markets/alpha.yaml", "interval: 1d", "interval: daily"),
    ),
    Broken(
        "lower_case_currency",
        ("conf/markets/alpha.yaml:3: markets.alpha.currency: found 'dollars', expected text that matches ^[A-Z]{3,5}$"),
        edit=("markets/alpha.yaml", "currency: USD", "currency: dollars"),
    ),
    Broken(
        "number_for_text",
        (
            "conf/markets/alpha.yaml:8: markets.alpha.universe: found 12, expected text (file name below "
            "data/manifests/universes, without .yaml; or the full path of a .yaml file)"
        ),
        edit=("markets/alpha.yaml", "universe: alpha", "universe: 12"),
    ),
    Broken(
        "list_for_text",
        (
            "conf/markets/alpha.yaml:8: markets.alpha.universe: found a list of 2, expected text (file name "
            "below data/manifests/universes, without .yaml; or the full path of a .yaml file)"
        ),
        edit=("markets/alpha.yaml", "universe: alpha", "universe: [a, b]"),
    ),
    Broken(
        "text_for_list",
        (
            "conf/base.yaml:5: market_defaults.indicators: found 'sma(20)', expected a list, each text (e.g. "
            "rsi(14), bollinger(20, 2)@1h, cross_rank(rsi(14)))"
        ),
        edit=("base.yaml", "[sma(20)]", "sma(20)"),
    ),
    Broken(
        "number_in_list_of_text",
        ("conf/base.yaml:7: market_defaults.indicators[1]: found 20, expected text"),
        edit=("base.yaml", "[sma(20)]", "\n    - sma(20)\n    - 20"),
    ),
    Broken(
        "list_too_short",
        (
            "conf/base.yaml:7: market_defaults.forecasts.arma_order: found a list of 2, expected a list of "
            "3, each a whole number ((p, d, q) of the mean of log returns)"
        ),
        edit=("base.yaml", "horizon: 5", "arma_order: [1, 0]"),
    ),
    Broken(
        "text_for_section",
        (
            "conf/dev.yaml:1: store: found 'here', expected a mapping with root, catalogue_url, replica_url, "
            "grace, pool, compact_after, retention, cold"
        ),
        files={"dev.yaml": "store: here\n"},
    ),
    Broken(
        "nothing_for_section",
        (
            "conf/dev.yaml:1: store: found nothing (null), expected a mapping with root, catalogue_url, "
            "replica_url, grace, pool, compact_after, retention, cold"
        ),
        files={"dev.yaml": "store:\n"},
    ),
    Broken(
        "list_for_market_defaults",
        ("conf/dev.yaml:1: market_defaults: found a list of 1, expected a mapping"),
        files={"dev.yaml": "market_defaults: [a]\n"},
    ),
    Broken(
        "text_for_markets",
        ("conf/dev.yaml:1: markets: found 'none', expected a mapping"),
        files={"dev.yaml": "markets: none\n"},
    ),
    Broken(
        "number_for_path",
        ("conf/dev.yaml:1: home: found 7, expected a path (folder of everything tradepipe writes)"),
        files={"dev.yaml": "home: 7\n"},
    ),
    Broken(
        "path_of_nobody",
        ("conf/dev.yaml:1: home: found '~nobody_of_that_name/x', expected a path whose ~ names a user of this machine"),
        files={"dev.yaml": "home: ~nobody_of_that_name/x\n"},
    ),
    Broken(
        "rule_between_keys_of_a_market",
        (
            "conf/markets/alpha.yaml:8: markets.alpha: found end 1998-12-31 (conf/markets/alpha.yaml:8) and "
            "start 1999-01-01 (conf/markets/alpha.yaml:7), refused because end lies before start"
        ),
        edit=("markets/alpha.yaml", "start: 1999-01-01", "start: 1999-01-01\nend: 1998-12-31"),
    ),
    Broken(
        "longer_intervals_that_are_none",
        (
            "conf/markets/alpha.yaml:8: markets.alpha: found intervals a list of 1 (conf/markets/alpha.yaml:8) and "
            "interval '1d' (conf/markets/alpha.yaml:5), refused because intervals must each be longer than interval"
        ),
        edit=("markets/alpha.yaml", "start: 1999-01-01", "start: 1999-01-01\nintervals: [1d]"),
    ),
    Broken(
        "rule_between_market_and_defaults",
        (
            "conf/markets/alpha.yaml:8: markets.alpha: found strategy.horizon 9 (conf/markets/alpha.yaml:8) "
            "and forecasts.horizon 5 (conf/base.yaml:7), refused because strategy.horizon exceeds "
            "forecasts.horizon"
        ),
        edit=("markets/alpha.yaml", "start:", "strategy:\n  horizon: 9\nstart:"),
    ),
    Broken(
        "rule_of_a_model_that_is_not_forecast",
        (
            "conf/markets/alpha.yaml:8: markets.alpha: found strategy.model 'arma' (conf/markets/alpha.yaml:8) "
            "and forecasts.members a list of 5 (default), refused because strategy.model is neither ensemble nor among "
            "forecasts.members: random_walk, drift, seasonal_naive, arma_garch, samossa"
        ),
        edit=("markets/alpha.yaml", "start:", "strategy:\n  model: arma\nstart:"),
    ),
    Broken(
        "rule_with_a_default",
        (
            "conf/base.yaml:7: market_defaults.forecasts: found min_train_bars 500 (default) and train_bars "
            "400 (conf/base.yaml:7), refused because min_train_bars must not exceed train_bars"
        ),
        edit=("base.yaml", "horizon: 5", "train_bars: 400"),
    ),
    Broken(
        "rule_on_columns",
        (
            "conf/markets/alpha.yaml:10: markets.alpha.source: found columns a mapping with open, high "
            "(conf/markets/alpha.yaml:10), refused because columns must name close, low, volume"
        ),
        edit=("markets/alpha.yaml", "source:", "source:\n  columns: {open: O, high: H}"),
    ),
    Broken(
        "include_of_no_file",
        ("conf/dev.yaml:2: include: found 'common.yaml', expected an existing file"),
        files={"dev.yaml": "automation: true\ninclude: [common.yaml]\n"},
    ),
    Broken(
        "include_of_no_name",
        (
            "conf/dev.yaml:1: include: found a mapping with a, expected a file name relative to this file's "
            "folder, or a list of them"
        ),
        files={"dev.yaml": "include: {a: b}\n"},
    ),
    Broken(
        "include_cycle",
        (
            "conf/more.yaml:2: include: found a cycle common.yaml -> more.yaml -> common.yaml, expected "
            "includes without a cycle"
        ),
        files={
            "dev.yaml": "include: common.yaml\n",
            "common.yaml": "include: [more.yaml]\n",
            "more.yaml": "automation: true\ninclude: common.yaml\n",
        },
    ),
    Broken(
        "include_of_itself",
        ("conf/dev.yaml:1: include: found a cycle dev.yaml -> dev.yaml, expected includes without a cycle"),
        files={"dev.yaml": "include: ./dev.yaml\n"},
    ),
    Broken(
        "variable_misspelt",
        (
            "environment TRADEPIPE_STORE__CATALOG_URL: found a variable that is no setting, expected one "
            "that `tradepipe config show` lists; did you mean TRADEPIPE_STORE__CATALOGUE_URL?"
        ),
        environ={"TRADEPIPE_STORE__CATALOG_URL": "x"},
    ),
    Broken(
        "variable_with_one_underscore",
        (
            "environment TRADEPIPE_STORE_GRACE: found a variable that is no setting, expected one that "
            "`tradepipe config show` lists; did you mean TRADEPIPE_STORE__GRACE?"
        ),
        environ={"TRADEPIPE_STORE_GRACE": "x"},
    ),
    Broken(
        "variable_of_unknown_market",
        (
            "environment TRADEPIPE_MARKETS__ALPA__CURRENCY: found a variable that is no setting, expected "
            "one that `tradepipe config show` lists; did you mean TRADEPIPE_MARKETS__ALPHA__CURRENCY?"
        ),
        environ={"TRADEPIPE_MARKETS__ALPA__CURRENCY": "EUR"},
    ),
    Broken(
        "variable_below_a_value",
        (
            "environment TRADEPIPE_HOME__X: found a variable that is no setting, expected one that "
            "`tradepipe config show` lists; did you mean TRADEPIPE_HOME?"
        ),
        environ={"TRADEPIPE_HOME__X": "x"},
    ),
    Broken(
        "variable_in_lower_case",
        (
            "environment TRADEPIPE_home: found a variable that is no setting, expected one that `tradepipe "
            "config show` lists; did you mean TRADEPIPE_HOME?"
        ),
        environ={"TRADEPIPE_home": "x"},
    ),
    Broken(
        "variable_unlike_any",
        (
            "environment TRADEPIPE_QWXZ: found a variable that is no setting, expected one that `tradepipe "
            "config show` lists"
        ),
        environ={"TRADEPIPE_QWXZ": "x"},
    ),
    Broken(
        "variable_with_bad_value",
        (
            "environment TRADEPIPE_STORE__GRACE: store.grace: found 'soon', expected an ISO 8601 duration "
            "such as PT30M or P1D (how long a superseded generation stays readable)"
        ),
        environ={"TRADEPIPE_STORE__GRACE": "soon"},
    ),
    Broken(
        "variable_with_list_not_json",
        (
            "environment TRADEPIPE_MARKETS__ALPHA__INDICATORS: markets.alpha.indicators: found 'sma(20)', "
            "expected JSON for a list, each text (e.g. rsi(14), bollinger(20, 2)@1h, "
            "cross_rank(rsi(14)))"
        ),
        environ={"TRADEPIPE_MARKETS__ALPHA__INDICATORS": "sma(20)"},
    ),
    Broken(
        "variable_with_section_not_json_and_password",
        (
            "environment TRADEPIPE_LEDGER: ledger: found 'postgresql://me:***@host/db', expected JSON for a "
            "mapping with journal_url, paper_venue_url"
        ),
        environ={"TRADEPIPE_LEDGER": "postgresql://me:secret@host/db"},
    ),
    Broken(
        "variable_with_password_in_wrong_place",
        (
            "environment TRADEPIPE_AUTOMATION: automation: found 'postgresql://me:***@host/db?password=***', "
            "expected true or false (sensors and schedules start switched on)"
        ),
        environ={"TRADEPIPE_AUTOMATION": "postgresql://me:secret@host/db?password=x"},
    ),
    Broken(
        "variable_in_a_section_that_lacks_a_key",
        (
            "conf/markets/alpha.yaml:9: markets.alpha.source.pattern: found nothing, expected text (glob "
            "below the landing folder, e.g. us_indices/*.csv)"
        ),
        edit=("markets/alpha.yaml", "pattern: alpha/*.csv", "kind: files"),
        environ={"TRADEPIPE_MARKETS__ALPHA__SOURCE__TIME_COLUMN": "Day"},
    ),
    Broken(
        "rule_that_a_market_breaks_with_a_shared_default",
        (
            "conf/markets/alpha.yaml:8: markets.alpha: found strategy.horizon 5 (conf/dev.yaml:1) and "
            "forecasts.horizon 3 (conf/markets/alpha.yaml:8), refused because strategy.horizon exceeds "
            "forecasts.horizon"
        ),
        files={"dev.yaml": "market_defaults: {strategy: {horizon: 5}}\n"},
        edit=("markets/alpha.yaml", "start:", "forecasts:\n  horizon: 3\nstart:"),
    ),
    Broken(
        "number_for_path_or_null",
        (
            "conf/dev.yaml:1: landing: found 7, expected a path or null (folder where vendor files arrive; "
            "default: <home>/landing)"
        ),
        files={"dev.yaml": "landing: 7\n"},
    ),
    Broken(
        "variable_with_text_for_markets",
        "environment TRADEPIPE_MARKETS: markets: found 'alpha', expected a mapping",
        environ={"TRADEPIPE_MARKETS": '"alpha"'},
    ),
    Broken(
        "conf_folder_of_nobody",
        (
            "environment TRADEPIPE_CONF: found no folder '~nobody_of_that_name/conf', expected a folder "
            "with base.yaml and markets/"
        ),
        environ={"TRADEPIPE_CONF": "~nobody_of_that_name/conf"},
    ),
    Broken(
        "override_of_unknown_key",
        (
            "override: store.grce: found an unknown key, expected one of root, catalogue_url, replica_url, grace, "
            "pool, compact_after, retention, cold; did you mean grace?"
        ),
        overrides={"store.grce": "PT1H"},
    ),
    Broken(
        "override_of_market_defaults",
        (
            "override: market_defaults: found an unknown key, expected one of environment, home, landing, "
            "automation, store, ledger, datasets, cache, warehouse, models, markets; did you mean markets?"
        ),
        overrides={"market_defaults": {"owner": "team:x"}},
    ),
    Broken(
        "several_faults",
        (
            "the configuration has 4 faults:\n"
            "  conf/base.yaml:7: market_defaults.forecasts.horizon: found 0, expected a whole number, at "
            "least 1 and at most 60 (bars ahead)\n"
            "  conf/dev.yaml:1: automation: found 'maybe', expected true or false (sensors and schedules "
            "start switched on)\n"
            "  conf/dev.yaml:3: store.grace: found 'soon', expected an ISO 8601 duration such as PT30M or "
            "P1D (how long a superseded generation stays readable)\n"
            "  environment TRADEPIPE_HOME: home: found '~nobody_of_that_name', expected a path whose ~ names "
            "a user of this machine"
        ),
        files={"dev.yaml": "automation: maybe\nstore:\n  grace: soon\n"},
        edit=("base.yaml", "horizon: 5", "horizon: 0"),
        environ={"TRADEPIPE_HOME": "~nobody_of_that_name"},
    ),
    Broken(
        "several_broken_files",
        (
            "the configuration has 3 faults:\n"
            "  conf/dev.yaml:2: a: found the key a second time (first on line 1), expected each key once\n"
            "  conf/markets/beta.yaml:1: markets.beta: found a list of 1, expected a mapping of keys to "
            "values\n"
            "  environment TRADEPIPE_HOM: found a variable that is no setting, expected one that `tradepipe "
            "config show` lists; did you mean TRADEPIPE_HOME?"
        ),
        files={"dev.yaml": "a: 1\na: 2\n", "markets/beta.yaml": "- x\n"},
        environ={"TRADEPIPE_HOM": "x"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_configuration_gets_this_message(case, write_conf, valid_files):
    files = dict(case.files)
    if case.edit:
        name, old, new = case.edit
        assert valid_files[name].count(old) == 1
        files[name] = valid_files[name].replace(old, new)
    conf = write_conf(files)
    with pytest.raises(SettingsError) as caught:
        load(None if "TRADEPIPE_CONF" in case.environ else conf, environ=case.environ, overrides=case.overrides)
    assert str(caught.value) == case.message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_example_that_the_cases_break_is_valid(write_conf):
    assert load(write_conf({}), environ={}).settings.markets["alpha"].currency == "USD"


def test_a_fault_can_be_read_by_a_program(write_conf):
    with pytest.raises(SettingsError) as caught:
        load(write_conf({"dev.yaml": "automation: maybe\n"}), environ={})
    (fault,) = caught.value.faults
    assert (Path(fault.origin.source), fault.origin.line, fault.key) == (Path("conf/dev.yaml"), 1, "automation")
