"""How kernels are compiled, said once.

A kernel is written in the module of its indicator or model and compiled when it is first run, so importing it costs no
numba. What is compiled is kept on disk; `tradepipe.compiling.caching` says where and how long. `tradepipe compile`
fills that cache at install.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any


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

        from tradepipe.compiling.caching import cache_of  # noqa: PLC0415 - imports numba

        dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(self.function)
        if dispatcher is not self.function:  # with NUMBA_DISABLE_JIT it is: Python runs it, a debugger steps through it
            dispatcher._cache = cache_of(self)  # noqa: SLF001 - what numba.njit(cache=True) does
        return dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What numba asks of a global that compiled code calls."""
        return self.dispatcher._numba_type_

    def __call__(self, *arguments: object) -> Any:
        return self.dispatcher(*arguments)

    def prepare(self, types: str) -> None:
        """Compile the kernel without running it, or fetch it from the cache.

        Args:
            types: of its arguments, such as "float64[:, ::1], int64[::1], boolean": numba's names, with commas between.
        """
        self.dispatcher.compile(_arguments(types))

    def is_cached(self, types: str) -> bool:
        """Whether the next process will find what `prepare` prepares."""
        cache, context = self.dispatcher._cache, self.dispatcher.targetctx  # noqa: SLF001 - the one who knows
        return cache.load_overload(_arguments(types), context) is not None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        """Between processes a kernel goes by its name, as functions do."""
        return _named, (self.function.__module__, self.function.__qualname__)


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile `function` on its first call, and keep the result on disk."""
    return Compiled(function)


def _named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _arguments(types: str) -> tuple[Any, ...]:
    sigutils: Any = importlib.import_module("numba.core.sigutils")  # it has no types, and costs half a second
    arguments: tuple[Any, ...] = sigutils.normalize_signature(f"void({types})")[0]
    return arguments
