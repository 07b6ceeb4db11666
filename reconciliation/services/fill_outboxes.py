"""Fill the outboxes of connectors: entries of days that are over, or closed, become documents to be sent.

What is booked on such a day afterwards becomes a further document of the same date, with the next number; of
statements it stands on the next one, so that their balances follow each other. Several
processes may do this at once: the connector's row is locked, and no entry stands in two documents of one connector.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments.runtime.sweeps import Sweep
from reconciliation.connectors.base import INVOICES, PAY
from reconciliation.models import Connector
from reconciliation.sql import outboxes

# A day is over when even a till that closes after midnight has sent what it sold.
GRACE: Final = timedelta(hours=3)
# A transaction that was open when the outbox was filled last may have been committed since.
OVERLAP: Final = timedelta(days=1)
MARK: Final = 6  # characters of the connector's id in every key, so that two connectors' keys differ


def fill_outboxes() -> int:
    """Fill every outbox that is in use. Return how many entries were put into documents."""
    sweep = Sweep("reconciliation.fill_outbox")
    rows = Connector.objects.filter(~Q(status=Connector.Status.OFF), removed_at=None).exclude(id__in=sweep.resting)
    filled = 0
    for connector_id, merchant_id in rows.order_by("id").values_list("id", "merchant_id"):
        with sweep.item(connector_id, merchant_id=merchant_id):
            filled += fill(connector_id, now=timezone.now())
    return filled


def fill(connector_id: str, *, now: datetime) -> int:
    """Fill one outbox with what may be sent by now. Return how many entries were put into documents."""
    with transaction.atomic():
        rows = Connector.objects.select_for_update(of=("self",)).select_related("merchant")
        row = rows.get(id=connector_id)
        if row.removed_at is not None or row.status == Connector.Status.OFF:
            return 0
        through = (now - GRACE).astimezone(row.merchant.zone).date() - timedelta(days=1)
        filled = outboxes.fill(
            statements=row.sends == Connector.Sends.STATEMENTS,
            payments=row.settings.get(INVOICES.name) == PAY,
            connector=row.id,
            merchant=row.merchant_id,
            currency=row.merchant.currency,
            mark=row.id[-MARK:].upper(),
            starts_on=row.starts_on,
            through=through,
            since=row.filled_at and row.filled_at - OVERLAP,
            closed=row.days == Connector.Days.CLOSED,
        )
        row.filled_at = now
        row.save(update_fields=["filled_at"])
    return filled
