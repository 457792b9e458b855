"""The sub-commands of `tradepipe contracts`."""

from pathlib import Path
from typing import Annotated

import typer

USAGE, FOUND = 2, 3

app = typer.Typer(name="contracts", help="What each layer promises, versioned in docs/schemas.", no_args_is_help=True)


@app.command()
def diff(
    against: Annotated[
        str | None, typer.Option(help="Folder of documents, or a git revision. Default: docs/schemas.")
    ] = None,
) -> None:
    """List changes of contracts. Exit code 3 if one breaks somebody without a new major version."""
    from tradepipe.commands.contracts_diff import SchemasNotFoundError, show_diff  # noqa: PLC0415 - on use
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs

    try:
        found = show_diff(console(), against)
    except SchemasNotFoundError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE) from None
    if found.unannounced:
        raise typer.Exit(FOUND)


@app.command()
def write(
    folder: Annotated[Path | None, typer.Argument(help="Where to. Default: docs/schemas of the checkout.")] = None,
) -> None:
    """Bring docs/schemas up to date; refused while a breaking change has no new major version."""
    from tradepipe.commands.contracts_diff import write as write_all  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    write_all(console(), folder)
