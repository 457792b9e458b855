"""Retraining a market ahead of its forecasts: blocks of work, what each fitted, and when it is due."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.chain.members import panel_columns, panel_of, schedule_of, sectors_for
from tradepipe.chain.run import LayerRun
from tradepipe.chain.staleness import ranges, stale_partitions
from tradepipe.markets import Market
from tradepipe.store import PartitionStore

if TYPE_CHECKING:
    from tradepipe.forecasting.refits.cache import FitCache

MEMBERS = "member_forecasts"
FITS = "member_forecasts.fits"


@dataclass(frozen=True)
class Block:
    """Chains that are fitted together: of one member, of some symbols, over consecutive partitions.

    Attributes:
        name: tells it from the others of its run.
        member: whose.
        symbols: ascending.
        first: first partition.
        last: last partition.
    """

    name: str
    member: str
    symbols: tuple[str, ...]
    first: str
    last: str

    def to_json(self) -> str:
        """As one process hands it to another."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Block":
        """What `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "symbols": tuple(told["symbols"])})


@dataclass(frozen=True)
class BlockDone:
    """What came of a block, or of all together.

    Attributes:
        name: of the block.
        chains: of one symbol and partition each.
        made: of these, fitted now; the others were kept already.
        digest: of what all chains hold: the same whoever fitted them, and how often.
    """

    name: str
    chains: int
    made: int
    digest: str

    def to_json(self) -> str:
        """As one process hands it to another."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "BlockDone":
        """What `to_json` wrote."""
        return cls(**json.loads(text))


def blocks_of(market: Market, keys: Sequence[str]) -> list[Block]:
    """The work of retraining the consecutive partitions `keys`, in blocks that can be done anywhere in any order.

    A univariate member has a block for each `retraining.block` symbols, over all partitions. One symbol's numbers of a
    multivariate member follow from all, so its blocks have all symbols and a part of the partitions; there are at most
    as many of them. The blocks follow from settings, universe and partitions alone.
    """
    from tradepipe.forecasting.refits.keeping import needs_all_symbols  # noqa: PLC0415 - numpy
    from tradepipe.forecasting.retraining import optimised  # noqa: PLC0415 - kernels

    told = market.settings.forecasts
    symbols = sorted({one.symbol for one in market.universe.instruments})
    some = _parts(symbols, told.retraining.block)
    made: list[Block] = []
    for member in optimised(told):
        if needs_all_symbols(member):
            spans = _parts(list(keys), -(-len(keys) // max(len(some), 1)))
            parts = [(tuple(symbols), span[0], span[-1]) for span in spans]
        else:
            parts = [(tuple(chosen), keys[0], keys[-1]) for chosen in some]
        made += [Block(f"{member.name}_{place:04d}", member.name, *part) for place, part in enumerate(parts)]
    return made


def fit_block(store: PartitionStore, market: Market, block: Block, cache: "FitCache", *, threads: int = 1) -> BlockDone:
    """Fit what `block` holds and keep it. To do it twice, or twice at once, changes nothing.

    Reads what is published now. Where that is not what `member_forecasts` will read, it will fit what differs.
    """
    from tradepipe.forecasting.retraining import Fitted, fit_members  # noqa: PLC0415 - kernels

    told = market.settings.forecasts
    run = LayerRun(store, market, MEMBERS, market.partitions.keys(block.first, block.last))
    wanted, parts = pl.col("symbol").is_in(block.symbols), list[Fitted]()
    for part in run.batches(told.horizon):
        values = part.read("indicators", columns=panel_columns(told)).filter(wanted)
        closes = part.read("bars", columns=["symbol", "open_time", "close"]).filter(wanted)
        fitted = fit_members(
            panel_of(market, values, closes),
            part.windows("indicators"),
            told,
            members=[block.member],
            schedule=schedule_of(market),
            cache=cache,
            sectors=sectors_for(told, market),
            threads=threads,
            on_progress=part.on_progress,
        )
        parts.append(fitted)
    digest = _digest([one.digest for one in parts])
    return BlockDone(block.name, sum(one.chains for one in parts), sum(one.made for one in parts), digest)


def gathered(market: Market, done: Sequence[BlockDone]) -> BlockDone:
    """All blocks as one. The digest does not depend on the order in which they came."""
    lines = [f"{one.name} {one.digest}" for one in sorted(done, key=lambda one: one.name)]
    return BlockDone(market.name, sum(one.chains for one in done), sum(one.made for one in done), _digest(lines))


@dataclass(frozen=True)
class Due:
    """A retraining that is asked for.

    Attributes:
        first: first partition.
        last: last partition.
        reason: for a person to read.
        digest: of what asks for it: the same content asks once.
    """

    first: str
    last: str
    reason: str
    digest: str


def due(
    store: PartitionStore, market: Market, now: dt.datetime, trained_at: dt.datetime | None, *, limit: int
) -> list[Due]:
    """The retrainings that are asked for, the most urgent first; one may have been done already.

    1. New data: bars or indicators were published, or restated, or settings or code changed, and member forecasts do
       not follow from them yet.
    2. Drift: fits of the newest published partition were brought forward by it.
    3. Age: nothing was retrained for `retraining.every`.

    Args:
        store: with the market's layers.
        market: which.
        now: aware.
        trained_at: end of the newest retraining that went well; None: there was none.
        limit: most partitions of one retraining.
    """
    every = market.partitions.keys(market.settings.start, market.newest_date(now))
    current = store.catalogue.current_of([dataset(market.name, name) for name in ("indicators", "bars", MEMBERS, FITS)])
    there = {name: current[dataset(market.name, name)] for name in ("indicators", "bars", MEMBERS, FITS)}
    ready = [key for key in every if key in there["indicators"] and key in there["bars"]]
    if not ready:
        return []
    version, found = LAYERS[MEMBERS].code_version(market), list[Due]()
    stale = {one.partition for one in stale_partitions(store.catalogue, market, ready, None, [MEMBERS])}
    for first, last in ranges(stale, every):
        keys = [key for key in every if first <= key <= last]
        for part in _parts(keys, limit):
            used = LAYERS[MEMBERS].input_partitions(market, part)
            told = sorted(
                f"{read} {key} {there[read][key].content}"
                for read, by_key in used.items()
                for key in {one for many in by_key.values() for one in many}
                if key in there[read]
            )
            reason = f"{len(part)} partitions with new data, settings or code"
            found.append(Due(part[0], part[-1], reason, _digest([market.name, version, "new", *part, *told])))
    newest = ready[-1]
    if newest in there[FITS]:
        fits = there[FITS][newest]
        triggers = store.read(dataset(market.name, FITS), [newest], columns=["symbol", "trigger"])
        drifted = triggers.filter(pl.col("trigger") == "drift")["symbol"].n_unique()
        if drifted:
            reason = f"{drifted} symbols drifted in {newest}"
            found.append(Due(newest, newest, reason, _digest([market.name, version, "drift", newest, fits.content])))
    age = market.settings.forecasts.retraining.every
    if trained_at is None or now - trained_at >= age:
        turn = int(now.timestamp() // age.total_seconds())
        told = [there[read][newest].content for read in ("indicators", "bars")]
        reason = f"nothing was retrained for {age}" if trained_at else "nothing was ever retrained"
        found.append(Due(newest, newest, reason, _digest([market.name, version, "age", str(turn), newest, *told])))
    return found


def _parts(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), max(size, 1))]


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
