"""How kernels are compiled, said once."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on its first call.

    Cached beside its module or in NUMBA_CACHE_DIR; without the interpreter lock, so that threads may
    share the groups; 0/0 is NaN as in numpy. Fast-math stays off: it would reorder sums, and batch
    and live values would part.
    """
    kernel: Callable[P, R] = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return kernel
