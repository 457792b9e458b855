"""What was fitted is kept by what it follows from, so that an exact repeat is never fitted twice."""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Final, Protocol

import numpy as np

from tradepipe.forecasting.model import EngineName, Fits, FloatArray, ModelSpec

_ROOMS: Final = ("engines", "batched", "refits")
_LIBRARIES: Final = ("arch", "numba", "numpy", "scipy", "statsmodels")
_FORMAT: Final = "2"
_LENGTH: Final = struct.Struct("<I")
_SEAL: Final = 8
"""Bytes of the digest that a blob begins with."""
_FIGURES: Final = 4  # log-likelihood, observations, converged, evaluations; then the parameters


class FitCache(Protocol):
    """Keeps bytes by key. What it holds is only ever a repetition of what a computation gives."""

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is kept of `keys`; one that is not kept is not in the answer."""

    def put_many(self, kept: Mapping[str, bytes]) -> None:
        """Keep all of them, in the place of what was kept under the same keys."""


class DamagedBlobError(ValueError):
    """Bytes that are not as they were kept."""


@dataclass(frozen=True)
class Row:
    """One equation of one symbol after one refit: what `Fits` says of it, without state and residuals."""

    engine: EngineName
    reason: str | None
    warnings: str
    names: tuple[str, ...]
    numbers: FloatArray
    """(4 + names,): log-likelihood, observations, converged, evaluations, parameters."""


def rows_of(fits: Fits) -> list[Row]:
    """What is kept of `fits`, a row a symbol."""
    figures = [fits.log_likelihood, fits.observations, fits.converged, fits.evaluations]
    numbers = np.column_stack([*(np.asarray(one, dtype=np.float64) for one in figures), fits.parameters])
    return [
        Row(*row)
        for row in zip(fits.engine, fits.reason, fits.warnings, [fits.names] * len(fits), numbers, strict=True)
    ]


def fits_of(spec: ModelSpec, symbols: tuple[str, ...], rows: Sequence[Row]) -> Fits:
    """Fits that say what `rows` do, without states: they stand nowhere until a panel is filtered."""
    numbers = np.array([row.numbers for row in rows])
    return Fits(
        spec=spec,
        symbols=symbols,
        engine=tuple(row.engine for row in rows),
        reason=tuple(row.reason for row in rows),
        names=rows[0].names,
        parameters=numbers[:, _FIGURES:],
        log_likelihood=numbers[:, 0],
        observations=numbers[:, 1].astype(np.int64),
        converged=numbers[:, 2] > 0,
        evaluations=numbers[:, 3].astype(np.int64),
        warnings=tuple(row.warnings for row in rows),
        residuals=(),
        state=np.empty((len(rows), 0)),
    )


def to_blob(rows: Sequence[Row]) -> bytes:
    """All rows of a chain as bytes: what is told in words once, then the numbers."""
    words = list(dict.fromkeys((row.engine, row.reason, row.warnings, row.names) for row in rows))
    place = {one: number for number, one in enumerate(words)}
    uses = [place[row.engine, row.reason, row.warnings, row.names] for row in rows]
    head = json.dumps([words, uses], separators=(",", ":")).encode()
    blob = _LENGTH.pack(len(head)) + head + b"".join(row.numbers.tobytes() for row in rows)
    return _seal(blob) + blob


def from_blob(blob: bytes) -> list[Row]:
    """The rows that `to_blob` was given.

    Raises:
        DamagedBlobError: the bytes changed since.
    """
    seal, blob = blob[:_SEAL], blob[_SEAL:]
    if _seal(blob) != seal:
        raise DamagedBlobError(f"{len(blob)} bytes do not have the digest that they were kept with")
    start = _LENGTH.size + _LENGTH.unpack_from(blob)[0]
    words, uses = json.loads(blob[_LENGTH.size : start])
    rows = []
    for use in uses:
        engine, reason, warnings, names = words[use]
        size = _FIGURES + len(names)
        rows.append(Row(engine, reason, warnings, tuple(names), np.frombuffer(blob, np.float64, size, start)))
        start += 8 * size
    return rows


def _seal(blob: bytes) -> bytes:
    return hashlib.blake2b(blob, digest_size=_SEAL).digest()


def key_of(parts: Iterable[bytes]) -> str:
    """Digest of `parts`, each set apart from the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_LENGTH.pack(len(part)))
        digest.update(part)
    return digest.hexdigest()


@cache
def engines_version() -> str:
    """Digest of everything that fits, our text and the libraries' versions: others never find what these kept."""
    libraries = [f"{name} {metadata.version(name)}".encode() for name in _LIBRARIES]
    return key_of([_FORMAT.encode(), *libraries, *(file.read_bytes() for file in fitting_code())])


def fitting_code() -> list[Traversable]:
    """The modules that parameters follow from."""
    whole = resources.files("tradepipe")
    root = whole / "forecasting"
    rooms = [whole / "compiling", *(root / room for room in _ROOMS)]
    limits = whole / "contracts" / "forecasts.py"  # say which fit falls to the next engine
    return [root / "model.py", limits, *(file for room in rooms for file in _python(room))]


def _python(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            found += _python(one)
        elif one.name.endswith(".py"):
            found.append(one)
    return found
