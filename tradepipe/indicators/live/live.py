"""Live indicators of many symbols at once: the kernels of the batch, one call an indicator for all symbols.

For one indicator over one series, `tradepipe.indicators.live.state` is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.indicators.batch.universe import cross_section
from tradepipe.indicators.errors import IndicatorError, IndicatorInputError
from tradepipe.indicators.feature import Feature, Wanted, as_features
from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.live.arriving import NEVER, Arriving, numbers_of, open_times
from tradepipe.indicators.live.buffers import Buffers
from tradepipe.indicators.live.saved import array_of, described, packed, plain, symbols_of, unpacked
from tradepipe.indicators.model import BoundIndicator

Floats = NDArray[np.float64]
Slots = NDArray[np.int64]
Found = Mapping[BoundIndicator, tuple[Floats, ...]]


class Live:
    """The indicators of many series, bar by bar.

    Any of the symbols may have a bar at an update. A value depends on its own symbol's bars alone, and equals what
    `compute_indicators` says of the same bars. One object belongs to one thread.

    Attributes:
        symbols: in the order of their slots.
        columns: what `update` returns, in this order.
    """

    def __init__(self, wanted: Sequence[Wanted], symbols: Sequence[str]) -> None:
        """Begin with no bars.

        Args:
            wanted: what to compute; see `parse_indicators`. All of it from bars of one interval.
            symbols: who may have bars; each once.

        Raises:
            IndicatorError: a symbol comes twice, or a feature needs bars of a longer interval.
        """
        self.features = as_features(wanted)
        self.symbols = tuple(symbols)
        self._slots = {symbol: slot for slot, symbol in enumerate(self.symbols)}
        if len(self._slots) < len(self.symbols):
            repeated = next(symbol for slot, symbol in enumerate(self.symbols) if self._slots[symbol] != slot)
            raise IndicatorError(f"the symbol {repeated} comes twice; give each once")
        for feature in self.features:
            if feature.interval:
                raise IndicatorError(
                    f"{feature.text} is computed from {feature.interval} bars; make another Live for "
                    f"{feature.bound.text} and update it with the closed {feature.interval} bars"
                )
        outputs = [output for feature in self.features for output in feature.described]
        self.columns = tuple(output.name for output in outputs)
        self._stored = {one.name: np.float64 if one.precision == pl.Float64 else np.float32 for one in outputs}
        self._interrupted = False
        self._open_time = np.full(len(self.symbols), NEVER)
        by_needs: dict[frozenset[str], list[BoundIndicator]] = {}
        for bound in dict.fromkeys(feature.bound for feature in self.features):
            by_needs.setdefault(frozenset(OUTSIDE_INPUTS.keys() & set(bound.inputs)), []).append(bound)
        self._buffers = [Buffers(bound, len(self.symbols)) for bound in by_needs.values()]
        self._inputs = tuple(dict.fromkeys(name for buffers in self._buffers for name in buffers.inputs))
        compared = dict.fromkeys(feature.bound for feature in self.features if feature.across)
        # Of the newest bar: a symbol whose bar comes later is set against those that came before.
        self._newest = {one: np.full((len(one.described), len(self.symbols)), np.nan) for one in compared}

    def slots(self, symbols: Sequence[str]) -> Slots:
        """The places of `symbols`, which `update` takes in their stead; worth keeping when they come again and again.

        Raises:
            IndicatorInputError: one is not of the symbols that were declared.
        """
        try:
            return np.fromiter((self._slots[symbol] for symbol in symbols), np.int64, len(symbols))
        except KeyError as error:
            raise IndicatorInputError(
                f"the symbol {error.args[0]} is not among the {len(self.symbols)} declared; restore the state with it"
            ) from None

    def update(
        self,
        bars: Mapping[str, Any],
        symbols: Sequence[str] | Slots | None = None,
        members: Any = None,
        *,
        stored: bool = False,
    ) -> dict[str, NDArray[Any]]:
        """Values at the close of one bar of each of `symbols`.

        Args:
            bars: `open_time` and the inputs by name, a value a symbol or one value for all (a benchmark's close):
                arrays, lists, columns of a polars frame. Times are UTC: datetimes, numpy's datetime64 or
                microseconds since 1970. `session` is a date or days since 1970. An input from outside that is missing
                (absent, null, NaN) leaves the indicators that read it as they were.
            symbols: whose bars they are, by name or slot, each once; all symbols in their order if left out.
            members: for cross-sections, which of `symbols` belong to the universe in the bar's session (booleans); all
                if left out.
            stored: as the indicators layer keeps them: float32 where it does. Decisions that are to be those of the
                stored features must be taken on these; all digits otherwise.

        Returns:
            An array for each of `columns`, a value a symbol in the given order: NaN while warming up, undefined, or not
            updated. A cross-section is over the members whose bar of the same open time has come, now or before.

        Raises:
            IndicatorInputError: a value is missing or not finite, a bar is no newer than the symbol's last; the message
                names symbol and column, and nothing has changed.
            IndicatorError: an earlier update was interrupted: some indicators have seen its bars and others not.
        """
        self._refuse_interrupted()
        slots = np.arange(len(self.symbols)) if symbols is None else self._places(symbols)
        counted = _members(members, len(slots))
        arriving = Arriving(self.symbols, slots)
        times = open_times(bars, self._open_time[slots], arriving)
        values = numbers_of(bars, self._inputs, arriving)
        self._interrupted = True
        found: dict[BoundIndicator, tuple[Floats, ...]] = {}
        for buffers in self._buffers:
            found |= buffers.update(slots, values)
        self._open_time[slots] = times
        for bound, newest in self._newest.items():
            newest[:, slots] = np.where(counted, found[bound], np.nan)
        self._interrupted = False
        columns = dict(self._columns_of(found, slots))
        if not stored:
            return columns
        with np.errstate(over="ignore"):  # as the batch: infinite, which the contract refuses
            return {name: values.astype(self._stored[name]) for name, values in columns.items()}

    def save(self) -> dict[str, Any]:
        """Everything as plain data that JSON can carry without loss; see `restore`.

        Raises:
            IndicatorError: an update was interrupted.
        """
        arrays = {name: plain(array) for name, array in self._arrays().items()}
        return {**described(self.features, self.symbols), **arrays}

    def to_bytes(self) -> bytes:
        """As `save`, compact, with a digest that tells a file that was cut off; see `from_bytes`."""
        return packed(described(self.features, self.symbols), self._arrays())

    @classmethod
    def restore(cls, wanted: Sequence[Wanted], saved: Mapping[str, Any], symbols: Sequence[str] | None = None) -> Self:
        """What `save` saved.

        Args:
            wanted: the same as then.
            saved: plain data.
            symbols: the symbols from now on, if they are not those of then: new ones begin, others are dropped.

        Raises:
            IndicatorError: it was saved by other indicators, parameters or kernels, or it is damaged.
        """
        features = as_features(wanted)
        before = symbols_of(saved, features)
        live = cls(features, before if symbols is None else symbols)
        place_of = {symbol: place for place, symbol in enumerate(before)}
        known = [symbol for symbol in live.symbols if symbol in place_of]
        theirs, ours = np.array([place_of[symbol] for symbol in known], np.int64), live.slots(known)
        kept = live._arrays()
        for name, array in kept.items():
            array[ours] = array_of(saved, name, len(before), array)[theirs]
        live._take(kept)
        return live

    @classmethod
    def from_bytes(cls, wanted: Sequence[Wanted], saved: bytes, symbols: Sequence[str] | None = None) -> Self:
        """What `to_bytes` saved; see `restore`.

        Raises:
            IndicatorError: as `restore`; or the bytes are damaged.
        """
        return cls.restore(wanted, unpacked(saved), symbols)

    def _refuse_interrupted(self) -> None:
        if self._interrupted:
            raise IndicatorError("an update was interrupted halfway; restore the state that was saved before it")

    def _places(self, symbols: Sequence[str] | Slots) -> Slots:
        if isinstance(symbols, np.ndarray) and symbols.dtype.kind in "iu":
            slots = symbols.astype(np.int64)  # places in the buffers are products of these
        else:
            slots = self.slots(list(symbols))
        if len(slots) and not 0 <= slots.min() <= slots.max() < len(self.symbols):
            raise IndicatorInputError(f"a slot is outside 0 to {len(self.symbols) - 1}")
        if (twice := np.flatnonzero(np.bincount(slots) > 1)).size:
            raise IndicatorInputError(
                f"the symbol {self.symbols[twice[0]]} comes twice in one update; give one bar each"
            )
        return slots

    def _columns_of(self, found: Found, slots: Slots) -> Iterator[tuple[str, Floats]]:
        names = iter(self.columns)
        for feature in self.features:
            for values in self._across(feature, slots) if feature.across else found[feature.bound]:
                yield next(names), values

    def _across(self, feature: Feature, slots: Slots) -> Iterator[Floats]:
        there = np.flatnonzero(np.isin(self._open_time, self._open_time[slots]))
        place = np.zeros(len(self.symbols), np.int64)
        place[there] = np.arange(len(there))
        times = self._open_time[there]
        # All that has come by now is known now.
        rows = pl.DataFrame({"open_time": times, "known_at": np.zeros_like(times)})
        for newest in self._newest[feature.bound]:
            values = newest[there]
            yield cross_section(rows, values, np.ones(len(there), np.bool_), str(feature.across))[place[slots]]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of all that is carried on, a row a symbol."""
        self._refuse_interrupted()
        kept: dict[str, NDArray[Any]] = {"open_time": self._open_time.copy()}
        for number, buffers in enumerate(self._buffers):
            kept |= {f"{part}_{number}": array for part, array in buffers.kept().items()}
        return kept | {f"newest_{number}": one.T.copy() for number, one in enumerate(self._newest.values())}

    def _take(self, kept: Mapping[str, NDArray[Any]]) -> None:
        self._open_time[:] = kept["open_time"]
        for number, buffers in enumerate(self._buffers):
            buffers.take({part: kept[f"{part}_{number}"] for part in ("seen", "bars", "memory")})
        for number, newest in enumerate(self._newest.values()):
            newest[:] = kept[f"newest_{number}"].T


def _members(given: Any, count: int) -> NDArray[np.bool_]:
    if given is None:
        return np.ones(count, np.bool_)
    members = np.asarray(given)
    if members.dtype != np.bool_ or members.shape != (count,):
        raise IndicatorInputError(f"members must be {count} booleans, one a symbol, not {given!r:.80}")
    return members
