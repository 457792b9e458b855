"""The sub-commands of `tradepipe dataset`.

Exit codes: 0 done; 1 the work failed, such as versions that do not go together or a version that
exists with other content; 2 there is no such version, or a name, version or range cannot be read;
3 files, manifest or registration are not what was published.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer

USAGE, FOUND = 2, 3

app = typer.Typer(
    name="dataset",
    help="Published datasets: immutable versions to pin, resolve and verify.",
    epilog="Exit codes: 0 done, 1 the work failed, 2 no such version or wrong usage, 3 a file is not as published.",
    no_args_is_help=True,
)
Dataset = Annotated[str, typer.Argument(metavar="MARKET/LAYER", help="e.g. us_indices/bars")]
Pinned = Annotated[str, typer.Argument(metavar="MARKET/LAYER@VERSION", help="e.g. us_indices/bars@1.0.0")]
Skew = Annotated[
    str | None, typer.Option("--skew", help="How far apart the newest known_at may lie, e.g. PT12H. Default: settings.")
]


@contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn what is wrong with versions and files into the exit codes above."""
    from tradepipe.datasets import MismatchError, RequirementError, UnknownVersionError  # noqa: PLC0415

    try:
        yield
    except (MismatchError, RequirementError, UnknownVersionError) as error:
        if os.environ.get("TRADEPIPE_DEBUG"):
            raise
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(FOUND if isinstance(error, MismatchError) else USAGE) from None


@app.command()
def publish(  # noqa: PLR0913 - one argument an option
    dataset: Dataset,
    *,
    version: Annotated[str, typer.Option(help="Semantic version, e.g. 1.0.0.")],
    partitions: Annotated[str, typer.Option(help="First..last, e.g. 2018-01..2018-12. Default: all.")] = "",
    note: Annotated[str, typer.Option(help="A word for people.")] = "",
    requires: Annotated[
        list[str] | None, typer.Option(help="What it must be read with, e.g. 'us_indices/bars^1'. Repeatable.")
    ] = None,
    provides: Annotated[
        list[str] | None, typer.Option(help="What others may require, e.g. features=2.1.0. Repeatable.")
    ] = None,
    skew: Skew = None,
) -> None:
    """Publish what a layer holds now as an immutable version, and keep its files."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.datasets import Terms, Version  # noqa: PLC0415

    first, _, last = partitions.partition("..") if ".." in partitions else (partitions, "", partitions)
    project = Project.load()
    with _exit_codes():
        told = commands.duration(skew)
        tolerance = project.settings.datasets.skew_tolerance if told is None else told
        brought = dict(_pair(text) for text in provides or ())
        terms = Terms(Version.parse(version), note, requires or (), brought, tolerance)
        commands.publish(project, console(), dataset, terms, partitions=(first or None, last or None))


@app.command("list")
def list_versions(
    dataset: Annotated[str | None, typer.Argument(metavar="[MARKET/LAYER]", help="Default: all.")] = None,
) -> None:
    """List published versions."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    commands.show_list(Project.load(), console(), dataset)


@app.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[MARKET/LAYER[@VERSION]]", help="Default: every live version.")
    ] = None,
) -> None:
    """Recompute every hash of a version: files, rows, schema, manifest, registration. Exit code 3 if one differs."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        if not commands.show_verification(Project.load(), console(), name):
            raise typer.Exit(FOUND)


@app.command()
def resolve(
    wanted: Annotated[
        list[str], typer.Argument(metavar="REQUIREMENT…", help="e.g. 'us_indices/bars>=1.0,<2' 'features^2'")
    ],
    join: Annotated[
        Literal["common", "union"] | None, typer.Option(help="How sessions of several calendars are joined.")
    ] = None,
    skew: Skew = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose the latest versions that go together, and verify their files."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        tolerance = commands.duration(skew)
        commands.show_resolution(
            Project.load(), console(), wanted, join=join, skew_tolerance=tolerance, as_json=as_json
        )


@app.command()
def retire(name: Pinned) -> None:
    """Let go of a version: nothing resolves to it any more, and its files may be swept."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        commands.retire(Project.load(), console(), name)


@app.command()
def regenerate(name: Pinned) -> None:
    """Make damaged files of a version again, to the byte, from what they were computed from."""
    from tradepipe.commands import dataset as commands  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        commands.make_again(Project.load(), console(), name)


def _pair(text: str) -> tuple[str, str]:
    name, _, version = text.partition("=")
    return name.strip(), version.strip()
