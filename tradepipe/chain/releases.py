"""Quarantine and releases: what was refused, what a person let through, and what nobody can."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import polars as pl

from tradepipe.chain.layers import LANDING_LAYER, LAYERS, RELEASES_LAYER, dataset, quarantine_of
from tradepipe.contracts import BARS, QUARANTINE, RELEASES
from tradepipe.markets import Market
from tradepipe.store import PartitionStore

CODE_VERSION = "1"
RELEASABLE = ("spike", "wrong_unit", "stale", "volume_unit", "twin")
"""Findings that are a judgement: a person who looked may judge otherwise. Rules of a contract are not."""

_NEXT_DELIVERY = "have the source deliver it again, corrected; the later delivery wins"
_REMEDIES = {
    "unknown_symbol": "add the symbol to universe {universe}, or map it in markets.{market}.source.symbols",
    "symbol_missing": "name the column in markets.{market}.source.symbol_column, or " + _NEXT_DELIVERY,
    "time_unreadable": "correct markets.{market}.source.time_format",
    "column_missing": "correct markets.{market}.source.columns",
    "column_repeated": "correct markets.{market}.source.columns",
    "outside_market_dates": "widen markets.{market}.start and end",
    "not_a_session": "correct markets.{market}.calendar if the market was open then",
    "not_on_grid": "correct markets.{market}.interval or calendar if a bar opened then",
    "close_time_missing": "correct markets.{market}.calendar if the market was open then",
    "price_not_positive": "say may_be_negative: true of the instrument in universe {universe}, if it can be",
    "duplicate_row": "none is needed: the same delivery says the same elsewhere, and that row is published",
    "superseded_row": "none is needed: a row known at the same moment says otherwise; if it is wrong, "
    + _NEXT_DELIVERY,
}


class ReleaseError(ValueError):
    """A row cannot be released, or there is no such row."""


@dataclass(frozen=True)
class Place:
    """One line of one landing file."""

    file: str
    line: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """From `FILE:LINE`.

        Raises:
            ReleaseError: it is not of that form.
        """
        file, _, line = text.rpartition(":")
        if not file or not line.isdecimal():
            raise ReleaseError(f"{text!r} is no place; expected FILE:LINE, e.g. us_indices/2018-06.csv:12")
        return cls(file, int(line))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def quarantined(  # noqa: PLR0913 - each one narrows it down
    store: PartitionStore,
    market: Market,
    *,
    layer: str | None = None,
    reason: str | None = None,
    symbol: str | None = None,
    place: Place | None = None,
) -> pl.DataFrame:
    """QUARANTINE rows of `market` that stand now, in chain order, then by file and line.

    Raises:
        ReleaseError: there is no such layer.
    """
    layers = [LANDING_LAYER, *LAYERS]
    if layer is not None and layer not in layers:
        raise ReleaseError(f"{market.name} has no layer {layer!r}; it has {', '.join(layers)}")
    names = [quarantine_of(dataset(market.name, one)) for one in layers if layer in (None, one)]
    current = store.catalogue.current_of(names)
    found = [store.read_generations(list(current[name].values()), QUARANTINE) for name in names]
    wanted = {"reason": reason, "symbol": symbol}
    told = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    if place is not None:
        told += [pl.col("file") == place.file, pl.col("line") == place.line]
    return pl.concat([QUARANTINE.arrange(part) for part in found]).filter(*told)


def remedy(reason: str, market: Market) -> str | None:
    """What to change so that rows refused for `reason` are kept; None where a release does it."""
    if reason in RELEASABLE:
        return None
    told = _REMEDIES.get(reason, _NEXT_DELIVERY)
    return told.format(market=market.name, universe=market.settings.universe)


def releases(store: PartitionStore, market: Market, keys: Sequence[str] | None = None) -> pl.DataFrame:
    """RELEASES rows that stand now."""
    current = store.catalogue.current(dataset(market.name, RELEASES_LAYER), keys)
    return store.read_generations(list(current.values()), RELEASES)


def release(  # noqa: PLR0913 - what, why, by whom and when
    store: PartitionStore, market: Market, place: Place, *, note: str, by: str, now: dt.datetime
) -> list[str]:
    """Let the rows at `place` through: their partitions of `bars` are stale until the next run.

    Returns:
        The partitions.

    Raises:
        ReleaseError: no row is quarantined there, or none for a judgement; with the remedy.
    """
    rows = quarantined(store, market, place=place)
    if rows.is_empty():
        raise ReleaseError(
            f"{market.name}: no row of {place} is in quarantine. Remedy: `tradepipe quarantine list` shows all."
        )
    # Bytes that were replaced have the same lines: what one of them broke is no reason to keep the other.
    judged = [row for row in rows.to_dicts() if _is_judgement(row)]
    if not judged:
        _refuse_rule(rows.row(0, named=True), market, place)
    made: dict[str, list[dict[str, Any]]] = {}
    for row in judged:
        told = {"file": place.file, "sha256": _sha256(row), "line": place.line, "reason": row["reason"]}
        made.setdefault(row["partition"], []).append(told | {"note": note, "released_at": now, "released_by": by})
    frames = {key: pl.DataFrame(new, schema=RELEASES.polars_schema) for key, new in made.items()}
    _publish(
        store,
        market,
        {
            key: pl.concat([releases(store, market, [key]), new]).unique(RELEASES.key, keep="last")
            for key, new in frames.items()
        },
    )
    return sorted(made)


def take_back(store: PartitionStore, market: Market, place: Place) -> list[str]:
    """Undo the releases of `place`; its row is refused again at the next run.

    Returns:
        The partitions.

    Raises:
        ReleaseError: nothing was released there.
    """
    here = (pl.col("file") == place.file) & (pl.col("line") == place.line)
    left: dict[str, pl.DataFrame] = {}
    for key in store.catalogue.current(dataset(market.name, RELEASES_LAYER)):
        standing = releases(store, market, [key])
        if not standing.filter(here).is_empty():
            left[key] = standing.filter(~here)
    if not left:
        raise ReleaseError(f"{market.name}: no row of {place} was released.")
    _publish(store, market, left)
    return sorted(left)


def _publish(store: PartitionStore, market: Market, frames: Mapping[str, pl.DataFrame]) -> None:
    name = dataset(market.name, RELEASES_LAYER)
    store.publish(name, frames, RELEASES, code_version=CODE_VERSION, inputs={})


def _is_judgement(row: Mapping[str, Any]) -> bool:
    return row["layer"] == "bars" and row["reason"] in RELEASABLE


def _refuse_rule(row: Mapping[str, Any], market: Market, place: Place) -> NoReturn:
    told = remedy(row["reason"], market)
    rules = {rule.code for rule in BARS.all_rules()}
    because = "breaks a rule of the contract" if row["reason"] in rules else f"was refused by {row['layer']}"
    detail = f" ({row['detail']})" if row["detail"] else ""
    raise ReleaseError(
        f"{market.name}: {place} cannot be released: it {because}, {row['reason']}{detail}. "
        f"A release lifts {', '.join(RELEASABLE)}. Remedy: {told or _NEXT_DELIVERY}."
    )


def _sha256(row: Mapping[str, Any]) -> str:
    return str(json.loads(row["row"])["file_sha256"])
