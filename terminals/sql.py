"""What decides how a terminal's request is answered once the terminal is locked, in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

# A statement of its own, after the lock: only so does its snapshot hold what the lock's previous holder committed.
_REQUEST_STATE: Final = """
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
        (
            SELECT coalesce(max(last_sequence), 0) FROM terminals_shift
            WHERE terminal_id = %(terminal)s AND series = %(series)s
        ),
        ARRAY(SELECT nextval('ledger_item') FROM generate_series(1, %(open_items)s::int))
"""


@dataclass(frozen=True, slots=True)
class DeviceRequestState:
    """Whether this webhook-id has been answered, whether anything of the series waits, and numbers of open items.

    `shifts_reach`: the highest number that a closed shift of the series covers, 0 where there is none.
    `news`: something that waited has been applied, and no answer has reported it to the device yet. `careful`:
    registering all at once has failed, so each transaction is registered by itself.
    """

    known: bool
    waits: bool
    news: bool
    shifts_reach: int
    open_items: Sequence[int]
    careful: bool = False


def request_state(*, terminal_id: str, series: int, open_items: int, webhook_id: str = "") -> DeviceRequestState:
    """Return the state of a locked terminal, with as many numbers of open items as the request may need."""
    values: dict[str, str | int] = {"terminal": terminal_id, "series": series, "webhook_id": webhook_id}
    values["open_items"] = open_items
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST_STATE, values)
        return DeviceRequestState(*cursor.fetchone())


# One round trip for the poll that finds nothing, which nearly every one is.
_POLLED: Final = """
    SELECT
        EXISTS (
            SELECT FROM terminals_terminalaction
            WHERE terminal_id = %(terminal)s AND status = 'queued'
                AND (expires_at IS NULL OR expires_at > clock_timestamp())
        ) OR EXISTS (
            SELECT FROM terminals_signedrequest WHERE terminal_id = %(terminal)s AND webhook_id = %(webhook_id)s
        ) OR NOT EXISTS (
            SELECT FROM terminals_terminal WHERE id = %(terminal)s AND status = 'active'
        ),
        EXISTS (
            SELECT FROM terminals_terminal
            WHERE id = %(terminal)s AND (polled_at IS NULL OR polled_at < clock_timestamp() - interval '1 minute')
        )
"""
_NOTE_POLL: Final = """
    UPDATE terminals_terminal SET polled_at = clock_timestamp(), last_seen_at = clock_timestamp()
    WHERE id = %s AND status = 'active'
"""


def polled(*, terminal_id: str, webhook_id: str) -> bool:
    """Return whether a poll has to be looked at: something waits, this webhook-id has been used, or its key ended.

    That the device asks is written down once a minute: it shows that the device can be driven, and is there.
    """
    with connection.cursor() as cursor:
        cursor.execute(_POLLED, {"terminal": terminal_id, "webhook_id": webhook_id})
        worth_a_look, is_news = cursor.fetchone()
        if is_news:
            cursor.execute(_NOTE_POLL, [terminal_id])
        return bool(worth_a_look)
