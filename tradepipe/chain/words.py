"""What was ever said of one bar: each version, from when until when it was true, and where it was delivered."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.chain.layers import dataset
from tradepipe.contracts import BARS, BARS_HISTORY, RAW_BARS, Contract
from tradepipe.markets import Market
from tradepipe.store import Generation, PartitionStore, StoreError

CONTENT = ["open", "high", "low", "close", "volume"]

_WORD = ["open_time", *CONTENT, "known_at"]
_SESSION = {"forecast_scores": "target_session", "evaluations": "test_last_session", "model_versions": "last_session"}
"""What rows go by, where it is not `session`."""


@dataclass(frozen=True)
class Asked:
    """The bar, or bars, of one symbol in one session; `partition` is where bars keep them."""

    symbol: str
    session: dt.date
    partition: str


Said = Mapping[int, pl.DataFrame | None]
"""Generation of bars -> its rows of the bar; None where its file is gone."""


@dataclass(frozen=True)
class Version:
    """One word on a bar. Times are UTC, prices in the market's currency.

    `superseded_at`: when the next word was known; None for the current one, and for one whose delivery
    was replaced before another was known. `delivered_in`: FILE:LINE of the delivered rows that say it.
    `generations`: those of bars, oldest first, in which it is the word, as far as they can be read.
    """

    open_time: dt.datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    known_at: dt.datetime
    superseded_at: dt.datetime | None
    delivered_in: tuple[str, ...]
    generations: tuple[int, ...]


def rows_since(
    store: PartitionStore, one: Generation, contract: Contract, symbol: str | None, *, first: dt.date
) -> pl.DataFrame | None:
    """Rows of `symbol`, or of all, in generation `one` since session `first`.

    None when its file is gone or of another contract.
    """
    if one.swept_at is not None:
        return None
    try:
        rows = store.read_generations([one], contract, symbols=None if symbol is None else [symbol])
    except StoreError:
        return None
    return rows.filter(pl.col(_SESSION.get(contract.name, "session")) >= first)


def said_of(store: PartitionStore, bars: Sequence[Generation], asked: Asked) -> dict[int, pl.DataFrame | None]:
    """What each of the generations `bars` says of the bar."""
    return {one.id: _bar(store, one, BARS, asked) for one in bars}


def with_old_word(bars: Sequence[Generation], said: Said) -> list[int]:
    """Ids of generations that say otherwise of the bar than the last; one that cannot be read counts as such."""
    if not bars:
        return []
    last = bars[-1]
    agreeing = {one.content for one in bars if _agree(said[one.id], said[last.id])} | {last.content}
    return [one.id for one in bars if one.content not in agreeing]


def versions(store: PartitionStore, market: Market, asked: Asked, said: Said) -> tuple[Version, ...]:
    """Every word on the bars, by open time, in the order of becoming known."""
    told = [_with_end(rows) for rows in _current(store, dataset(market.name, "bars.history"), BARS_HISTORY, asked)]
    # Earlier generations hold words that no version tells: their delivery was replaced in the landing folder.
    told += [_with_end(rows) for rows in said.values() if rows is not None]
    if not told:
        return ()
    raw = _current(store, dataset(market.name, "raw_bars"), RAW_BARS, asked)
    delivered = pl.concat([RAW_BARS.empty(), *raw])
    words = pl.concat(told).unique(_WORD, keep="first", maintain_order=True)
    # Of two words known at one moment the later generation's is right, and stands last.
    words = words.sort("open_time", "known_at", maintain_order=True)
    return tuple(_version(word, delivered, said) for word in words.to_dicts())


def _version(word: dict[str, object], delivered: pl.DataFrame, said: Said) -> Version:
    content = {name: word[name] for name in ("open_time", *CONTENT)}
    same = delivered.filter(**content)
    places = tuple(f"{file}:{line}" for file, line in zip(same["file"], same["line"], strict=True))
    holding = tuple(number for number, rows in said.items() if rows is not None and rows.filter(**content).height)
    return Version(**word, delivered_in=places, generations=holding)  # type: ignore[arg-type]  # the contract's types


def _bar(store: PartitionStore, one: Generation, contract: Contract, asked: Asked) -> pl.DataFrame | None:
    rows = rows_since(store, one, contract, asked.symbol, first=asked.session)
    return None if rows is None else rows.filter(session=asked.session)


def _current(store: PartitionStore, name: str, contract: Contract, asked: Asked) -> list[pl.DataFrame]:
    found = [_bar(store, one, contract, asked) for one in store.catalogue.current(name, [asked.partition]).values()]
    return [rows for rows in found if rows is not None]


def _agree(one: pl.DataFrame | None, other: pl.DataFrame | None) -> bool:
    return one is not None and other is not None and one.select(CONTENT).equals(other.select(CONTENT))


def _with_end(rows: pl.DataFrame) -> pl.DataFrame:
    end = pl.lit(None, BARS_HISTORY.polars_schema["superseded_at"]).alias("superseded_at")
    return rows.select(*_WORD, "superseded_at" if "superseded_at" in rows.columns else end)
