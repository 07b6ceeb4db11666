"""Entries to post, as a webshop's captures make them: a receivable with its item, and takings."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from django.utils import timezone

from payments.core.ids import new_id
from payments.ledger.posting import AccountSpec, Entry, credit, debit

RECEIVABLE = AccountSpec("receivable:pac_bench", "asset", "EUR", item_required=True)
TAKINGS = AccountSpec("takings:chn_bench", "income", "EUR")

_items = count(1)


def captures(merchants: Sequence[str]) -> list[Entry]:
    """One sale at each of these merchants."""
    now = timezone.now()
    return [_capture(merchant, now) for merchant in merchants]


def _capture(merchant: str, now: datetime) -> Entry:
    item = next(_items)
    amount = 100 + item % 9000
    return Entry(
        key=f"capture:{new_id('op')}",
        event="captured",
        merchant_id=merchant,
        occurred_at=now,
        timezone="Europe/Amsterdam",
        lines=[debit(RECEIVABLE, amount, item), credit(TAKINGS, amount)],
    )
