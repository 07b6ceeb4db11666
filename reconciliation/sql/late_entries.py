"""The entries of some days that are booked on a later one; the ledger's index holds these alone."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection

from payments.models import Merchant

# A subquery with LIMIT is asked for each late entry; without it, all postings there are might be read for a few. The
# condition on the days is the index's own: it holds what is booked on a later day than UTC's of the event.
_LATE: Final = """
SELECT entry.id, entry.key, entry.event, entry.occurred_at, entry.book_date
FROM ledger_journalentry entry
WHERE entry.merchant_id = %(merchant)s AND entry.occurred_at >= %(start)s AND entry.occurred_at < %(end)s
  AND entry.book_date > (entry.occurred_at AT TIME ZONE 'UTC')::date
  AND entry.book_date > (entry.occurred_at AT TIME ZONE %(zone)s)::date
  AND (%(channel)s::text IS NULL OR COALESCE((
      SELECT true FROM ledger_posting posting
      WHERE posting.entry_id = entry.id AND %(channel)s = (
          SELECT split_part(code, ':', 2) FROM ledger_account WHERE number = posting.account_id
      )
      LIMIT 1
  ), false))
ORDER BY entry.occurred_at DESC
LIMIT %(limit)s
"""


class LateEntry(NamedTuple):
    """An entry that came after its own day was closed."""

    id: str
    key: str
    event: str
    occurred_at: datetime
    book_date: date


def late_entries(merchant: Merchant, first: date, last: date, *, channel_id: str | None, limit: int) -> list[LateEntry]:
    """Return what happened from `first` to `last` on a channel's accounts, or anywhere, and is booked later."""
    names: dict[str, Any] = {
        "merchant": merchant.id,
        "start": datetime.combine(first, time(0), merchant.zone),
        "end": datetime.combine(last + timedelta(days=1), time(0), merchant.zone),
        "zone": merchant.timezone,
        "channel": channel_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LATE, names)
        return [LateEntry(*row) for row in cursor.fetchall()]
