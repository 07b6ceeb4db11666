"""Read what Stripe sends without trusting its shape: what is absent, or of another type, is None or empty."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec

Payload: TypeAlias = Mapping[str, Any]
NOTHING: Final[Payload] = {}


def decoded(body: bytes) -> Payload:
    """A JSON object; whatever else stands there is an empty one."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NOTHING
    return value if isinstance(value, dict) else NOTHING


def part(obj: Payload, *path: str) -> Payload:
    """The object at the end of a path."""
    for name in path:
        inner = obj.get(name)
        obj = inner if isinstance(inner, Mapping) else NOTHING
    return obj


def rows(obj: Payload, *path: str) -> list[Payload]:
    """The objects of a list in Stripe's own shape (`{"data": [...]}`)."""
    found = part(obj, *path).get("data")
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def text(obj: Payload, *path: str) -> str | None:
    """The text at the end of a path, None where it is empty."""
    value = part(obj, *path[:-1]).get(path[-1])
    return value if isinstance(value, str) and value else None


def whole(obj: Payload, *path: str) -> int | None:
    """The whole number at the end of a path."""
    value = part(obj, *path[:-1]).get(path[-1])
    return value if type(value) is int else None  # True is an int, too


def name_of(obj: Payload, field: str) -> str | None:
    """The id of another object, whether it was expanded or not."""
    return text(obj, field) or text(obj, field, "id")


def moment(obj: Payload, field: str) -> datetime | None:
    """A moment, from Unix seconds."""
    seconds = whole(obj, field)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
