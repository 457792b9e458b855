"""What a peer takes for ARMA(1, 1) with a mean, in a process of its own and perhaps in another environment.

Arguments: `sarimax` or `statsforecast`, and an .npz with the windows. For each line of its input, the number of a
window, it answers with the CPU seconds of the fit and the log-likelihood, so that whoever asks can measure in turns
with it. It imports nothing of ours: `make peers` installs statsforecast where tradepipe is not.
"""

import sys
import time
import warnings
from typing import Any

import numpy as np


def main() -> None:
    """Fit once unmeasured, which compiles; then answer line by line."""
    fit = {"sarimax": _sarimax, "statsforecast": _statsforecast}[sys.argv[1]]()
    with np.load(sys.argv[2]) as stored:
        windows = stored["windows"]
    warnings.simplefilter("ignore")
    fit(windows[0])
    for line in sys.stdin:
        started = time.process_time()
        height = fit(windows[int(line)])
        print(time.process_time() - started, height, flush=True)


def _sarimax() -> Any:
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - only one of the two is installed

    return lambda window: SARIMAX(window, order=(1, 0, 1), trend="c").fit(disp=0).llf


def _statsforecast() -> Any:
    from statsforecast.models import ARIMA  # noqa: PLC0415 - only one of the two is installed

    return lambda window: ARIMA(order=(1, 0, 1), include_mean=True, method="CSS-ML").fit(window).model_["loglik"]


if __name__ == "__main__":
    main()
