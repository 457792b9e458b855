"""Which engines a spec is offered to, the best first, and what stands in where none can do it."""

from functools import cache
from typing import Final, Literal

from tradepipe.forecasting.engines.baselines import Baselines
from tradepipe.forecasting.engines.batched import Batched
from tradepipe.forecasting.engines.engine import Engine
from tradepipe.forecasting.engines.reference import ReferenceEngine
from tradepipe.forecasting.engines.samossa import Samossa
from tradepipe.forecasting.model import EngineName, ForecastError, ModelSpec

Choice = Literal["auto", "reference"]

BY_NAME: Final[dict[EngineName, Engine]] = {
    "batched": Batched(),
    "reference": ReferenceEngine(),
    "samossa": Samossa(),
    "baseline": Baselines(),
}


@cache
def stand_in(spec: ModelSpec) -> ModelSpec:
    """The baseline that forecasts where no engine can do `spec`; `spec` itself if it is one."""
    if BY_NAME["baseline"].refusal(spec) is None:
        return spec
    return ModelSpec("ewma", decay=spec.decay) if spec.is_variance else ModelSpec("random_walk")


@cache
def ladder(spec: ModelSpec, choice: Choice) -> tuple[tuple[Engine, ModelSpec], ...]:
    """Engines for `spec`, each with what it is asked for; the last one never fails.

    Args:
        spec: a model.
        choice: "reference" leaves the kernels out.

    Raises:
        ForecastError: not even a baseline can stand in, as with an EWMA whose decay is not between 0 and 1.
    """
    last = (BY_NAME["baseline"], stand_in(spec))
    reason = BY_NAME["baseline"].refusal(last[1])
    if reason:
        raise ForecastError(f"no engine does {spec.text}, and no baseline can stand in: {reason}")
    if last[1] == spec:
        return (last,)
    names: tuple[EngineName, ...] = ("batched", "reference") if choice == "auto" else ("reference",)
    if spec.family == "samossa":
        names = ("samossa",)
    return (*((BY_NAME[name], spec) for name in names), last)


@cache
def parameter_names(spec: ModelSpec) -> tuple[str, ...]:
    """Parameters of `spec`, those of the first engine that does it."""
    for engine, asked in ladder(spec, "auto"):
        if asked == spec and engine.refusal(spec) is None:
            return engine.names(spec)
    return ()
