"""`tradepipe contracts`: what the contracts promise, and whether a change of them breaks somebody."""

import subprocess
from pathlib import Path

from rich.console import Console

from tradepipe.contracts.changes import Comparison, compare
from tradepipe.contracts.document import Document, document_of, documents_in, known_contracts, write_documents
from tradepipe.paths import source_checkout

SCHEMAS = "docs/schemas"


class SchemasNotFoundError(LookupError):
    """There are no contract documents where they were looked for."""


class BreakingChangeError(RuntimeError):
    """A contract changed so that somebody breaks, under the same major version."""


def show_diff(console: Console, against: str | None) -> Comparison:
    """Print what changed since the documents in a folder or at a git revision.

    Raises:
        SchemasNotFoundError: there is no such folder or revision, or no document in it.
    """
    found = compare(published_documents(against), current_documents())
    for change in found.changes:
        console.print(f"{'BREAKING ' if change.breaking else '         '}{change}", soft_wrap=True, markup=False)
    for name in found.unannounced:
        version = known_contracts()[name].version if name in known_contracts() else None
        remedy = f"say version {int(version.split('.')[0]) + 1}" if version else "keep it, or delete its document"
        console.print(f"{name} breaks readers or refuses rows that were good. Remedy: {remedy}, or take it back.")
    if not found.changes:
        console.print(f"{len(current_documents())} contracts, none changed.")
    return found


def write(console: Console, folder: Path | None) -> None:
    """Bring the documents up to date.

    Raises:
        BreakingChangeError: a change needs a new major version first; nothing was written.
    """
    target = folder or default_folder()
    if target.is_dir():
        found = compare(documents_in(_texts(target)), current_documents())
        if found.unannounced:
            told = "\n".join(f"  {change}" for change in found.changes if change.breaking)
            raise BreakingChangeError(
                f"{', '.join(found.unannounced)}: breaking changes under the same major version, nothing was written.\n"
                f"{told}\nRemedy: count up the contract's version."
            )
    changed = write_documents(target)
    console.print(f"{len(changed)} of {len(known_contracts())} documents written to {target}", soft_wrap=True)


def current_documents() -> dict[str, Document]:
    """The documents of the contracts as they are in the code."""
    return {name: document_of(contract) for name, contract in known_contracts().items()}


def published_documents(against: str | None) -> dict[str, Document]:
    """The documents in a folder (None: the checkout's docs/schemas), or those of a git revision.

    Raises:
        SchemasNotFoundError: there are none.
    """
    folder = Path(against) if against else default_folder()
    found = documents_in(_texts(folder) if folder.is_dir() else _texts_at(str(against)))
    if not found:
        raise SchemasNotFoundError(
            f"{against or folder}: no contract documents. Remedy: name another folder or revision"
        )
    return found


def default_folder() -> Path:
    """docs/schemas of the checkout.

    Raises:
        SchemasNotFoundError: tradepipe is installed, and has no checkout.
    """
    root = source_checkout()
    if root is None:
        raise SchemasNotFoundError("An installed tradepipe has no docs/schemas. Remedy: name a folder with --against")
    return root / SCHEMAS


def _texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.json"))}


def _texts_at(revision: str) -> dict[str, str]:
    listed = _git("ls-tree", "--name-only", "--end-of-options", revision, f"{SCHEMAS}/", about=revision)
    return {
        Path(name).name: _git("show", "--end-of-options", f"{revision}:{name}", about=revision)
        for name in listed.splitlines()
        if name.endswith(".json")
    }


def _git(*words: str, about: str) -> str:
    done = subprocess.run(  # noqa: S603 - no shell, and nothing the user names is taken for an option
        ["git", *words],  # noqa: S607 - the checkout's own git
        cwd=default_folder().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().split("\n")[0]
        raise SchemasNotFoundError(f"{about}: neither a folder nor a git revision ({reason})")
    return done.stdout
