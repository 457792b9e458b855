"""Saved live states: what they say of themselves, and what of them is refused. Kernels trust their memory."""

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling.stamps import meaning_of
from tradepipe.indicators.errors import IndicatorError
from tradepipe.indicators.feature import Feature

FORM = 2
ANEW = "start anew and update with at least the lookback's bars"
_DIGEST = hashlib.sha256().digest_size


def described(features: Sequence[Feature], symbols: Sequence[str]) -> dict[str, Any]:
    """What a state says of itself: whose it is, and by which kernels it came about."""
    kernels = [meaning_of(feature.bound.indicator.kernel) for feature in features]
    return {
        "form": FORM,
        "features": [feature.text for feature in features],
        "kernels": kernels,
        "symbols": list(symbols),
    }


def symbols_of(saved: Any, features: Sequence[Feature]) -> list[str]:
    """The symbols of a saved state.

    Raises:
        IndicatorError: it is not one of `features`, or their kernels compute otherwise by now.
    """
    own = described(features, [])
    told = saved if isinstance(saved, Mapping) else {}
    if told.get("form") != FORM or told.get("features") != own["features"]:
        raise IndicatorError(
            f"the saved state is of {told.get('features')!r:.200}, not of {own['features']!r}; restore it with its own "
            f"indicators, or {ANEW}"
        )
    kernels, symbols = told.get("kernels"), told.get("symbols")
    if not isinstance(kernels, list) or len(kernels) != len(features):
        raise IndicatorError(f"the saved state has another form (its kernels); {ANEW}")
    both = zip(own["features"], own["kernels"], kernels, strict=True)
    if changed := [text for text, now, then in both if now != then]:
        raise IndicatorError(f"the kernel of {', '.join(changed)} has changed since the state was saved; {ANEW}")
    if not isinstance(symbols, list) or len({symbol for symbol in symbols if isinstance(symbol, str)}) < len(symbols):
        raise IndicatorError(f"the saved state has another form (its symbols); {ANEW}")
    return symbols


def array_of(saved: Mapping[str, Any], name: str, rows: int, like: NDArray[Any]) -> NDArray[Any]:
    """One array of a saved state, of the rows' shape and the kind of `like`.

    Raises:
        IndicatorError: it is missing, of another shape, or holds what no state does.
    """
    try:
        given = np.array(saved[name], like.dtype).reshape(rows, *like.shape[1:])
    except (KeyError, ValueError, TypeError, OverflowError):
        raise IndicatorError(f"the saved state has another form (its {name}); {ANEW}") from None
    part = name.partition("_")[0]
    if (part in {"bars", "memory"} and not np.isfinite(given).all()) or (part == "seen" and (given < 0).any()):
        raise IndicatorError(f"the saved state is damaged (its {name}); {ANEW}")
    return given


def plain(array: NDArray[Any]) -> list[Any]:
    """The array as lists, None for NaN, which JSON does not know."""
    if array.ndim > 1:
        return [plain(row) for row in array]
    return [None if math.isnan(value) else value for value in array.tolist()]


def packed(description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Both as bytes that begin with a digest of the rest."""
    file = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, described=np.frombuffer(json.dumps(description).encode(), np.uint8), **named)
    return hashlib.sha256(file.getvalue()).digest() + file.getvalue()


def unpacked(saved: bytes) -> dict[str, Any]:
    """What `packed` packed, in one.

    Raises:
        IndicatorError: the bytes are not those.
    """
    digest, content = saved[:_DIGEST], saved[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise IndicatorError(f"the saved state is damaged, such as by a crash while it was written; {ANEW}")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    return {**json.loads(found.pop("described").tobytes()), **found}
