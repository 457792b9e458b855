"""Live indicators of many symbols at once: the kernels of the batch, one call an indicator for all symbols.

For one indicator over one series, `tradepipe.indicators.state` is enough.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.indicators.arriving import NEVER, Arriving, numbers_of, open_times
from tradepipe.indicators.buffers import Buffers
from tradepipe.indicators.errors import IndicatorError, IndicatorInputError
from tradepipe.indicators.feature import Feature, Wanted, as_features
from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.model import BoundIndicator
from tradepipe.indicators.universe import cross_section

Floats = NDArray[np.float64]
Slots = NDArray[np.int64]
Found = Mapping[BoundIndicator, tuple[Floats, ...]]

FORM = 1


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
        self.columns = tuple(output.name for feature in self.features for output in feature.described)
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
        members: NDArray[np.bool_] | None = None,
    ) -> dict[str, Floats]:
        """Values at the close of one bar of each of `symbols`.

        Args:
            bars: `open_time` and the inputs by name, a value a symbol or one value for all (a benchmark's close):
                arrays, lists, columns of a polars frame. Times are UTC: datetimes, numpy's datetime64 or
                microseconds since 1970. `session` is a date or days since 1970. An input from outside that is missing
                (absent, null, NaN) leaves the indicators that read it as they were.
            symbols: whose bars they are, by name or slot, each once; all symbols in their order if left out.
            members: for cross-sections, which of `symbols` belong to the universe in the bar's session; all if
                left out.

        Returns:
            An array for each of `columns`, a value a symbol in the given order: NaN while warming up, undefined, or not
            updated. A cross-section is over the members whose bar of the same open time has come, now or before.

        Raises:
            IndicatorInputError: a value is missing or not finite, a bar is no newer than the symbol's last; the message
                names symbol and column, and nothing has changed.
        """
        slots = np.arange(len(self.symbols)) if symbols is None else self._places(symbols)
        arriving = Arriving(self.symbols, slots)
        times = open_times(bars, self._open_time[slots], arriving)
        values = numbers_of(bars, self._inputs, arriving)
        found: dict[BoundIndicator, tuple[Floats, ...]] = {}
        for buffers in self._buffers:
            found |= buffers.update(slots, values)
        self._open_time[slots] = times
        for bound, newest in self._newest.items():
            newest[:, slots] = found[bound] if members is None else np.where(members, found[bound], np.nan)
        return dict(self._columns_of(found, slots))

    def save(self) -> dict[str, Any]:
        """Everything as plain data that JSON can carry without loss; see `restore`."""
        return {**self._described(), **{name: _plain(array) for name, array in self._arrays().items()}}

    def to_bytes(self) -> bytes:
        """As `save`, compact; see `from_bytes`."""
        file = io.BytesIO()
        arrays: dict[str, Any] = self._arrays()
        described = np.frombuffer(json.dumps(self._described()).encode(), np.uint8)
        np.savez_compressed(file, described=described, **arrays)
        return file.getvalue()

    @classmethod
    def restore(cls, wanted: Sequence[Wanted], saved: Mapping[str, Any], symbols: Sequence[str] | None = None) -> Self:
        """What `save` saved.

        Args:
            wanted: the same as then.
            saved: plain data.
            symbols: the symbols from now on, if they are not those of then: new ones begin, others are dropped.

        Raises:
            IndicatorError: it was saved by other indicators, parameters or another form of the kernels.
        """
        features = [feature.text for feature in as_features(wanted)]
        if saved.get("form") != FORM or saved.get("features") != features:
            raise IndicatorError(
                f"the saved state is of {saved.get('features')!r}, not of {features!r}; restore it with its own "
                "indicators, or start anew and update with at least the lookback's bars"
            )
        live = cls(wanted, saved["symbols"] if symbols is None else symbols)
        before = {symbol: place for place, symbol in enumerate(saved["symbols"])}
        known = [symbol for symbol in live.symbols if symbol in before]
        theirs, ours = np.array([before[symbol] for symbol in known], np.int64), live.slots(known)
        kept = live._arrays()
        for name, array in kept.items():
            try:
                given = np.array(saved[name], array.dtype).reshape(len(before), *array.shape[1:])
            except (KeyError, ValueError, TypeError):
                raise IndicatorError(f"the saved state has another form (its {name}); start anew") from None
            array[ours] = given[theirs]
        live._take(kept)
        return live

    @classmethod
    def from_bytes(cls, wanted: Sequence[Wanted], saved: bytes, symbols: Sequence[str] | None = None) -> Self:
        """What `to_bytes` saved; see `restore`.

        Raises:
            IndicatorError: as `restore`; or the bytes are damaged.
        """
        try:
            with np.load(io.BytesIO(saved), allow_pickle=False) as arrays:
                plain = {name: arrays[name] for name in arrays.files}
            described = json.loads(plain.pop("described").tobytes())
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise IndicatorError(f"the saved state is damaged ({error}); start anew") from None
        return cls.restore(wanted, {**described, **plain}, symbols)

    def _places(self, symbols: Sequence[str] | Slots) -> Slots:
        slots = symbols if isinstance(symbols, np.ndarray) and symbols.dtype.kind == "i" else self.slots(list(symbols))
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

    def _described(self) -> dict[str, Any]:
        features = [feature.text for feature in self.features]
        return {"form": FORM, "features": features, "symbols": list(self.symbols)}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of all that is carried on, a row a symbol."""
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


def _plain(array: NDArray[Any]) -> list[Any]:
    """The array as lists, None for NaN, which JSON does not know."""
    if array.ndim > 1:
        return [_plain(row) for row in array]
    return [None if math.isnan(value) else value for value in array.tolist()]
