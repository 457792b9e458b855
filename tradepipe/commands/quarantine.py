"""`tradepipe quarantine`: what was refused and why, and letting a row through that was judged wrongly."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from tradepipe.chain.releases import Place, ReleaseError, quarantined, release, releases, remedy, take_back
from tradepipe.commands.project import Project
from tradepipe.markets import Market

SHOWN = 50


def show_list(  # noqa: PLR0913 - one argument an option
    project: Project,
    markets: Sequence[Market],
    console: Console,
    *,
    layer: str | None = None,
    reason: str | None = None,
    symbol: str | None = None,
    as_json: bool = False,
) -> None:
    """Print the refused rows of `markets`, those of the newest partitions last."""
    rows = pl.concat(
        quarantined(project.store, market, layer=layer, reason=reason, symbol=symbol).select(
            pl.lit(market.name).alias("market"), pl.all()
        )
        for market in markets
    )
    if as_json:
        console.out(json.dumps(rows.to_dicts(), indent=1))
        return
    if rows.is_empty():
        console.print("Nothing is in quarantine" + (" of that kind." if layer or reason or symbol else "."))
        return
    table = Table("market", "layer", "partition", "place", "symbol", "reason", "detail", box=None, pad_edge=False)
    for row in rows.head(SHOWN).to_dicts():
        told = [row[name] or "-" for name in ("symbol", "reason", "detail")]
        table.add_row(row["market"], row["layer"], row["partition"] or "-", f"{row['file']}:{row['line']}", *told)
    console.print(table)
    if rows.height > SHOWN:
        console.print(f"… and {rows.height - SHOWN:,} more; --json prints all, --layer, --reason and --symbol choose")
    counts = Counter(rows["reason"].to_list())
    console.print(f"{rows.height:,} rows: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common()))


def show_row(project: Project, markets: Sequence[Market], console: Console, place: str) -> None:
    """Print all that is known of a refused or released row: `place` is FILE:LINE.

    Raises:
        ReleaseError: no row there is in quarantine, nor was released.
    """
    where, found = Place.parse(place), False
    for market in markets:
        for row in quarantined(project.store, market, place=where).to_dicts():
            found = True
            console.print(f"{where} is in quarantine of {market.name}/{row['layer']} {row['partition'] or ''}".rstrip())
            console.print(f"symbol   {row['symbol'] or '-'}")
            console.print(f"reason   {row['reason']}" + (f": {row['detail']}" if row["detail"] else ""))
            console.print(f"row      {row['row']}", soft_wrap=True)
            way = f"tradepipe quarantine release {where} --reason-note TEXT"
            console.print(f"remedy   {remedy(row['reason'], market) or way}", soft_wrap=True)
        for row in releases(project.store, market).filter(file=where.file, line=where.line).to_dicts():
            found = True
            console.print(
                f"{where} of {market.name} was released from {row['reason']} by {row['released_by']} "
                f"at {row['released_at']:%Y-%m-%d %H:%M} UTC: {row['note']}"
            )
    if not found:
        raise ReleaseError(f"{where}: no row there is in quarantine. Remedy: `tradepipe quarantine list` shows all.")


def release_row(  # noqa: PLR0913 - one argument an option, and the clock
    project: Project,
    markets: Sequence[Market],
    console: Console,
    place: str,
    *,
    note: str | None,
    by: str,
    undo: bool = False,
    now: dt.datetime | None = None,
) -> None:
    """Release the row at `place` (FILE:LINE), or take its release back.

    Raises:
        ReleaseError: there is no such row, it cannot be released, or no note says why.
    """
    where = Place.parse(place)
    if not undo and not (note or "").strip():
        raise ReleaseError(f"{where}: a release needs a reason. Remedy: say it with --reason-note TEXT.")
    market = _holder(project, markets, where, released=undo)
    if undo:
        keys = take_back(project.store, market, where)
    else:
        told = str(note).strip()
        keys = release(project.store, market, where, note=told, by=by, now=now or dt.datetime.now(dt.UTC))
    done = "The release was taken back" if undo else "Released"
    console.print(f"{done}: {where}. {market.name}/bars {', '.join(keys)} is stale now; `tradepipe run` works it in.")


def _holder(project: Project, markets: Sequence[Market], place: Place, *, released: bool) -> Market:
    """The market whose row it is; the first where none has it, which will say so."""
    for market in markets:
        if released:
            rows = releases(project.store, market).filter(file=place.file, line=place.line)
        else:
            rows = quarantined(project.store, market, place=place)
        if rows.height:
            return market
    return markets[0]
