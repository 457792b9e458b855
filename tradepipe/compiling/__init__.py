"""How kernels are compiled, when, and where that is kept."""

from tradepipe.compiling.kernel import Compiled, compiled

__all__ = ["Compiled", "compiled"]
