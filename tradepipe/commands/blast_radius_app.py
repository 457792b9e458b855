"""The command `tradepipe blast-radius`."""

from typing import Annotated

import typer


def blast_radius(
    symbol: Annotated[str, typer.Argument(help="Symbol of the bar.")],
    session: Annotated[str, typer.Argument(help="Session of the bar, e.g. 2018-06-05.")],
    market: Annotated[str | None, typer.Option("--market", "-m", help="Only this market. Default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List every partition, forecast, signal and order that used a bar, before it was restated."""
    from tradepipe.commands.blast_radius import show_blast_radius  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs

    project = Project.load()
    show_blast_radius(project, project.chosen(market), console(), symbol, session, as_json=as_json)
