"""The sub-commands of `tradepipe storage`."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="storage", help="What the store holds where: compaction, retention, tiers, export.", no_args_is_help=True
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be given again.")]
Partitions = Annotated[list[str] | None, typer.Option("--partition", help="Only this one; may be given again.")]


@app.command("status")
def status() -> None:
    """Partitions, files and bytes in each tier, what was evicted, and how long is kept."""
    from tradepipe.commands.project import Project  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.storage import show_storage  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs

    show_storage(Project.load(), console())


@app.command("compact")
def compact(dry_run: DryRun = False) -> None:
    """Turn the session files of past months into one file a month, sorted by symbol and time."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.storage import show_compact  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_compact(Project.load(), console(), dt.datetime.now(dt.UTC), dry_run=dry_run)


@app.command("clean")
def clean(
    before: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Evict what ended before this day, whatever the settings keep."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Evict what retention does not keep, and remove files that nobody needs any more."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.storage import show_clean  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    day = None if before is None else before.date()
    show_clean(Project.load(), console(), dt.datetime.now(dt.UTC), before=day, dry_run=dry_run)


@app.command("tier")
def tier(dry_run: DryRun = False) -> None:
    """Move old files to the cold tier (store.cold)."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.storage import show_tier  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_tier(Project.load(), console(), dt.datetime.now(dt.UTC), dry_run=dry_run)


@app.command("export")
def export(
    dataset: Annotated[str, typer.Argument(help="market/layer, e.g. us_indices/bars.")],
    folder: Annotated[Path, typer.Argument(help="Where to write <symbol>/<YYYYMMDD>.parquet.")],
    symbol: Symbols = None,
    partition: Partitions = None,
) -> None:
    """Write one Parquet file a symbol and session."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.storage import show_export  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_export(Project.load(), console(), dataset, folder, symbols=symbol or [], partitions=partition or [])
