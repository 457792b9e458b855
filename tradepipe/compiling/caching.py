"""Where compiled kernels are kept between processes, and when they are too old.

Numba's disk cache with four changes. A kernel is compiled again when the text of any kernel it calls, or a
constant it takes from another module, has changed; numba itself watches the file of the kernel alone. A
kernel that was compiled at install is read from the package's folder even by a user who may not write there.
Code reaches the disk before the index that names it, so that two processes may compile at once.
And what cannot be read or written costs a compilation, not the run.

The cache lies in NUMBA_CACHE_DIR if that is set and may be written, else beside the modules, else in the user's cache
folder, else nowhere.
"""

import importlib
import inspect
import pickle
from typing import Any

from tradepipe.compiling.kernel import Compiled
from tradepipe.compiling.stamps import stamp_of

caching: Any = importlib.import_module("numba.core.caching")  # it has no types

_UNREADABLE = (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError, pickle.PickleError)


def cache_of(compiled: Compiled) -> Any:
    """The cache of one kernel, as a numba dispatcher wants it; one that keeps nothing where nothing can be written."""
    try:
        return _KernelCache(compiled)
    except RuntimeError:  # no folder may be written: numba's own word for it
        return caching.NullCache()


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
