"""docs/schemas is current, and a breaking change of a contract does not pass unannounced."""

import subprocess
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tradepipe.commands import contracts_diff
from tradepipe.commands.contracts_app import app
from tradepipe.contracts import BARS, UTC, Column, Contract, Rule
from tradepipe.contracts.changes import compare
from tradepipe.contracts.document import document_of, documents_in, known_contracts, text_of, write_documents
from tradepipe.paths import source_checkout

SCHEMAS = source_checkout() / "docs" / "schemas"

BASE = Contract(
    name="sample",
    version="3",
    description="A contract with one of everything.",
    key=("symbol", "at"),
    columns=(
        Column("symbol", pl.String, "symbol", allowed=("A", "B")),
        Column("at", UTC, "time", unit="UTC"),
        Column("price", pl.Float64, "price", unit="USD", minimum=0, maximum=10),
        Column("note", pl.String, "note", nullable=True),
    ),
    rules=(Rule("odd", pl.col("price") != 1, "price is not one"),),
)


def with_column(name, **changes):
    return replace(BASE, columns=tuple(replace(one, **changes) if one.name == name else one for one in BASE.columns))


# what is done to the contract, what is said of it, whether it breaks somebody
CHANGES = [
    (BASE, None, False),
    (replace(BASE, columns=BASE.columns[:-1]), "column note removed", True),
    (replace(BASE, columns=(*BASE.columns, Column("more", pl.Int64, "more"))), "column more added (Int64)", False),
    (with_column("price", dtype=pl.Float32), "column price: dtype Float64 -> Float32", True),
    (with_column("price", unit="EUR"), "column price: unit USD -> EUR", True),
    (with_column("price", nullable=True), "column price: may be null now", True),
    (with_column("note", nullable=False), "column note: may not be null any more", True),
    (with_column("price", minimum=1), "column price: range [0, 10] -> [1, 10], narrower", True),
    (with_column("price", maximum=9), "column price: range [0, 10] -> [0, 9], narrower", True),
    (with_column("price", minimum=1, maximum=20), "column price: range [0, 10] -> [1, 20], narrower", True),
    (with_column("price", exclusive=True), "column price: range [0, 10] -> (0, 10), narrower", True),
    (with_column("price", minimum=-1, exclusive=True, maximum=11), "column price: range [0, 10] -> (-1, 11)", False),
    (with_column("price", maximum=None), "column price: range [0, 10] -> [0, inf]", False),
    (with_column("note", minimum=0), "column note: range [-inf, inf] -> [0, inf], narrower", True),
    (with_column("symbol", allowed=("A",)), "column symbol: B not allowed any more", True),
    (with_column("symbol", allowed=("A", "B", "C")), "column symbol: C allowed too", False),
    (with_column("symbol", allowed=None), "column symbol: any word is allowed now", False),
    (with_column("note", allowed=("x",)), "column note: only x are allowed now", True),
    (with_column("note", description="other words"), "column note: description changed", False),
    (replace(BASE, description="other"), "description changed", False),
    (replace(BASE, key=("at", "symbol")), "key symbol, at -> at, symbol", True),
    (replace(BASE, rules=()), "rule odd removed", False),
    (
        replace(BASE, rules=(*BASE.rules, Rule("even", pl.col("price") != 2, "price is not two"))),
        "rule even added: price is not two",
        True,
    ),
    (
        replace(BASE, rules=(Rule("odd", pl.lit(1) != pl.col("price"), "price is not one"),)),
        'rule odd is written otherwise; see that it means the same: [(dyn int: 1) != (col("price"))]',
        False,
    ),
    (
        replace(BASE, rules=(Rule("odd", pl.col("price") != 3, "price is not three"),)),
        "rule odd changed: price is not one -> price is not three",
        True,
    ),
]


def documents(*contracts):
    return {one.name: document_of(one) for one in contracts}


