"""The figures of the indicators: `python -m benchmarks.indicators [--quick]`.

Each part measures against a peer in the same run, the two taking turns. Ends with one line of JSON:
target -> measured, target, unit, peer, better ("lower": smaller is better).
"""

from benchmarks.common.running import run

if __name__ == "__main__":
    run(__doc__, "indicators")
