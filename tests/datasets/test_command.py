"""`tradepipe dataset` on a small real project, with every exit code."""

import json

import pytest
from typer.testing import CliRunner

from tests.datasets.samples import flip
from tests.projects import MARKET
from tradepipe.cli import app

pytestmark = pytest.mark.slow

BARS = f"{MARKET}/bars"


@pytest.fixture
def call(project, monkeypatch):
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)

    def run(*words, code=0):
        done = CliRunner().invoke(app, ["dataset", *words])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def first_file(project):
    return project.store.root / project.store.catalogue.current(BARS)["2018-01"].path


def test_a_version_from_publication_to_retirement(call, project):
    assert "Nothing is published" in call("list")
    text = call("publish", BARS, "--version", "1.0.0", "--note", "the year", "--provides", "cleaning=2.0.0")
    assert "us_indices/bars@1.0.0: published; 12 partitions, 502 rows from 12 landing files" in text
    file = project.home / "manifests/datasets/us_indices/bars/1.0.0.yaml"
    assert str(file) in text
    assert "uri: landing:us_indices/2018-01.csv" in file.read_text()
    assert "nothing changed" in call("publish", BARS, "--version", "1.0.0", "--provides", "cleaning=2.0.0")
    call("publish", f"{MARKET}/indicators", "--version", "1.0.0", "--requires", f"{BARS}^1")
    call("publish", BARS, "--version", "1.1.0", "--partitions", "2018-03..2018-12")
    assert "1.1.0" in call("list", BARS)

    assert "us_indices/bars@1.0.0: intact" in call("verify")
    chosen = json.loads(call("resolve", f"{MARKET}/indicators", f"{BARS}>=1.0,<1.1", "cleaning>=2", "--json"))
    assert [(one["dataset"], one["version"]) for one in chosen] == [(f"{MARKET}/indicators", "1.0.0"), (BARS, "1.0.0")]

    assert "Available: us_indices/bars@1.0.0, us_indices/bars@1.1.0." in call("resolve", f"{BARS}>=2", code=2)
    assert "is no range of versions" in call("resolve", f"{BARS}>", code=2)
    assert "is no duration" in call("resolve", BARS, "--skew", "soon", code=2)
    assert "no such published version" in call("verify", f"{BARS}@3.0.0", code=2)
    assert "is no dataset; expected market/layer" in call("publish", "bars", "--version", "1.0.0", code=2)
    call("resolve", BARS, "cleaning>=3", code=1)
    call("publish", BARS, "--version", "1.0.0", "--partitions", "2018-01", code=1)

    assert "retired" in call("retire", f"{BARS}@1.0.0")
    assert "us_indices/bars@1.0.0 (retired)" in call("resolve", f"{BARS}@1.0.0", code=2)


def test_damage_is_found_halts_and_is_mended(call, project):
    call("publish", BARS, "--version", "1.0.0")
    file = first_file(project)
    intact = file.read_bytes()
    flip(file)
    assert f"bars/{file.name}: sha256 is" in call("verify", BARS, code=3)
    text = call("resolve", BARS, code=3)
    assert "tradepipe dataset regenerate us_indices/bars@1.0.0" in text
    assert "1 files were made again, to the byte" in call("regenerate", f"{BARS}@1.0.0")
    assert file.read_bytes() == intact
    assert "intact" in call("verify", BARS)
    assert "every file is intact" in call("regenerate", f"{BARS}@1.0.0")


def test_what_cannot_be_made_again_is_said(call, project):
    call("publish", BARS, "--version", "1.0.0")
    file = first_file(project)
    file.unlink()
    project.restate("2018-01")
    assert project.run("raw_bars", "bars", first="2018-01", last="2018-01").success
    text = call("regenerate", f"{BARS}@1.0.0", code=1)
    assert not text  # the message is the exception's, which `main` prints
    assert "the file is missing" in call("verify", BARS, code=3)
