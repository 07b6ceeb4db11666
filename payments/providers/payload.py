"""Read what providers send without trusting its shape: what is absent, or of another type, is None or empty."""

from collections.abc import Mapping
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


def items(obj: Payload, *path: str) -> list[Payload]:
    """The objects of the list at the end of a path."""
    found = part(obj, *path[:-1]).get(path[-1])
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def text(obj: Payload, *path: str) -> str | None:
    """The text at the end of a path, None where it is empty."""
    value = part(obj, *path[:-1]).get(path[-1])
    return value if isinstance(value, str) and value else None


def whole(obj: Payload, *path: str) -> int | None:
    """The whole number at the end of a path."""
    value = part(obj, *path[:-1]).get(path[-1])
    return value if type(value) is int else None  # True is an int, too
