"""Close a day of a merchant's books, once it is over: what comes later is booked on the next open day."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict
from payments.ledger import days
from payments.models import Merchant


def close_day(*, merchant: Merchant, day: date, actor: str) -> bool:
    """Close it for good; False when it was closed already.

    Raises:
        Conflict: `day_not_over`.
    """
    # On the merchant's calendar: at midnight in UTC a shop in Amsterdam may still sell.
    if day >= timezone.now().astimezone(merchant.zone).date():
        raise Conflict("day_not_over", f"{day} is not over yet in {merchant.timezone}. Close it tomorrow.")
    with transaction.atomic():
        closed = days.close_day(merchant.id, day, actor=actor)
        if closed:
            after = {"day": day.isoformat()}
            audit_log.write(actor=actor, action="day.closed", subject=merchant, merchant_id=merchant.id, after=after)
    return closed
