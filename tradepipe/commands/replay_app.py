"""`tradepipe replay`: stored bars as a feed, a line of JSON an event, at a chosen speed."""

import datetime as dt
import sys
from typing import Annotated

import typer


def replay(
    market: Annotated[str, typer.Argument(help="Market whose stored bars are played.")],
    first: Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="After (UTC).")],
    last: Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Up to (UTC).")],
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0: as fast as it goes.")] = 0.0,
) -> None:
    """Play stored bars again, each at its close, as lines of JSON: docs/schemas/market_event.json."""
    from tradepipe.commands.project import Project  # noqa: PLC0415 - heavy
    from tradepipe.ingest.sources import replay as events  # noqa: PLC0415

    project = Project.load()
    bounds = first.replace(tzinfo=dt.UTC), last.replace(tzinfo=dt.UTC)
    for event in events(project.store, project.market(market), *bounds, speed=speed):
        sys.stdout.write(event.to_json() + "\n")
        sys.stdout.flush()
