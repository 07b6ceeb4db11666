"""Open discrepancies of what is overdue: operations that no settlement shows, payouts that the bank does not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Discrepancy, TillMovement
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.runtime.sweeps import Sweep
from payments.services import discrepancy
from payments.text.messages import Translatable, message_columns
from reconciliation.models import Payout
from reconciliation.services import till_deposits
from reconciliation.sql import differences

SETTLED_WITHIN: Final = timedelta(days=5)  # longer than any weekend with a bank holiday
PAID_WITHIN: Final = timedelta(days=3)  # after the day the provider named
DEPOSITED_WITHIN: Final = timedelta(days=7)  # a bag is counted, and booked after the weekend
AT_ONCE: Final = 1000  # the rest comes with the next beat


def raise_overdue(*, now: datetime | None = None) -> int:
    """Open one discrepancy of each overdue item (beat); a later settlement or statement resolves it.

    Return how many were opened.
    """
    moment = now or timezone.now()
    sweep = Sweep("reconciliation.raise_overdue")
    missing = differences.missing(before=moment - SETTLED_WITHIN, limit=AT_ONCE, leave=sweep.resting)
    raised: list[int] = []
    sweep.together(
        missing,
        lambda some: raised.append(len(discrepancy.open_discrepancies([_missing(row) for row in some]))),
        subject=lambda row: row.operation_id,
    )
    sweep.together(
        _late_payouts(moment, sweep.resting),
        lambda some: raised.append(len(discrepancy.open_discrepancies([_not_received(payout) for payout in some]))),
        subject=lambda payout: payout.id,
    )
    sweep.together(
        _late_deposits(moment, sweep.resting),
        lambda some: raised.append(len(discrepancy.open_discrepancies([_not_deposited(row) for row in some]))),
        subject=lambda row: row.id,
    )
    return sum(raised)


def _late_payouts(moment: datetime, leave: Sequence[str]) -> list[Payout]:
    """Return overdue payouts without an open discrepancy (those with one would use up the batch)."""
    reported = Discrepancy.objects.filter(
        merchant_id=OuterRef("merchant_id"), key=Concat(Value(f"{Kind.PAYOUT_NOT_RECEIVED}:"), OuterRef("id"))
    ).exclude(status=Discrepancy.Status.RESOLVED)
    waiting = Payout.objects.filter(
        ~Exists(reported),
        status=Payout.Status.ANNOUNCED,
        amount_received=0,
        expected_on__lt=(moment - PAID_WITHIN).date(),
    )
    return list(waiting.exclude(id__in=leave).select_related("settlement").order_by("id")[:AT_ONCE])


def _late_deposits(moment: datetime, leave: Sequence[str]) -> list[TillMovement]:
    """Return deposits that the bank should have shown by now, and nobody has been told of."""
    late = till_deposits.on_their_way().filter(occurred_at__lt=moment - DEPOSITED_WITHIN)
    reported = Discrepancy.objects.filter(
        merchant_id=OuterRef("merchant_id"), key=Concat(Value(f"{Kind.PAYOUT_NOT_RECEIVED}:"), OuterRef("id"))
    )
    return list(late.filter(~Exists(reported)).exclude(id__in=leave).select_related("till__channel")[:AT_ONCE])


def _not_deposited(row: TillMovement) -> Discrepancy:
    return Discrepancy(
        merchant_id=row.merchant_id,
        kind=Kind.PAYOUT_NOT_RECEIVED,
        key=till_deposits.deposit_key(row.id),
        amount=row.amount,
        currency=row.currency,
        channel_id=row.channel_id,
        **message_columns(
            gettext_noop(
                "{operator} took {amount} of cash from {store} to the bank on {day}, and no statement shows it."
            ),
            operator=row.operator,
            amount=Money(row.amount, row.currency),
            store=row.till.channel.name,
            day=row.business_day,
        ),
    )


def _missing(row: differences.Missing) -> Discrepancy:
    return Discrepancy(
        merchant_id=row.merchant_id,
        kind=Kind.MISSING_IN_SETTLEMENT,
        key=f"{Kind.MISSING_IN_SETTLEMENT}:{row.operation_id}",
        amount=-row.amount if row.verb == "refund" else row.amount,  # as it stands in the receivable
        currency=row.currency,
        payment_id=row.payment_id,
        channel_id=row.channel_id,
        item=row.item,
        **message_columns(
            gettext_noop("A {verb} of {amount} has succeeded, and no settlement since then shows it."),
            verb=Translatable(row.verb),
            amount=Money(row.amount, row.currency),
        ),
    )


def _not_received(payout: Payout) -> Discrepancy:
    return Discrepancy(
        merchant_id=payout.merchant_id,
        kind=Kind.PAYOUT_NOT_RECEIVED,
        key=f"{Kind.PAYOUT_NOT_RECEIVED}:{payout.id}",
        amount=payout.amount,
        currency=payout.currency,
        settlement_file_id=payout.settlement.file_id,
        item=payout.item,
        **message_columns(
            gettext_noop("{reference} of {amount} was expected on {day} and is on no bank statement."),
            reference=payout.reference,
            amount=Money(payout.amount, payout.currency),
            day=payout.expected_on or "–",
        ),
    )
