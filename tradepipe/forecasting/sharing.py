"""Work shared out to threads: kernels run without the interpreter's lock, so threads use as many cores."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from tradepipe.observability.spending import add_help, working_time

T = TypeVar("T")


def side_by_side(threads: int, run: Callable[..., T], *items: Iterable[object]) -> list[T]:
    """`map(run, *items)` on so many threads; the answers in the order of the items.

    Raises:
        Exception: the first that a call raises, after all calls that were begun.
    """
    if threads <= 1:
        return list(map(run, *items))

    def timed(*one: object) -> tuple[T, float]:
        began = working_time()
        return run(*one), working_time() - began

    with ThreadPoolExecutor(threads) as pool:
        told = list(pool.map(timed, *items))
    add_help(sum(spent for _, spent in told))
    return [answer for answer, _ in told]


def parts_of(count: int, threads: int, each: int = 1) -> list[int]:
    """Where `each` part a thread of `count` things begins, and the end of the last one; no part is empty."""
    parts = max(min(each * threads, count), 1) if threads > 1 else 1
    return [int(edge) for edge in np.linspace(0, count, parts + 1)]
