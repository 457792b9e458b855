"""Running the parts of one benchmark: the modules of its package in `benchmarks.parts`."""

import argparse
import importlib
import json
import pkgutil


def run(described: str | None, benchmark: str) -> None:
    """Measure every part, tell, and end with one line of JSON: target -> figure.

    Args:
        described: what `--help` says.
        benchmark: whose parts.
    """
    parser = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    package = importlib.import_module(f"benchmarks.parts.{benchmark}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    parser.add_argument("--quick", action="store_true", help="fewer symbols, years and rounds")
    parser.add_argument("--only", choices=names, nargs="*", default=names, help="parts to measure")
    told = parser.parse_args()
    figures: dict[str, dict[str, float | str]] = {}
    for name in told.only:
        print(f"== {name}", flush=True)
        found = importlib.import_module(f"{package.__name__}.{name}").measure(quick=told.quick)
        twice = figures.keys() & found.keys()
        if twice:
            raise SystemExit(f"{name} measures {', '.join(sorted(twice))}, which another part did; name it otherwise")
        figures |= found
    print(json.dumps(figures))
