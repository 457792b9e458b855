"""`tradepipe models` from another directory: what people see, and what they are told when it cannot be done."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import MARKET
from tradepipe.execution import Journal
from tradepipe.forecasting.registry import ModelRegistry

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture
def tradepipe(project, tmp_path):
    """Run a command on the project from a directory that is not the repository."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**project.environment, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}

    def run(*arguments, expected=0):
        done = subprocess.run(
            [sys.executable, "-c", "from tradepipe.cli import main; main()", *arguments],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def registry(project):
    opened = ModelRegistry.open(project.settings.models_url)
    yield opened
    opened.close()


def test_what_is_listed_and_shown(tradepipe, registry):
    text = tradepipe("models", "list", "--status", "active")
    active = {one.version for one in registry.active()}
    assert set(re.findall(r"\w+/2018-\d\d/[0-9a-f]{8}", text)) == active
    shown = tradepipe("models", "show", "arma_garch/2018-12")
    one = registry.get("arma_garch/2018-12")
    for word in (
        one.id,
        "arma(1, 0, 1)",
        "gjr(1, 1) zero mean t",
        one.version.fits.content,
        "log score",
        "registered by rule",
    ):
        assert word in shown
    rules = tradepipe("models", "rules")
    assert "the best 2 a regime by log_score" in rules
    assert "active, by rule" in rules


def test_promote_roll_back_and_retire(tradepipe, registry):
    one, two = (registry.get(f"drift/2018-{month}") for month in ("10", "11"))
    for version in (one, two):
        tradepipe("models", "promote", version.id, "--regime", "calm up", "--why", "a test", "--by", "ada")
    told = tradepipe("models", "rollback", "drift", "--regime", "calm up", "--why", "worse", "--by", "bob")
    assert re.findall(r"(?m)^(\w+(?: \w+)?) +(drift/2018-\d\d)", told) == [
        ("rolled back", "drift/2018-11"),
        ("returned", "drift/2018-10"),
        ("retired", "drift/2018-11"),
        ("active", "drift/2018-10"),
    ]
    assert [place.version for place in registry.active(MARKET, "calm up")] == [one.id]
    tradepipe("models", "retire", one.id, "--why", "done")
    assert registry.active(MARKET, "calm up") == []
    assert [(event.who, event.why) for event in registry.history(two)][-1] == ("bob", "worse")
    told = tradepipe("models", "promote", one.id, "--why", "again", expected=2)
    assert "was retired on" in told
    assert "--again" in told
    assert "drift" in tradepipe("models", "promote", one.id, "--regime", "calm up", "--why", "again", "--again")


WRONG = [
    (["show", "nope"], "no version 'nope' is registered. Remedy"),
    (["show", "drift"], "'drift' is the beginning of 12 versions"),
    (["promote", "drift/2018-12", "--why", "x", "--regime", "odd"], "no regime odd. Remedy: calm down"),
    (["promote", "drift/2018-12"], "Missing option '--why'"),
    (["promote", "drift/2018-12", "--why", " "], "needs who asks for it and why"),
    (["rollback", "nobody", "--why", "x"], "no version of a member 'nobody'. Remedy: one of arma_garch"),
    (["rollback", "drift", "--regime", "calm up", "--why", "x"], "no version of drift to return in calm up"),
    (["list", "--status", "odd"], "no status 'odd'. Remedy: candidate, active, retired"),
    (["lineage", "NONE@2018-12-28"], "no signal of 'NONE'"),
    (["lineage", "SPX@2018-13-41"], "'2018-13-41' is no date"),
    (["lineage", "tpnothing"], "no order 'tpnothing'"),
]
# One process for all: what is tested is what they say, not that each starts.
EACH = """
import json, sys
from tradepipe.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = ["models", *arguments]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    print(f"=== {code}", file=sys.stderr, flush=True)
"""


def test_what_cannot_be_done_is_said_with_a_remedy(project, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps([arguments for arguments, _ in WRONG])],
        cwd=tmp_path,
        env={**project.environment, "COLUMNS": "200", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = re.split(r"=== (\d)\n", done.stderr)
    for (arguments, message), text, code in zip(WRONG, said[::2], said[1::2], strict=False):
        assert message in text, arguments
        assert code == "2", arguments
    assert len(said) == 2 * len(WRONG) + 1
    assert "Traceback" not in done.stderr


def test_lineage_leads_from_an_order_to_versions_and_back(tradepipe, project, registry):
    orders = [row.entry for row in Journal.open(project.settings.journal_url).rows() if row.entry.client_order_id]
    order = orders[-1].client_order_id
    text = tradepipe("models", "lineage", order)
    versions = re.findall(r"\w+/2018-\d\d/[0-9a-f]{8}", text)
    assert versions
    assert set(versions) <= {one.id for one in registry.all()}
    assert versions[0] in tradepipe("why", order)
    made = tradepipe("models", "lineage", versions[0])
    generation = re.search(r"(?m)^forecasts .*generation (\d+)", text)[1]
    assert re.search(rf"(?m)^forecasts +\S+ +{generation} .*current", made)
