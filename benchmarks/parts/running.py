"""Running the parts of one benchmark: the modules whose name begins with its prefix."""

import argparse
import importlib
import json
import pkgutil
from collections.abc import Collection

from benchmarks import parts


def run(described: str | None, prefix: str, shared: Collection[str] = ()) -> None:
    """Measure every part, tell, and end with one line of JSON: target -> figure.

    Args:
        described: what `--help` says.
        prefix: of the parts' names.
        shared: modules that parts share, and that are no parts themselves.
    """
    parser = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    modules = {module.name for module in pkgutil.iter_modules(parts.__path__) if module.name.startswith(prefix)}
    names = sorted(name.removeprefix(prefix) for name in modules - set(shared))
    parser.add_argument("--quick", action="store_true", help="fewer symbols and rounds")
    parser.add_argument("--only", choices=names, nargs="*", default=names, help="parts to measure")
    told = parser.parse_args()
    figures: dict[str, dict[str, float | str]] = {}
    for name in told.only:
        print(f"== {name}", flush=True)
        found = importlib.import_module(f"benchmarks.parts.{prefix}{name}").measure(quick=told.quick)
        twice = figures.keys() & found.keys()
        if twice:
            raise SystemExit(f"{name} measures {', '.join(sorted(twice))}, which another part did; name it otherwise")
        figures |= found
    print(json.dumps(figures))
