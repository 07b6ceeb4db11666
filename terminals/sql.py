"""What a terminal's request is judged by once the terminal is locked, in one round trip."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

# A statement of its own, after the lock: so it sees all that whoever held it before has committed.
_STANDING: Final = """
    SELECT
        EXISTS (
            SELECT FROM terminals_signedrequest WHERE terminal_id = %(terminal)s AND webhook_id = %(webhook_id)s
        ),
        EXISTS (
            SELECT FROM terminals_terminaltransaction
            WHERE terminal_id = %(terminal)s AND series = %(series)s AND status = 'waiting'
        ),
        EXISTS (
            SELECT FROM terminals_terminaltransaction
            WHERE terminal_id = %(terminal)s AND series = %(series)s AND to_tell
        ),
        ARRAY(SELECT nextval('ledger_item') FROM generate_series(1, %(items)s::int))
"""


@dataclass(frozen=True, slots=True)
class DeviceRequestState:
    """Whether this webhook-id has been answered, whether anything of the series waits, and numbers for open items.

    `news`: something that waited has become something, and the device has not heard of it. `careful`: taking all in at
    once has failed, so that each transaction is to be taken by itself.
    """

    known: bool
    waits: bool
    news: bool
    items: list[int]
    careful: bool = False


def standing(*, terminal_id: str, series: int, items: int, webhook_id: str = "") -> DeviceRequestState:
    """How a locked terminal stands, and as many numbers as the request may need."""
    values: dict[str, str | int] = {"terminal": terminal_id, "series": series, "webhook_id": webhook_id, "items": items}
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, values)
        return DeviceRequestState(*cursor.fetchone())
