"""statsmodels and arch behind the engine interface: what the kernels cannot do, what they are checked by.

Importing it imports neither; both take seconds.
"""

from tradepipe.forecasting.engines.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
