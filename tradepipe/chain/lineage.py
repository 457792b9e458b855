"""From one signal back to the line of the landing file, generation by generation, each one verified."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.markets import Market
from tradepipe.store import Generation, Input, PartitionStore

# The way back from a signal: each layer is an input of the one before it.
WAY_BACK = ("signals", "forecasts", "member_forecasts", "indicators", "bars", "raw_bars")


class LineageError(LookupError):
    """The way back is broken: a generation, its file or its row is not there."""


@dataclass(frozen=True)
class Hop:
    """One generation on the way back: its file's hash as recorded, and whether the file still has it.

    When its file went, superseded or evicted, `row` is empty and `intact` None; lineage goes on all the same.
    """

    layer: str
    generation: Generation
    row: Mapping[str, Any]
    inputs: int
    intact: bool | None


@dataclass(frozen=True)
class LandingLine:
    """Where it began: one line of one landing file, and whether the file's bytes are still the same."""

    file: str
    line: int
    sha256: str
    intact: bool | None
    """None when the file has left the landing folder."""


def trace(  # noqa: PLR0913 - a signal is named by four things
    store: PartitionStore, market: Market, landing: Path, *, generation: int, symbol: str, decided_at: dt.datetime
) -> tuple[list[Hop], LandingLine | None]:
    """The generations that a signal of `symbol` at `session` was made from, newest layer first, and where it began.

    Args:
        store: where the generations are.
        market: the signal's market.
        landing: the landing folder, to look at the file once more.
        generation: catalogue id of the signal's generation.
        symbol: the signal's symbol.
        decided_at: the signal's decision time (UTC): it names the bar that the way back leads to.

    Raises:
        LineageError: naming the generation or row that is missing; rows whose file was swept are not missed.
    """
    hops: list[Hop] = []
    about: dict[str, Any] = {"symbol": symbol, "decided_at": decided_at, "known_at": decided_at}
    current = store.catalogue.generation(generation)
    for layer, before in zip(WAY_BACK, (*WAY_BACK[1:], None), strict=True):
        if current.dataset != dataset(market.name, layer):
            raise LineageError(f"generation {current.id} is of {current.dataset}, expected {market.name}/{layer}")
        inputs = store.catalogue.inputs([current.id]).get(current.id, [])
        row = {} if current.swept_at else _row(store, market, current, about)
        hops.append(Hop(layer, current, row, len(inputs), _intact(store, current)))
        if not row:  # what is known of the decision leads on
            pass
        elif layer == "signals":  # of the forecasts made then, the one that the signal rests on
            about |= {"model": row["model"], "horizon": row["horizon"]}
        elif layer == "forecasts":  # from here on, the origin's bar; members' rows have every horizon
            about = {"symbol": symbol, "open_time": row["open_time"], "horizon": row["horizon"]}
        elif layer == "bars":  # of the deliveries of that bar, the first that said so (decision 0009)
            about |= {name: row[name] for name in ("open", "high", "low", "close", "volume", "known_at")}
        if before is not None:
            current = _input(store, current, inputs, dataset(market.name, before))
    raw = hops[-1].row
    return hops, None if not raw else LandingLine(
        raw["file"], raw["line"], raw["file_sha256"], _same_bytes(landing / raw["file"], raw["file_sha256"])
    )


def _input(store: PartitionStore, current: Generation, inputs: Sequence[Input], wanted: str) -> Generation:
    for one in inputs:
        if one.dataset == wanted and one.partition == current.partition and one.generation is not None:
            return store.catalogue.generation(one.generation)
    raise LineageError(f"{current.dataset} {current.partition} (generation {current.id}) names no {wanted} input")


def _row(store: PartitionStore, market: Market, generation: Generation, about: Mapping[str, Any]) -> dict[str, Any]:
    contract = LAYERS[generation.dataset.partition("/")[2]].contract(market)
    told = {name: value for name, value in about.items() if name in contract.column_names}
    rows = store.read_generations([generation], contract, symbols=[about["symbol"]]).filter(**told)
    if rows.is_empty():
        raise LineageError(f"{generation.dataset} {generation.partition} holds no row of {told}")
    if "delivered_at" in rows.columns:
        return rows.sort("delivered_at", maintain_order=True).row(0, named=True)
    # Of forecasts from bars that became known at one moment, a signal rests on the newest bar's.
    return rows.row(-1, named=True)


def _intact(store: PartitionStore, generation: Generation) -> bool | None:
    return None if generation.swept_at else store.sha256(generation) == generation.sha256


def _same_bytes(path: Path, sha256: str) -> bool | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
