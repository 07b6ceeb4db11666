"""Taking an entry back: a journal reversal, its mirror image on the same accounts and items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from payments.ledger import sql
from payments.ledger.entries import AccountSpec, Entry, Line, Posted
from payments.ledger.errors import NoSuchEntry
from payments.ledger.posting import post


@dataclass(frozen=True, slots=True)
class Reversal:
    """What is taken back (`key`), and how the entry that does so is named."""

    key: str
    new_key: str
    event: str
    occurred_at: datetime
    timezone: str


def mirror(reversal: Reversal) -> Entry:
    """The entry that takes another back, ready to be posted along with others.

    Raises:
        NoSuchEntry: nothing is booked under `reversal.key`.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.ENTRY_LINES, [reversal.key])
        rows = cursor.fetchall()
    if not rows:
        raise NoSuchEntry
    return Entry(
        key=reversal.new_key,
        event=reversal.event,
        merchant_id=rows[0][-1],
        occurred_at=reversal.occurred_at,
        timezone=reversal.timezone,
        # On what was booked, not on what would be booked today: the chart may have changed since.
        lines=[Line(AccountSpec(*account), -amount, item) for *account, amount, item, _ in rows],
        reverses=reversal.key,
    )


def reverse(reversals: Sequence[Reversal]) -> list[Posted]:
    """Take entries back, all or none.

    Raises:
        NoSuchEntry: nothing is booked under one of the keys.
        AlreadyReversed: one of them has been taken back under another key.
    """
    return post([mirror(reversal) for reversal in reversals])
