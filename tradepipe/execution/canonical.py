"""One text for one content: canonical JSON, and the hashes that stand on it."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradepipe.portfolio import money_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Payload = Mapping[str, Any]
"""JSON values only: text, whole numbers, booleans, None, lists and mappings. Never a float."""


def canonical(content: object) -> str:
    """ASCII JSON with sorted keys and no spaces.

    Raises:
        TypeError: for a float, whose text is no exact content, or another value that JSON has not.
    """
    _refuse_floats(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def sha256_of(text: str) -> str:
    """sha256 of a text's UTF-8 bytes, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def instant(value: dt.datetime) -> str:
    """The one text of an instant: ISO 8601 in UTC with microseconds.

    Raises:
        ValueError: for a datetime without time zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone; instants are kept in UTC")
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")


def told(record: "DataclassInstance") -> dict[str, Any]:
    """The fields of a flat dataclass as JSON values: amounts as eight-place text, times as ISO 8601."""
    return {field.name: _told(getattr(record, field.name)) for field in fields(record)}


def _told(value: object) -> object:
    if isinstance(value, Decimal):
        return money_text(value)
    if isinstance(value, dt.datetime):
        return instant(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _refuse_floats(content: object) -> None:
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, (list, tuple)):
            left.extend(value)
        elif isinstance(value, float):
            raise TypeError(f"{value!r} is a float; the journal keeps decimal text")
