"""The kernels that engines and ensemble call from Python, with the types of their arguments.

They are compiled and kept at install, so that no first fit waits for a compiler. What they call in turn is compiled
into them. `tests/forecasting/engines/test_kernels.py` says which line a new kernel needs.
"""

from typing import Final

from tradepipe.compiling import Compiled
from tradepipe.compiling.building import Job
from tradepipe.forecasting.batched import (
    filtering,
    fitting,
    garch_filtering,
    garch_information,
    garch_likelihood,
    garch_parameters,
    garch_series,
    lanes,
    product_fitting,
)
from tradepipe.forecasting.engines import baselines
from tradepipe.forecasting.engines.samossa import eigen, recursion, scaling, validation
from tradepipe.forecasting.ensemble.kernels import laying, sums

TYPES: Final = {
    "b": "boolean",
    "i": "int64",
    "f": "float64",
    "b1": "boolean[::1]",
    "b2": "boolean[:, ::1]",
    "i1": "int64[::1]",
    "i2": "int64[:, ::1]",
    "f1": "float64[::1]",
    "f2": "float64[:, ::1]",
    "f3": "float64[:, :, ::1]",
}
"""Booleans, integers, floats; with the dimensions of arrays, all C-contiguous and writable."""

KERNELS: Final[tuple[tuple[Compiled, str], ...]] = (
    (fitting.fit_all, "f1 i1 i i i b i i f2 f3 i1 f2"),
    (product_fitting.fit_products, "f1 i1 f2 i1 b i i f2 i1 f2"),
    (filtering.start_all, "i1 f2 f2"),
    (filtering.advance_all, "i1 f2 f1 i1 f2 f2 f1"),
    (filtering.likelihood_all, "f2 f2 f1"),
    (filtering.forecast_all, "i1 f2 f2 f3 f2 f2"),
    (lanes.search, "f2 f1 b i1 f2 f3 b b f i f2 f1 i2"),
    (garch_information.prepare, "f2 f1 b i1 f2 b b f2 f1 f3"),
    (garch_likelihood.evaluate, "f2 f1 i1 b"),
    (garch_parameters.coordinates, "f1 b b f1"),
    (garch_parameters.places_of, "f2 b b f2"),
    (garch_series.same_as_neighbours, "f2 i1"),
    (garch_filtering.carry, "f1 i1 f2 f1"),
    (baselines.summarise, "f1 i1 i1 f1"),
    (baselines.smooth, "f1 i1 f f2"),
    (baselines.repeat_season, "f1 i1 f2 f1"),
    (eigen.gram, "f2 f2 i i"),
    (eigen.mirror, "f2"),
    (eigen.tridiagonal, "f2 f1 f1 f1"),
    (eigen.count_above, "f1 f1 f"),
    (eigen.eigenvalues, "f1 f1 i1 f1"),
    (eigen.eigenvectors, "f1 f1 f1 f2"),
    (eigen.reflect_back, "f2 f1 f2"),
    (recursion.predictions, "f2 f1 f2"),
    (recursion.common_part, "f2 f2 f2"),
    (recursion.autoregress, "f2 f2"),
    (recursion.contracting, "f2 f b1"),
    (recursion.one_step, "f2 f2 f2"),
    (recursion.carry, "f2 f2 f1 i1 f1"),
    (recursion.ahead, "f2 f2 f2 f2"),
    (scaling.measure, "f2 i f1 f1"),
    (scaling.standardise, "f2 f1 f1 f2"),
    (validation.rest_of_ranks, "f2 f2 i1 f f3"),
    (validation.losses_of_ranks, "f2 i f2 f3 i i f2 f2"),
    (laying.find_positions, "i1 i1 i1"),
    (laying.spread, "i1 i1 i1"),
    (laying.place_bars, "i1 i1 f1 i1 b1 f2 i2 b2 i1"),
    (laying.meet, "i1 i1 i1 i1 f1 f2 i2 b2 i1 i1 f1"),
    (laying.place_rows, "i1 i1 i1 i i i1"),
    (laying.arrange, "i1 i1 i1 i i i2 i1 i1"),
    (laying.move, "f1 i1 i1 f1"),
    (sums.add_losses, "i1 f1 f1 f1 f1 f1 f1 f1 f f2"),
    (sums.count_widths, "i1 f1 f1 f1 i1 i f1 i i i1 f2"),
)


def jobs() -> list[Job]:
    """One a kernel."""
    return [Job(name_of(kernel), kernel, ", ".join(TYPES[one] for one in kinds.split())) for kernel, kinds in KERNELS]


def name_of(kernel: Compiled) -> str:
    """The kernel's module and its own name."""
    return f"{kernel.function.__module__.rpartition('.')[2]}.{kernel.function.__name__}"
