"""Two kernels to compile, and one that numba cannot."""

from tradepipe.compiling import compiled


@compiled
def double(x: float) -> float:
    return 2 * x


@compiled
def half(x: float) -> float:
    return double(x) / 4


@compiled
def impossible(x: float) -> float:
    return x.no_such_attribute
