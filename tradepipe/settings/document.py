"""docs/configuration.md, written from the models: `python -m tradepipe.settings.document > docs/configuration.md`."""

import sys
import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tradepipe.settings.models import MarketSettings, Settings

HEAD = """\
# Configuration

Written from `tradepipe/settings/models.py` by `python -m tradepipe.settings.document`; a test keeps it
current. `tradepipe config show` prints the merged values and where each came from.

Later wins: defaults, `conf/base.yaml` (its `market_defaults` lie under every market), `conf/markets/NAME.yaml`,
the overlay `conf/dev.yaml`, `test.yaml` or `prod.yaml` (chosen by `TRADEPIPE_ENVIRONMENT`), environment
variables. A variable is the key path in capitals with `__` between its parts:
`TRADEPIPE_MARKETS__US_INDICES__EXECUTION__COSTS__FEE_BPS=2`. `TRADEPIPE_CONF` names another folder of
files, `TRADEPIPE_DEBUG=1` shows tracebacks. Durations are ISO 8601 (`PT30M`), money is decimal text.
"""


def configuration_markdown() -> str:
    """The page: one table for the settings, one for a market's file."""
    parts = [HEAD]
    for title, model in (("Settings", Settings), ("A market: conf/markets/NAME.yaml", MarketSettings)):
        parts += [f"\n## {title}\n\n| key | default | meaning |\n|---|---|---|\n"]
        parts += [f"| `{key}` | {default} | {meaning} |\n" for key, default, meaning in _rows(model)]
    return "".join(parts)


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        inner = _section(field)
        if inner is not None:
            yield from _rows(inner, f"{prefix}{name}.")
        elif name != "markets":
            yield f"{prefix}{name}", _default(field), field.description or ""


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value is None else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(configuration_markdown())
