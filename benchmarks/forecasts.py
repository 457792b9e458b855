"""The figures of the forecasts: `python -m benchmarks.forecasts [--quick]`.

Each part measures against a peer in the same run, the two taking turns, in CPU time of one core. Ends with one line of
JSON: target (T1, T2_garch, ...) -> measured, target, unit, peer, better ("lower": smaller is better). "Short" is more
than 1e-3 below the best log-likelihood that anyone found for the window.
"""

from benchmarks.common.running import run

if __name__ == "__main__":
    run(__doc__, "forecasts")
