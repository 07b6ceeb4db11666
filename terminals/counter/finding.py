"""Find orders by what a customer brings to the counter: a receipt, a number, a card, a time and an amount, a name."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils import timezone

from payments.core.ids import is_id
from payments.models import Merchant, Order, Payment, PaymentLink
from payments.queries import orders, search
from payments.queries.payments import payments

SHORTEST_PART: Final = 4  # letters; fewer stand within almost every number
MOST: Final = 30  # what a person can look through
AROUND: Final = timedelta(minutes=45)  # of the time that a customer remembers
LATELY: Final = timedelta(days=60)
OFFLINE: Final = timedelta(days=7)  # that a terminal may be without a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is known. `at` is on the merchant's clocks; `last4` and `amount` narrow down what `text` finds."""

    text: str = ""
    amount: int | None = None
    day: date | None = None
    at: time | None = None
    last4: str = ""


@dataclass(slots=True)
class Found:
    """The orders, the newest first; `exact` where what was typed names the only one of them."""

    orders: list[Order] = field(default_factory=list)
    payments: dict[str, list[Payment]] = field(default_factory=dict)  # by order
    exact: bool = False
    more: bool = False


def find(merchant: Merchant, sought: Sought) -> Found:
    """The orders of a merchant that fit, in whichever channel they were bought."""
    text = _named(sought.text)
    named = _by_name(merchant, text) if text else set()
    found = _by_text(merchant, text) | named if text else None
    if text and not found:
        found = _by_part(merchant, text)
    if sought.amount is not None or sought.day is not None or sought.last4:
        fitting = _by_facts(merchant, sought)
        found = fitting if found is None else found & fitting
    ids = found or set()
    rows = list(Order.objects.filter(id__in=ids).select_related("merchant", "channel").order_by("-id")[: MOST + 1])
    return Found(
        orders=rows[:MOST],
        payments=_payments_of([row.id for row in rows[:MOST]]),
        exact=len(ids) == 1 and ids <= named,
        more=len(rows) > MOST,
    )


def _named(text: str) -> str:
    """What a scanned code holds: a receipt's is its number, a payment link's is its address."""
    text = text.strip().replace("\0", "")[: search.LONGEST]
    if "/pay/" in text:
        token = urlsplit(text).path.rpartition("/pay/")[2].partition("/")[0]
        row = PaymentLink.objects.filter(token=token, order__isnull=False).first()
        return text if row is None or row.order_id is None else row.order_id
    return text


def _by_name(merchant: Merchant, text: str) -> set[str]:
    """Orders that are called so, or are on a receipt of this number: a customer brought the name of one."""
    numbers = Payment.objects.filter(merchant=merchant, receipt_number__in=search.spellings(text)).values_list(
        "order_id", flat=True
    )
    references = Order.objects.filter(merchant=merchant, reference__in=search.spellings(text)).values_list(
        "id", flat=True
    )
    found = {*numbers, *references, *orders.refunded_by_number(text, merchants=[merchant.id])}
    if is_id(text, "ord"):
        found.update(Order.objects.filter(merchant=merchant, id=text).values_list("id", flat=True))
    if is_id(text, "pay"):
        found.update(Payment.objects.filter(merchant=merchant, id=text).values_list("order_id", flat=True))
    return found


def _by_text(merchant: Merchant, text: str) -> set[str]:
    """Orders of payments that go by this: a card's last digits, an e-mail address, a customer's number …"""
    rows = search.payments(text, merchants=[merchant.id])[: 4 * MOST]
    ids = [row["id"] if isinstance(row, dict) else row[0] for row in rows]
    return set(Payment.objects.filter(id__in=ids).values_list("order_id", flat=True))


def _by_part(merchant: Merchant, text: str) -> set[str]:
    """Orders of which this is a part of the number, of a receipt's number, or of the text of a payment link."""
    if len(text) < SHORTEST_PART:
        return set()
    own = [merchant.id]
    by_reference = Order.objects.filter(search.order_parts(text, merchants=own), merchant=merchant)
    by_receipt = Payment.objects.filter(search.receipt_parts(text, merchants=own), merchant=merchant)
    links = PaymentLink.objects.filter(merchant=merchant, description__icontains=text, order__isnull=False)
    return {
        *by_reference.values_list("id", flat=True)[:MOST],
        *by_receipt.values_list("order_id", flat=True)[:MOST],
        *(str(order_id) for order_id in links.order_by("-id").values_list("order_id", flat=True)[:MOST]),
    }


def _by_facts(merchant: Merchant, sought: Sought) -> set[str]:
    """Orders with a payment of this amount, card and time; without a day, of the last weeks."""
    now = timezone.now()
    since, until = _span(merchant, sought.day, sought.at) if sought.day else (now - LATELY, now + OFFLINE)
    # The ids of the rows sort by when they came in, soon after they happened, or later from a terminal without a line.
    filters: dict[str, Any] = {"created_from": since - OFFLINE, "created_to": until + OFFLINE}
    if sought.amount is not None:
        filters["amount"] = sought.amount
    if sought.last4:
        filters["card_last4"] = sought.last4
    rows = payments(merchant.id, filters).filter(occurred_at__gte=since, occurred_at__lt=until)
    if sought.day is None or sought.at is None:
        return set(rows.order_by("-id").values_list("order_id", flat=True)[: 4 * MOST])
    # What happened nearest to the time, on either side of it: a busy hour has more than anybody looks through.
    moment = datetime.combine(sought.day, sought.at, merchant.zone)
    before = rows.filter(occurred_at__lt=moment).order_by("-occurred_at").values_list("order_id", flat=True)
    after = rows.filter(occurred_at__gte=moment).order_by("occurred_at").values_list("order_id", flat=True)
    return {*before[: MOST // 2], *after[: MOST // 2]}


def _span(merchant: Merchant, day: date, at: time | None) -> tuple[datetime, datetime]:
    if at is not None:
        moment = datetime.combine(day, at, merchant.zone)
        return moment - AROUND, moment + AROUND
    # By the calendar, not by hours: two days a year are not of twenty-four.
    begins = datetime.combine(day, time(), merchant.zone)
    return begins, datetime.combine(day + timedelta(days=1), time(), merchant.zone)


def _payments_of(order_ids: Collection[str]) -> dict[str, list[Payment]]:
    found: dict[str, list[Payment]] = {order_id: [] for order_id in order_ids}
    rows = Payment.objects.filter(order_id__in=list(order_ids)).select_related("merchant", "channel", "voucher")
    for row in rows.order_by("id"):
        found[row.order_id].append(row)
    return found
