"""The figures of the data plane: `python -m benchmarks.data [--quick]`.

Each part measures against a peer in the same run. Ends with one line of JSON: target -> measured,
target, unit, peer, better ("lower": smaller is better).
"""

from benchmarks.common.running import run

if __name__ == "__main__":
    run(__doc__, "data")
