"""Which indicators exist. Each module below `tradepipe.indicators.families` registers its own when imported.

A new indicator is one new module there; nothing else lists it. Looking the registry up imports every
one of them, which costs no numba: kernels are compiled when they are first run.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from tradepipe.indicators.errors import IndicatorError, UnknownIndicatorError
from tradepipe.indicators.model import Indicator

_FAMILIES = "tradepipe.indicators.families"
_REGISTERED: dict[str, Indicator] = {}


def register(indicator: Indicator) -> Indicator:
    """Add `indicator` to the registry and return it.

    Raises:
        IndicatorError: when the name is taken by another one.
    """
    if _REGISTERED.setdefault(indicator.name, indicator) != indicator:
        raise IndicatorError(f"an indicator named {indicator.name!r} is already registered; choose another name")
    return indicator


def indicators() -> Mapping[str, Indicator]:
    """All registered indicators by name, in alphabetical order."""
    _import_families()
    return MappingProxyType(dict(sorted(_REGISTERED.items())))


def indicator_named(name: str) -> Indicator:
    """The indicator of that name.

    Raises:
        UnknownIndicatorError: with the nearest names and all there are.
    """
    known = indicators()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=2)
        suggestion = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UnknownIndicatorError(f"there is no indicator {name!r}.{suggestion} Available: {', '.join(known)}")
    return known[name]


@cache
def families() -> Mapping[str, str]:
    """Names of the families and what each holds, in words, in alphabetical order."""
    package = importlib.import_module(_FAMILIES)
    found = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__) if one.ispkg):
        text = importlib.import_module(f"{_FAMILIES}.{module}").__doc__ or module
        found[module] = text.strip().rstrip(".")
    return MappingProxyType(found)


def family_of(indicator: Indicator) -> str:
    """The family whose folder holds the indicator's kernel."""
    return indicator.kernel.function.__module__.removeprefix(f"{_FAMILIES}.").split(".", 1)[0]


@cache
def _import_families() -> None:
    package = importlib.import_module(_FAMILIES)
    for module in sorted(module.name for module in pkgutil.walk_packages(package.__path__, f"{_FAMILIES}.")):
        importlib.import_module(module)
