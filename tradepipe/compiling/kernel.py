"""How kernels are compiled, said once.

A kernel is written in the module of its indicator and compiled when it is first run, so importing the
registry costs no numba. What is compiled is kept on disk; `tradepipe.compiling.caching` says where and how
long. `tradepipe indicators compile` fills that cache at install.
"""

import functools
from collections.abc import Callable
from typing import Any

Kinds = tuple[type[int] | type[float], ...]


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

    def prepare(self, inputs: int, parameters: Kinds, outputs: int) -> None:
        """Compile the kernel of an indicator without running it, or fetch it from the cache.

        Args:
            inputs: how many arrays it reads.
            parameters: their kinds.
            outputs: how many arrays it writes.
        """
        self.dispatcher.compile(_signature(inputs, parameters, outputs))

    def is_cached(self, inputs: int, parameters: Kinds, outputs: int) -> bool:
        """Whether the next process will find what `prepare` prepares."""
        cache, context = self.dispatcher._cache, self.dispatcher.targetctx  # noqa: SLF001 - the one who knows
        return cache.load_overload(_signature(inputs, parameters, outputs), context) is not None


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile `function` on its first call, and keep the result on disk."""
    return Compiled(function)


def _signature(inputs: int, parameters: Kinds, outputs: int) -> tuple[Any, ...]:
    """The types of a kernel's arguments; see `tradepipe.indicators.kernels`."""
    from numba import types  # noqa: PLC0415 - half a second

    table = types.Array(types.int64, 2, "C"), types.Array(types.float64, 2, "C")
    read = types.Array(types.float64, 1, "C", readonly=True)
    numbers = (types.int64 if kind is int else types.float64 for kind in parameters)
    written = types.Array(types.float64, 1, "C")
    return (*table, *[read] * inputs, *numbers, *[written] * outputs)
