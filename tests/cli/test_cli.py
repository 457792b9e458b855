"""The command line as a person uses it: in subprocesses, from another directory."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import MARKET, SmallProject

pytestmark = pytest.mark.slow

PROGRAMS = Path(sys.executable).parent
TERMINAL = {"COLUMNS": "160", "NO_COLOR": "1"}


def started(
    small: SmallProject, *words: str, code: int = 0, program: str = "tradepipe", cwd: Path | None = None, **more: str
) -> str:
    """What an installed program says, on both streams."""
    done = subprocess.run(
        [str(PROGRAMS / program), *words],
        env={**small.environment, **TERMINAL, **more},
        cwd=cwd or small.home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return told(done, code)


def told(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def call(forked):
    """The same for most of the commands, without the time to start and to import."""

    def calls(small: SmallProject, *words: str, code: int = 0, **more: str) -> str:
        environment = {**small.environment, **TERMINAL, **more}
        return told(forked(*words, environment=environment, cwd=small.home), code)

    return calls


def an_order(small: SmallProject) -> str:
    orders = small.store.read(f"{MARKET}/orders")
    return orders.filter(orders["state"] == "FILLED").item(0, "client_order_id")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("run",),
        ("status",),
        ("stale",),
        ("why",),
        ("config",),
        ("doctor",),
        ("demo",),
        ("dev",),
        ("replay",),
        ("ingest",),
    ],
)
def test_help_is_short_and_there(call, ready, words):
    text = (call if words else started)(ready, *words, "--help")
    assert "Usage:" in text
    assert len(text.splitlines()) < 40


def test_stored_bars_are_played_as_lines_of_json(call, ready):
    from tradepipe.ingest.sources import MarketEvent

    text = call(ready, "replay", MARKET, "--from", "2018-12-24", "--to", "2018-12-28", "--speed", "3000000")
    events = [MarketEvent.from_json(line) for line in text.splitlines()]
    assert [(event.symbol, event.close_time.day) for event in events] == [
        (symbol, day) for day in (24, 26, 27) for symbol in ("IXIC", "SPX")
    ]


def test_status_shows_every_layer(ready):
    text = started(ready, "status")
    for layer in (
        "raw_bars",
        "bars",
        "indicators",
        "forecasts",
        "forecast_scores",
        "signals",
        "orders",
        "fills",
        "positions",
    ):
        assert f"\n{layer} " in f"\n{text}"
    assert "502" in text  # 251 sessions of two indices


def test_stale_says_nothing_is_and_run_does_nothing(call, project):
    assert "every partition is up to date" in call(project, "stale")
    assert "nothing to recompute" in call(project, "run")


def test_stale_lists_what_a_restatement_left_behind_and_run_mends_it(call, project):
    project.restate("2018-12")
    text = call(project, "stale", code=3)
    assert "us_indices/landing/us_indices/2018-12.csv has other content" in text
    assert "partitions in" in call(project, "run", "--no-execute")
    assert "orders 1, fills 1, positions 1" in call(project, "stale", code=3)
    assert "1 execution runs" in call(project, "run")
    assert "every partition is up to date" in call(project, "stale")


def test_why_walks_from_the_order_to_the_sha256_of_the_landing_file(call, ready):
    order = an_order(ready)
    text = call(ready, "why", order)
    for word in ("signals", "forecasts", "indicators", "bars", "raw_bars", "cost gate", "risk gate", "intact", "fill "):
        assert word in text
    began = next(line for line in text.splitlines() if line.startswith("began in"))
    name = began.split()[2].rstrip(",")
    digest = hashlib.sha256((ready.settings.landing_folder / name).read_bytes()).hexdigest()
    assert f"sha256 {digest}" in text
    line = int(began.split("line ")[1].split()[0])
    close = (ready.settings.landing_folder / name).read_text().splitlines()[line - 1].split(",")[5]
    assert f"close {float(close):.6g}" in text


def test_why_takes_the_beginning_of_an_id_and_refuses_what_it_does_not_know(call, ready):
    order = an_order(ready)
    assert order in call(ready, "why", order[:12])
    assert "the orders layer lists them" in call(ready, "why", "tpzzzzzz", code=2)


def test_config_show_says_where_each_value_came_from(call, ready):
    text = call(ready, "config", "show", "markets.us_indices.start")
    assert "2018-01-01" in text
    assert "TRADEPIPE_MARKETS__US_INDICES__START" in text
    assert "conf/base.yaml" in call(ready, "config", "show")


def test_doctor_is_well_and_says_so(call, ready):
    assert "FAILED" not in call(ready, "doctor")


@pytest.mark.parametrize(
    ("indicators", "said"),
    [
        (["returns", "rsi(14)@2h"], "conf/markets/us_indices.yaml: indicator 'rsi(14)@2h': the market has no interval"),
        (["returns", "rsii(14)"], "Did you mean rsi?"),
        (["sma(20)"], "no indicator writes log_return, which forecasts are made from. Remedy: add returns"),
    ],
)
def test_indicators_that_the_market_cannot_have_are_wrong_configuration(call, ready, indicators, said):
    key = {"TRADEPIPE_MARKETS__US_INDICES__INDICATORS": json.dumps(indicators), "COLUMNS": "400"}
    text = call(ready, "stale", code=2, **key)
    assert said in text
    assert "--debug" not in text


def test_doctor_finds_wrong_configuration(call, ready):
    text = call(ready, "doctor", code=3, TRADEPIPE_MARKETS__US_INDICES__INDICATORS='["returns", "rsii(14)"]')
    assert "FAILED" in text
    assert "--debug" not in text


def test_doctor_finds_a_tampered_journal(call, project):
    import sqlite3

    with sqlite3.connect(project.home / "journal.sqlite") as journal:
        for (trigger,) in journal.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            journal.execute(f"drop trigger {trigger}")
        journal.execute("update journal set payload = replace(payload, '0', '1') where seq = 5")
    text = call(project, "doctor", code=3)
    assert "FAILED" in text
    assert "5" in text


def test_errors_are_one_message_and_debug_shows_the_traceback(call, ready):
    assert "Known: us_indices" in call(ready, "status", "--market", "nowhere", code=2)
    done = subprocess.run(
        [str(PROGRAMS / "tradepipe"), "--debug", "status", "--market", "nowhere"],
        env=ready.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr


def test_a_wrong_option_is_a_usage_error(call, ready):
    assert "No such option" in call(ready, "status", "--nonsense", code=2)


def test_a_broken_setting_names_the_variable(call, ready):
    name = "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__HORIZON"
    assert name in call(ready, "status", code=2, **{name: "many"})


ROOT = Path(__file__).parents[2]


@pytest.fixture
def dagster_ready(fresh):
    from sensors import prepare_dagster_home

    environ = os.environ.copy()
    try:
        os.environ["DAGSTER_HOME"] = str(fresh.home / "dagster")
        prepare_dagster_home(fresh.home)
    finally:
        os.environ.clear()
        os.environ.update(environ)
    return fresh


def test_dg_lists_the_definitions(dagster_ready):
    """That `dg` and `dagster` find nothing wrong with them is what `make check` asks."""
    text = started(dagster_ready, "list", "defs", "--json", program="dg", cwd=ROOT)
    listed = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert f"{MARKET}/signals" in {asset["asset_key"] for asset in listed["assets"]}


def test_dg_launch_takes_a_partition_range(dagster_ready):
    select = f"key:{MARKET}/raw_bars,key:{MARKET}/bars"
    started(
        dagster_ready, "launch", "--assets", select, "--partition-range", "2018-02...2018-04", program="dg", cwd=ROOT
    )
    assert sorted(dagster_ready.store.catalogue.current(f"{MARKET}/bars")) == ["2018-02", "2018-03", "2018-04"]


def test_dagster_asset_materialize_takes_a_partition_from_any_directory(dagster_ready):
    words = ["asset", "materialize", "-m", "tradepipe.definitions", "--select", f"{MARKET}/raw_bars"]
    started(dagster_ready, *words, "--partition", "2018-03", program="dagster")
    assert list(dagster_ready.store.catalogue.current(f"{MARKET}/raw_bars")) == ["2018-03"]
