"""What terminals ask of a person, on the first page."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _

from payments.admin.finance.alarms import Alarm, alarm
from payments.models import Merchant
from payments.people.models import User
from payments.people.permissions import May, within
from payments.queries.attention import Waiting
from terminals.models import Terminal

SILENT_AFTER: Final = timedelta(minutes=15)  # of a device that beats every minute


def silent(now: datetime) -> Q:
    """Paired devices that were not heard for a while."""
    return Q(status=Terminal.Status.ACTIVE) & (Q(last_seen_at__lt=now - SILENT_AFTER) | Q(last_seen_at=None))


WITH_GAPS: Final = Q(status=Terminal.Status.ACTIVE) & ~Q(missing=[])


def alarms(user: User, merchant: Merchant, now: datetime) -> list[Alarm]:
    """Terminals that are silent, and those of which transactions are missing; registered in `settings.ALARMS`."""
    here = Terminal.objects.filter(within(user, May.SEE), merchant=merchant).order_by()
    found = here.aggregate(
        silent=Count("pk", filter=silent(now)),
        since=Min("last_seen_at", filter=silent(now)),
        gaps=Count("pk", filter=WITH_GAPS),
    )
    return [
        alarm(
            _("terminals that are silent"),
            Waiting("silent", found["silent"], found["since"]),
            now,
            Terminal,
            {"state": "silent"},
        ),
        alarm(
            _("terminals of which transactions are missing"),
            Waiting("gaps", found["gaps"], None),
            now,
            Terminal,
            {"state": "gaps"},
            urgent=True,
        ),
    ]
