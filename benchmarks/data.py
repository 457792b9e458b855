"""The figures of the data plane: `python -m benchmarks.data [--quick]`.

Each part measures against a peer in the same run. Ends with one line of JSON: target -> measured,
target, unit, peer, better ("lower": smaller is better).
"""

import argparse
import importlib
import json
import pkgutil

from benchmarks import parts

# What parts share, and is no part itself; and the parts of other benchmarks.
SHARED = {"stocks", "processes", "running", "two_threads", "daily_panels", "peer_arma"}
OTHERS = ("indicator_", "forecast_")


def main() -> None:
    """Measure every part, tell, and end with the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modules = {module.name for module in pkgutil.iter_modules(parts.__path__)}
    names = sorted(name for name in modules - SHARED if not name.startswith(OTHERS))
    parser.add_argument("--quick", action="store_true", help="fewer symbols, years and reads")
    parser.add_argument("--only", choices=names, nargs="*", default=names, help="parts to measure")
    told = parser.parse_args()
    figures: dict[str, dict[str, float | str]] = {}
    for name in told.only:
        print(f"== {name}", flush=True)
        figures |= importlib.import_module(f"benchmarks.parts.{name}").measure(quick=told.quick)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
