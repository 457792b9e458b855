"""Where compiled kernels are kept between processes, and when they are too old.

Numba's disk cache with four changes. A kernel is compiled again when the text of any kernel it calls, or a
constant it takes from another module, has changed; numba itself watches the file of the kernel alone. A
kernel that was compiled at install is read from the package's folder even by a user who may not write there.
Code reaches the disk before the index that names it, so that two processes may compile at once.
And what cannot be read or written costs a compilation, not the run.

The cache lies in NUMBA_CACHE_DIR if that is set and may be written, else beside the modules, else in the user's cache
folder, else nowhere.
"""

import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

from tradepipe.indicators.compiling import Compiled

caching: Any = importlib.import_module("numba.core.caching")  # it has no types

_UNREADABLE = (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError, pickle.PickleError)


def cache_of(compiled: Compiled) -> Any:
    """The cache of one kernel, as a numba dispatcher wants it; one that keeps nothing where nothing can be written."""
    try:
        return _KernelCache(compiled)
    except RuntimeError:  # no folder may be written: numba's own word for it
        return caching.NullCache()


def stamp_of(compiled: Compiled) -> str:
    """Digest of all the text and constants that the machine code of a kernel is made of."""
    digest = hashlib.sha256(importlib.metadata.version("llvmlite").encode())
    for part in sorted(set(_made_of(compiled, set()))):
        digest.update(part.encode())
    return digest.hexdigest()


def _made_of(compiled: Compiled, seen: set[object]) -> Iterator[str]:
    seen.add(compiled)
    yield _digest_of(inspect.getfile(compiled.function))
    for name, value in _globals_of(compiled.function):
        if isinstance(value, Compiled):
            if value not in seen:
                yield from _made_of(value, seen)
        elif not isinstance(value, types.ModuleType) and not callable(value):
            yield f"{compiled.function.__module__}.{name}={value!r}"


def _globals_of(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """What the function takes from its module, by name; through a module of ours all the kernels of that module."""
    for name in sorted(_names_in(function.__code__) & function.__globals__.keys()):
        value = function.__globals__[name]
        yield name, value
        if isinstance(value, types.ModuleType) and value.__name__.startswith("tradepipe."):
            yield from vars(value).items()


def _names_in(code: types.CodeType) -> set[str]:
    inner = (_names_in(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*inner)


@functools.cache
def _digest_of(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - a path of inspect's
        return hashlib.file_digest(file, "sha256").hexdigest()


class _KernelFile(caching.IndexDataCacheFile):  # type: ignore[misc]
    def _load_index(self) -> dict[object, str]:
        """What there is, by key; nothing where a crash or a full disk cut the index off, or it is not ours to read."""
        try:
            found: dict[object, str] = super()._load_index()
        except _UNREADABLE:
            return {}
        return found

    def save(self, key: object, data: object) -> None:
        """As numba's, with the code on disk before the index says that it is there."""
        overloads = self._load_index()
        taken = set(overloads.values())
        free = (self._data_name(i) for i in range(1, len(taken) + 2))
        name = overloads.get(key) or next(one for one in free if one not in taken)
        self._save_data(name, data)
        self._save_index({**overloads, key: name})


class _KernelCache(caching.FunctionCache):  # type: ignore[misc]
    def __init__(self, compiled: Compiled) -> None:
        super().__init__(compiled.function)
        stamp, base = stamp_of(compiled), self._impl.filename_base
        self._cache_file = _KernelFile(self._cache_path, base, stamp)
        self._installed = None
        if isinstance(self._impl.locator, caching.UserWideCacheLocator):
            beside = caching.InTreeCacheLocator(compiled.function, inspect.getfile(compiled.function))
            self._installed = _KernelFile(beside.get_cache_path(), base, stamp)

    def _load_overload(self, sig: object, target_context: Any) -> Any:
        key = self._index_key(sig, target_context.codegen())
        for file in filter(None, (self._cache_file, self._installed)):
            try:
                data = file.load(key)
                if data is not None:
                    return self._impl.rebuild(target_context, data)
            except _UNREADABLE:  # as an index: compile it again
                continue
        return None

    def save_overload(self, sig: object, data: Any) -> None:
        """As numba's; a full disk or a folder that has gone is no reason to fail."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()
