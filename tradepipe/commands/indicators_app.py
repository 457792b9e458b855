"""The sub-commands of `tradepipe indicators`."""

from typing import Annotated

import typer

app = typer.Typer(name="indicators", help="The indicators there are, and their compiled kernels.", no_args_is_help=True)


@app.command("compile")
def compile_kernels(
    processes: Annotated[int, typer.Option(help="How many compile at once.", min=1, max=64)] = 2,
) -> None:
    """Compile the kernels that the cache lacks, so that no run waits for it. Part of `make demo`'s installation."""
    from tradepipe.commands.indicators import show_build  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_build(console(), processes)
