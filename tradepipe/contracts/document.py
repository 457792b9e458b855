"""Contracts as JSON documents: `python -m tradepipe.contracts.document` writes docs/schemas.

What readers rely on, and whether a change of it would break them, can be told from these documents
alone: see `tradepipe.contracts.changes`.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradepipe.contracts.features import indicators_contract
from tradepipe.contracts.model import Column, Contract

Document = Mapping[str, Any]


def known_contracts() -> dict[str, Contract]:
    """Every contract of this package by name; of the indicators, the columns that no market goes without.

    Raises:
        ValueError: two different contracts have one name.
    """
    package = importlib.import_module("tradepipe.contracts")
    found: dict[str, Contract] = {"indicators": indicators_contract(())}
    for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"tradepipe.contracts.{module}")).values():
            if isinstance(value, Contract) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"tradepipe.contracts.{module}: there are two contracts called {value.name}")
    return dict(sorted(found.items()))


def document_of(contract: Contract) -> Document:
    """All that a contract promises, as plain values."""
    return {
        "contract": contract.name,
        "version": contract.version,
        "description": contract.description,
        "key": list(contract.key),
        "columns": {column.name: _column(column) for column in contract.columns},
        "rules": {rule.code: {"holds": str(rule.holds), "description": rule.description} for rule in contract.rules},
    }


def text_of(contract: Contract) -> str:
    """The file's text."""
    return json.dumps(document_of(contract), indent=2, ensure_ascii=False) + "\n"


def documents_in(texts: Mapping[str, str]) -> dict[str, Document]:
    """Contract documents by name, from file names and texts; files that are none of ours are left out.

    Raises:
        ValueError: a file is no JSON.
    """
    found: dict[str, Document] = {}
    for name, text in sorted(texts.items()):
        try:
            told = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{name}: no JSON ({error}). Remedy: take it back from git") from error
        if isinstance(told, dict) and "contract" in told:
            found[str(told["contract"])] = told
    return found


def write_documents(folder: Path) -> list[str]:
    """Write the document of every contract into `folder`; names of the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, contract in known_contracts().items():
        file, text = folder / f"{name}.json", text_of(contract)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(file.name)
    return changed


def _column(column: Column) -> dict[str, Any]:
    return {
        "dtype": str(column.dtype),
        "nullable": column.nullable,
        "unit": column.unit,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "exclusive": column.exclusive,
        "allowed": None if column.allowed is None else list(column.allowed),
        "description": column.description,
    }


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in write_documents(Path(*sys.argv[1:2] or ["docs/schemas"])))
