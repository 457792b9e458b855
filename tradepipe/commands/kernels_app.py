"""`tradepipe compile`."""

from typing import Annotated

import typer


def compile_kernels(
    processes: Annotated[int, typer.Option(help="How many compile at once.", min=1, max=64)] = 2,
) -> None:
    """Compile the kernels that the cache lacks, so that no run waits for it; `make` does it at install."""
    from tradepipe.commands.kernels import show_build  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_build(console(), processes)
