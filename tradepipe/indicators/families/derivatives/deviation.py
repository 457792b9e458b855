"""How unusual the newest value of a window is: what the specifications of this family share."""

import numpy as np

from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.specifications import deviations


def zscores(windows: Floats) -> Floats:
    """The newest value's distance from each window's mean, in sample standard deviations. [windows, period]."""
    deviation = deviations(windows)
    spread: Floats = np.sqrt((deviation**2).sum(axis=1) / (windows.shape[1] - 1))
    return deviation[:, -1] / spread
