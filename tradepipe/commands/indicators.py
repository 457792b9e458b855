"""`tradepipe indicators`: what there is, and compiling the kernels."""

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from tradepipe.indicators import BoundIndicator, indicators, parse_indicator
from tradepipe.indicators.registry import family_of
from tradepipe.paths import source_checkout


class FolderNotFoundError(LookupError):
    """There is no folder to write to."""


def show_list(console: Console, *, as_json: bool = False) -> None:
    """Every indicator, a family after the other."""
    known = sorted(indicators().values(), key=lambda one: (family_of(one), one.name))
    if as_json:
        console.out(json.dumps([_as_dict(one.bind()) for one in known], indent=1))
        return
    table = Table("family", "indicator", "columns", "title", box=None, pad_edge=False)
    before = ""
    for one in known:
        family = family_of(one)
        columns = len(one.bind().described)
        table.add_row(
            "" if family == before else family, one.signature if one.parameters else one.name, str(columns), one.title
        )
        before = family
    console.print(table)
    columns = sum(len(one.bind().described) for one in known)
    console.print(f"{len(known)} indicators, {columns} columns; `tradepipe indicators show NAME` says more.")


def show_indicator(console: Console, asked: str, *, as_json: bool = False) -> None:
    """All that is declared of one indicator: `asked` is its name, or the name with parameters.

    Raises:
        IndicatorError: there is no such indicator, or its parameters are wrong.
    """
    bound = parse_indicator(asked)
    one = bound.indicator
    if as_json:
        console.out(json.dumps(_as_dict(bound), indent=1))
        return
    console.print(f"[bold]{escape(one.title)}[/]  {bound.text}  ({family_of(one)})")
    console.print(Padding(escape(one.description), (0, 2)))
    told = {
        "source": one.source,
        "inputs": ", ".join(one.inputs),
        "lookback": f"{bound.lookback:,} bars" + (", from experience: path dependent" if one.path_dependent else ""),
        "TA-Lib": one.differences,
    }
    facts = Table(show_header=False, box=None, pad_edge=False)
    for name, text in told.items():
        if text:
            facts.add_row(name, escape(text))
    console.print(facts)
    if one.parameters:
        table = Table("parameter", "value", "range", "meaning", box=None, pad_edge=False)
        for parameter, value in zip(one.parameters, bound.values, strict=True):
            table.add_row(parameter.name, f"{value:g}", parameter.range, escape(parameter.description))
        console.print()
        console.print(table)
    table = Table("column", "unit", "warm-up", "meaning", box=None, pad_edge=False)
    for output in bound.described:
        table.add_row(output.name, escape(output.unit), str(output.warm_up), escape(output.description))
    console.print()
    console.print(table)


def show_document(console: Console, folder: Path | None, data: Path | None) -> None:
    """Write docs/indicators.md and its plots, and say what changed.

    Raises:
        FolderNotFoundError: no folder is named, and tradepipe is installed without its docs.
    """
    from tradepipe.reporting.indicator_document import document  # noqa: PLC0415 - matplotlib

    root = source_checkout()
    if folder is None and root is None:
        raise FolderNotFoundError("An installed tradepipe has no docs. Remedy: name a folder to write to")
    where = folder or Path(root or ".") / "docs"
    changed = document(where, data=data)
    for path in changed:
        console.print(f"written: {escape(str(path))}", soft_wrap=True)
    if not changed:
        console.print(f"{escape(str(where))}: everything is up to date.", soft_wrap=True)


def _as_dict(bound: BoundIndicator) -> dict[str, object]:
    one = bound.indicator
    return {
        "family": family_of(one),
        "name": one.name,
        "text": bound.text,
        "title": one.title,
        "description": one.description,
        "source": one.source,
        "differences": one.differences,
        "inputs": list(one.inputs),
        "parameters": [
            {
                "name": parameter.name,
                "kind": parameter.kind.__name__,
                "value": value,
                "default": parameter.default,
                "minimum": parameter.minimum,
                "maximum": parameter.maximum,
                "description": parameter.description,
            }
            for parameter, value in zip(one.parameters, bound.values, strict=True)
        ],
        "outputs": [
            {"name": output.name, "unit": output.unit, "warm_up": output.warm_up, "description": output.description}
            for output in bound.described
        ],
        "lookback": bound.lookback,
        "path_dependent": one.path_dependent,
    }
