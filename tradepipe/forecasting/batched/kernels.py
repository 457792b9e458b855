"""The kernels that the batched engines call from Python, with the types of their arguments.

They are compiled and kept at install, so that no first fit waits for a compiler. What they call in turn is compiled
into them.
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
)

_FLAG, _COUNT, _NUMBER = "boolean", "int64", "float64"
_ROW, _ROWS, _CUBE = "float64[::1]", "float64[:, ::1]", "float64[:, :, ::1]"
_INTEGERS, _PAIRS = "int64[::1]", "int64[:, ::1]"
_TASKS = (_ROWS, _ROW, _FLAG, _INTEGERS, _ROWS)

KERNELS: Final[tuple[tuple[Compiled, tuple[str, ...]], ...]] = (
    (
        fitting.fit_all,
        (_ROW, _INTEGERS, _COUNT, _COUNT, _COUNT, _FLAG, _COUNT, _COUNT, _ROWS, _INTEGERS, _ROWS),
    ),
    (filtering.start_all, (_INTEGERS, _ROWS, _ROWS)),
    (filtering.advance_all, (_INTEGERS, _ROWS, _ROW, _INTEGERS, _ROWS, _ROWS, _ROW)),
    (filtering.likelihood_all, (_ROWS, _ROWS, _ROW)),
    (filtering.forecast_all, (_INTEGERS, _ROWS, _ROWS, _ROWS, _ROWS)),
    (lanes.search, (*_TASKS, _CUBE, _FLAG, _FLAG, _NUMBER, _COUNT, _ROWS, _ROW, _PAIRS)),
    (garch_information.prepare, (*_TASKS, _FLAG, _FLAG, _ROWS, _ROW, _CUBE)),
    (garch_likelihood.evaluate, (_ROWS, _ROW, _INTEGERS, _FLAG)),
    (garch_parameters.coordinates, (_ROW, _FLAG, _FLAG, _ROW)),
    (garch_parameters.places_of, (_ROWS, _FLAG, _FLAG, _ROWS)),
    (garch_series.same_as_neighbours, (_ROWS, _INTEGERS)),
    (garch_filtering.carry, (_ROW, _INTEGERS, _ROWS, _ROW)),
)


def jobs() -> list[Job]:
    """One a kernel, named by its module and itself."""
    return [
        Job(f"{kernel.function.__module__.rpartition('.')[2]}.{kernel.function.__name__}", kernel, ", ".join(types))
        for kernel, types in KERNELS
    ]
