"""`tradepipe models` from another directory: what people see, and what they are told when it cannot be done."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import MARKET
from tradepipe.chain.model_lookup import active_models
from tradepipe.commands.models import asker
from tradepipe.execution import Journal
from tradepipe.forecasting.registry import ModelRegistry, ModelRegistryError

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


# One process for several commands: what is tested is what they say, not that each starts.
EACH = """
import json, sys
from tradepipe.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    print(f"=== {code}")
"""


@pytest.fixture
def tradepipe(project, tmp_path):
    """Run commands on the project from a directory that is not the repository; what each says."""
    environment = {**project.environment, "COLUMNS": "200", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def run(*commands, expected=0):
        done = subprocess.run(
            [sys.executable, "-c", EACH, json.dumps(commands)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "Traceback" not in done.stdout
        *texts, rest = re.split(r"(?m)^=== (\d)\n", done.stdout)
        assert rest == ""
        codes = dict(zip(map(str, commands), texts[1::2], strict=True))
        assert set(codes.values()) == {str(expected)}, (codes, done.stdout)
        return texts[::2]

    return run


@pytest.fixture
def registry(project):
    opened = ModelRegistry.open(project.settings.models_url)
    yield opened
    opened.close()


def test_what_is_listed_and_shown(tradepipe, registry):
    listed, shown, rules = tradepipe(
        ["models", "list", "--status", "active"], ["models", "show", "arma_garch/2018-12"], ["models", "rules"]
    )
    assert set(re.findall(r"\w+/2018-\d\d/[0-9a-f]{8}", listed)) == {one.version for one in registry.active()}
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
    assert "the best 2 a regime by log_score" in rules
    assert "active, by rule" in rules


def test_promote_roll_back_and_retire(tradepipe, registry):
    one, two = (registry.get(f"drift/2018-{month}") for month in ("10", "11"))
    calm = ["--regime", "calm up"]
    *_, back, out = tradepipe(
        *(["models", "promote", version.id, *calm, "--why", "a test", "--by", "ada"] for version in (one, two)),
        ["models", "rollback", "drift", *calm, "--why", "worse", "--by", "bob"],
        ["models", "retire", one.id, "--why", "done"],
    )
    assert re.findall(r"(?m)^(\w+(?: \w+)?) +(drift/2018-\d\d)", back) == [
        ("rolled back", "drift/2018-11"),
        ("returned", "drift/2018-10"),
        ("retired", "drift/2018-11"),
        ("active", "drift/2018-10"),
    ]
    assert f"{one.id} in calm up" in out
    assert registry.active(MARKET, "calm up") == []
    assert [(event.who, event.why) for event in registry.history(two)][-1] == ("bob", "worse")
    again = ["models", "promote", one.id, *calm, "--why", "again", "--again"]
    [refused] = tradepipe(again[:-1], expected=2)
    assert "was retired on" in refused
    assert "--again" in refused
    tradepipe(again)
    assert [place.version for place in registry.active(MARKET, "calm up")] == [one.id]


def test_a_symbol_and_a_regime_lead_to_versions_and_the_symbols_parameters(tradepipe, project, registry):
    regimes = project.store.read(f"{MARKET}/regimes").sort("open_time")
    now, other = regimes.filter(symbol="IXIC")["regime"][-1], "calm up"
    version, rule = registry.get("arma_garch/2018-12"), project.market.settings.forecasts.promotion
    registry.promote(version, [other], rule=rule, who="ada", why="a test")
    places = [(one.regime, one.version) for one in registry.active(MARKET)]
    asked = [["models", "active", "IXIC"], ["models", "active", "IXIC", "--regime", other]]
    for regime, text in zip((now, other), tradepipe(*asked), strict=True):
        assert f"IXIC of {MARKET}, {regime} (" in text
        active = {one for held, one in places if held == regime}
        assert active
        assert set(re.findall(r"\w+/2018-\d\d/[0-9a-f]{8}", text)) == active
    fits = project.store.read(f"{MARKET}/member_forecasts.fits").filter(symbol="IXIC", version=version.id)
    own = json.loads(fits.sort("session")["parameters"][-1])
    found = active_models(project.store, registry, project.market, "IXIC", other)
    assert [one.parameters for one in found if one.activation.version == version.id] == [own]
    assert f"ar.L1 {own['ar.L1']:.4g}" in " ".join(text.split())
    assert active_models(project.store, registry, project.market, "NONE", other)[0].parameters is None


WRONG = [
    (["active", "SPY"], "Did you mean SPX"),
    (["active", "SPX", "--regime", "odd"], "no regime odd. Remedy: calm down"),
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
    (["lineage", "SPX@1950-01-03"], "us_indices has no signals of 1950-01-03"),
    (["rules", "--market", "nowhere"], "no market 'nowhere'"),
    (["lineage", "tpnothing"], "no order 'tpnothing'"),
]


def test_what_cannot_be_done_is_said_with_a_remedy(tradepipe):
    said = tradepipe(*(["models", *arguments] for arguments, _ in WRONG), expected=2)
    for (arguments, message), text in zip(WRONG, said, strict=True):
        assert message in text, arguments


def test_a_user_without_a_name_is_told_to_give_one(monkeypatch):
    def nameless():
        raise OSError("No username set in the environment")  # as in a container; KeyError before Python 3.13

    monkeypatch.setattr("getpass.getuser", nameless)
    assert asker("ada") == "ada"
    with pytest.raises(ModelRegistryError, match=r"no name. Remedy.*--by"):
        asker(None)


def test_lineage_leads_from_an_order_to_versions_and_back(tradepipe, project, registry):
    orders = [row.entry for row in Journal.open(project.settings.journal_url).rows() if row.entry.client_order_id]
    order = orders[-1].client_order_id
    [text] = tradepipe(["models", "lineage", order])
    versions = re.findall(r"\w+/2018-\d\d/[0-9a-f]{8}", text)
    assert versions
    assert set(versions) <= {one.id for one in registry.all()}
    why, made = tradepipe(["why", order], ["models", "lineage", versions[0]])
    assert versions[0] in why
    generation = re.search(r"(?m)^forecasts .*generation (\d+)", text)[1]
    assert re.search(rf"(?m)^forecasts +\S+ +{generation} .*current", made)
