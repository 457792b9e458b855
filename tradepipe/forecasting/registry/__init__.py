"""The model registry: versions of members, where each is active, what it was made from, and how it did."""

from tradepipe.forecasting.evaluation.formulas import metric
from tradepipe.forecasting.registry.errors import (
    IllegalTransitionError,
    ModelRegistryError,
    UnknownModelError,
    VersionConflictError,
)
from tradepipe.forecasting.registry.metrics import EVIDENCE
from tradepipe.forecasting.registry.model import (
    METRICS,
    RULE,
    STATUSES,
    Activation,
    Event,
    Metric,
    Registered,
    Standing,
    Status,
    Version,
)
from tradepipe.forecasting.registry.registry import ModelRegistry

__all__ = [
    "EVIDENCE",
    "METRICS",
    "RULE",
    "STATUSES",
    "Activation",
    "Event",
    "IllegalTransitionError",
    "Metric",
    "ModelRegistry",
    "ModelRegistryError",
    "Registered",
    "Standing",
    "Status",
    "UnknownModelError",
    "Version",
    "VersionConflictError",
    "metric",
]
