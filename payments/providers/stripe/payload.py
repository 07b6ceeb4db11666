"""Read what Stripe sends: its own lists, its ids that may be expanded, and its moments."""

from datetime import UTC, datetime

from payments.providers.payload import Payload, items, text, whole


def rows(obj: Payload, *path: str) -> list[Payload]:
    """The objects of a list in Stripe's own shape (`{"data": [...]}`)."""
    return items(obj, *path, "data")


def name_of(obj: Payload, field: str) -> str | None:
    """The id of another object, whether it was expanded or not."""
    return text(obj, field) or text(obj, field, "id")


def moment(obj: Payload, field: str) -> datetime | None:
    """A moment, from Unix seconds."""
    seconds = whole(obj, field)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
