"""Indicators: pure functions of bars, each defined once for batch, live use, documentation and tests.

Importing this package imports no numba; the kernels are compiled when they are first run.
"""

from tradepipe.indicators.batch.compute import compute_indicators
from tradepipe.indicators.batch.outside import Beside, Windowed
from tradepipe.indicators.configured import features_of
from tradepipe.indicators.errors import (
    DuplicateIndicatorError,
    IndicatorError,
    IndicatorInputError,
    IndicatorSyntaxError,
    ParameterError,
    UnknownIndicatorError,
)
from tradepipe.indicators.feature import Feature
from tradepipe.indicators.live.live import Live
from tradepipe.indicators.live.state import State
from tradepipe.indicators.model import BoundIndicator, Indicator, Output, Parameter
from tradepipe.indicators.parsing import (
    contract_for,
    lookback_of,
    parse_feature,
    parse_features,
    parse_indicator,
    parse_indicators,
)
from tradepipe.indicators.registry import indicator_named, indicators, register

__all__ = [
    "Beside",
    "BoundIndicator",
    "DuplicateIndicatorError",
    "Feature",
    "Indicator",
    "IndicatorError",
    "IndicatorInputError",
    "IndicatorSyntaxError",
    "Live",
    "Output",
    "Parameter",
    "ParameterError",
    "State",
    "UnknownIndicatorError",
    "Windowed",
    "compute_indicators",
    "contract_for",
    "features_of",
    "indicator_named",
    "indicators",
    "lookback_of",
    "parse_feature",
    "parse_features",
    "parse_indicator",
    "parse_indicators",
    "register",
]
