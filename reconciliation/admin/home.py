"""What reconciliation asks of a person, on the first page."""

from datetime import datetime

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from payments.admin.finance.alarms import Alarm, alarm
from payments.models import Merchant
from payments.people.models import User
from payments.people.permissions import May, within
from payments.queries.attention import Waiting
from reconciliation.models import Payout


def overdue(now: datetime) -> Q:
    """Payouts whose day is over and that no bank statement has shown."""
    return Q(status=Payout.Status.ANNOUNCED, amount_received=0, expected_on__lt=now.date())


def alarms(user: User, merchant: Merchant, now: datetime) -> list[Alarm]:
    """Payouts that are overdue; registered in `settings.ALARMS`."""
    rows = Payout.objects.filter(within(user, May.SEE_BOOKS, channel=None), overdue(now), merchant=merchant).order_by()
    waiting = Waiting("overdue", rows.aggregate(count=Count("pk"))["count"], None)
    return [
        alarm(_("payouts that the bank has not shown in time"), waiting, now, Payout, {"overdue": "yes"}, urgent=True)
    ]
