"""The kernels of all indicators, for the cache that is filled at install."""

from tradepipe.compiling.building import Job
from tradepipe.indicators.model import Indicator
from tradepipe.indicators.registry import indicators


def jobs() -> list[Job]:
    """One an indicator, with the types that batch, states and live series call its kernel with."""
    return [Job(name, one.kernel, _types(one)) for name, one in indicators().items()]


def _types(indicator: Indicator) -> str:
    """See `tradepipe.indicators.kernels`; the columns it reads may not be written to."""
    read = ["Array(float64, 1, 'C', readonly=True)"] * len(indicator.inputs)
    numbers = ["int64" if parameter.kind is int else "float64" for parameter in indicator.parameters]
    written = ["float64[::1]"] * len(indicator.bind().described)
    return ", ".join(["int64[:, ::1]", "float64[:, ::1]", *read, *numbers, *written])
