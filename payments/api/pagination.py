"""Lists by keyset: each page begins where the last one ended, on an index, whatever was added in between."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet

from payments.core.errors import Fault, ValidationFailed
from payments.core.ids import PATTERN

Row = TypeVar("Row", bound=Model)

DEFAULT_LIMIT: Final = 20
HIGHEST_LIMIT: Final = 100


def page(
    rows: QuerySet[Row],
    shapes: Callable[[list[Row]], list[dict[str, Any]]],
    *,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """One page of objects, newest first by id; `shapes` asks the database nothing per row."""
    if cursor is not None:
        rows = rows.filter(pk__lt=read_cursor(cursor, is_place=lambda text: PATTERN.fullmatch(text) is not None))
    found = list(rows.order_by("-pk")[: limit + 1])
    shown = found[:limit]
    return listing(shapes(shown), write_cursor(str(shown[-1].pk)) if len(found) > limit else None)


def listing(data: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    """The envelope of every list."""
    return {"object": "list", "data": data, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def write_cursor(place: str) -> str:
    """Wrap the place where a page ended, so that nobody builds upon its form."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, is_place: Callable[[str], bool]) -> str:
    """The place a cursor stands for.

    Raises:
        ValidationFailed: it is none of ours.
    """
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not is_place(place):
        raise ValidationFailed(
            [Fault("cursor", "invalid_cursor", "Send the next_cursor of the page before, unchanged.")]
        )
    return place