@pytest.mark.parametrize(("changed", "text", "breaking"), CHANGES)
def test_changes_and_whether_they_break_somebody(changed, text, breaking):
    found = compare(documents(BASE), documents(changed))
    assert [(str(one), one.breaking) for one in found.changes] == ([(f"sample: {text}", breaking)] if text else [])
    assert found.unannounced == (("sample",) if breaking else ())
    announced = compare(documents(BASE), documents(replace(changed, version="4")))
    assert announced.unannounced == ()
    assert compare(documents(BASE), documents(replace(changed, version="3.1"))).unannounced == found.unannounced


def test_versions_do_not_go_back():
    assert compare(documents(BASE), documents(replace(BASE, version="2"))).unannounced == ("sample",)


def test_contracts_come_and_go():
    found = compare(documents(BASE), documents(BARS))
    assert [str(one) for one in found.changes] == ["bars: new contract, version 2", "sample: contract removed"]
    assert found.unannounced == ("sample",)


def test_the_documents_are_current():
    expected = {f"{name}.json": text_of(contract) for name, contract in known_contracts().items()}
    written = documents_in({file.name: file.read_text() for file in SCHEMAS.glob("*.json")})
    assert sorted(f"{name}.json" for name in written) == sorted(expected), "run `tradepipe contracts write`"
    stale = [name for name, text in expected.items() if (SCHEMAS / name).read_text() != text]
    assert stale == [], "run `tradepipe contracts write`"


def test_every_contract_has_a_document():
    assert {"raw_bars", "bars", "bars_history", "indicators", "signals", "orders", "quarantine"} <= set(
        known_contracts()
    )


@pytest.fixture
def schemas(tmp_path):
    """Documents as they would be had the code another past; a file that is no contract lies beside them."""
    write_documents(tmp_path)
    (tmp_path / "market_event.json").write_text('{"title": "no contract"}')
    return tmp_path


def run(*words, code=0):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_the_command_compares_with_a_folder(schemas):
    assert "none changed" in run("diff", "--against", str(schemas))
    file = schemas / "bars.json"
    file.write_text(
        file.read_text().replace('"version": "2"', '"version": "1"').replace('"high_below_low"', '"old_rule"')
    )
    text = run("diff", "--against", str(schemas))
    assert "BREAKING bars: rule high_below_low added" in text
    file.write_text(file.read_text().replace('"version": "1"', '"version": "2"'))
    text = run("diff", "--against", str(schemas), code=3)
    assert "bars breaks readers or refuses rows that were good. Remedy: say version 3, or take it back." in text
    done = CliRunner().invoke(app, ["write", str(schemas)])
    assert isinstance(done.exception, contracts_diff.BreakingChangeError)
    assert "old_rule" in file.read_text()
    file.unlink()
    assert "1 of " in run("write", str(schemas))
    assert "none changed" in run("diff", "--against", str(schemas))


def test_the_command_compares_with_a_revision(tmp_path, monkeypatch):
    repository = tmp_path / "checkout"
    (repository / "docs").mkdir(parents=True)
    write_documents(repository / "docs" / "schemas")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=n", "-c", "user.email=e@e", "commit", "-q", "-m", "m"],
    ):
        subprocess.run(["git", *words], cwd=repository, check=True)
    monkeypatch.setattr(contracts_diff, "source_checkout", lambda: repository)
    assert "none changed" in run("diff", "--against", "HEAD")
    assert "neither a folder nor a git revision" in run("diff", "--against", "nowhere", code=2)
    assert "neither a folder nor a git revision" in run("diff", "--against=--help", code=2)


@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_files_that_are_no_documents(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    if text == "{":
        with pytest.raises(ValueError, match=r"x\.json: no JSON .*Remedy"):
            contracts_diff.show_diff(Console(), str(tmp_path))
    else:
        with pytest.raises(contracts_diff.SchemasNotFoundError, match="no contract documents"):
            contracts_diff.show_diff(Console(), str(tmp_path))
