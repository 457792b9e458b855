"""How kernels are compiled, said once.

A kernel is written in the module of its indicator and compiled when it is first run, so importing the
registry costs no numba. What is compiled is kept on disk, and the key of that cache holds the text of
every shared kernel: an edit there recompiles whoever calls it, which numba by itself would not notice.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parent / "kernels"


class Compiled:
    """A function that numba compiles on its first call; compiled functions may call each other."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """Numba's own object.

        Compiled without the interpreter lock, so that threads may share the series; 0/0 is NaN as in
        numpy. Fast-math stays off: it would reorder sums, and batch and live values would part.
        """
        import numba  # noqa: PLC0415 - half a second

        dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(self.function)
        dispatcher._cache = _cache_class()(self.function)  # noqa: SLF001 - what numba.njit(cache=True) does
        return dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What numba asks of a global that compiled code calls."""
        return self.dispatcher._numba_type_

    def __call__(self, *arguments: object) -> Any:
        return self.dispatcher(*arguments)


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile `function` on its first call; cached beside its module or in NUMBA_CACHE_DIR."""
    return Compiled(function)


@functools.cache
def shared_digest() -> bytes:
    """Digest of the text of all shared kernels."""
    digest = hashlib.sha256()
    for path in sorted(SHARED.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


@functools.cache
def _cache_class() -> Any:
    from numba.core import caching  # noqa: PLC0415 - as above

    def stamped(locator: Any) -> Any:
        class Stamped(locator):  # type: ignore[misc]
            def get_source_stamp(self) -> Any:
                return super().get_source_stamp(), shared_digest()

        return Stamped

    locators = [
        stamped(one)
        for one in (caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, caching.UserWideCacheLocator)
    ]
    implementation: Any = type("KernelCacheImpl", (caching.CompileResultCacheImpl,), {"_locator_classes": locators})

    class KernelCache(caching.FunctionCache):
        _impl_class = implementation

    return KernelCache
