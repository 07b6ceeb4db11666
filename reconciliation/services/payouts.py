"""Receive or fail payouts: one is received when the bank has shown all of it, until then the rest is a discrepancy."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from django.db.models import F
from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.ledger.posting import post
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.notify.services.emit import NewEvent, emit
from payments.services import discrepancy
from payments.text.messages import message_columns
from reconciliation import journal, payloads
from reconciliation.models import Payout
from reconciliation.services.auto_resolve import resolve_explained

KINDS: Final = (Kind.PAYOUT_NOT_RECEIVED, Kind.PAYOUT_DIFFERS)  # of discrepancies about a payout


def receive(payout: Payout, amount: int, *, on: date) -> None:
    """Add what the bank has shown to a payout, which the caller has locked: its whole amount makes it received.

    A negative amount is one that was sent back.
    """
    payout.amount_received += amount
    payout.received_on = on
    whole = payout.amount_received == payout.amount
    payout.status = Payout.Status.RECEIVED if whole else Payout.Status.ANNOUNCED
    payout.save(update_fields=["amount_received", "received_on", "status"])
    # Resolved first and opened again below where a part is missing still: the open one tells of what is missing now.
    resolve_explained(payout.merchant, keys_of(payout))
    if whole:
        emit([_received_event(payout)])
    else:
        discrepancy.open_discrepancies([_incomplete(payout)])


def give_back(payout: Payout, amount: int) -> None:
    """Take from a payout, which the caller has locked, what the bank's line does not show after all.

    What is missing of it is open again, as far as the bank has shown any of it.
    """
    payout.amount_received -= amount
    payout.status = Payout.Status.ANNOUNCED
    lines = payout.allocations.filter(undone_at=None).order_by("-bank_line__booked_on")
    payout.received_on = lines.values_list("bank_line__booked_on", flat=True).first()
    payout.save(update_fields=["amount_received", "received_on", "status"])
    resolve_explained(payout.merchant, keys_of(payout))
    if payout.amount_received:
        discrepancy.open_discrepancies([_incomplete(payout)])


def expect_no_more(row: Discrepancy) -> None:
    """Let nothing more be expected of the payout that a discrepancy is about, where it is about one."""
    if row.kind in KINDS and row.item is not None:
        Payout.objects.filter(merchant=row.merchant, item=row.item).update(status=Payout.Status.RECEIVED)


def expect_again(row: Discrepancy) -> None:
    """Expect the rest of a payout again, after what closed it was undone."""
    if row.kind in KINDS and row.item is not None:
        closed = Payout.objects.filter(merchant=row.merchant, item=row.item, status=Payout.Status.RECEIVED)
        closed.exclude(amount_received=F("amount")).update(status=Payout.Status.ANNOUNCED)


def keys_of(payout: Payout) -> list[str]:
    """Return the keys of the discrepancies that a payout may have."""
    return [f"{kind}:{payout.id}" for kind in KINDS]


def fail(payouts: Sequence[Payout], *, at: datetime) -> None:
    """Mark payouts as returned by the bank, in the caller's transaction.

    One that a statement has shown as received stays so, for a person to look at.
    """
    announced = Payout.objects.select_for_update(of=("self",)).filter(
        # Locked with the conditions in it: one that is received at this moment is waited for, and then not found.
        id__in=[payout.id for payout in payouts],
        status=Payout.Status.ANNOUNCED,
        amount_received=0,
    )
    for payout in announced.select_related("merchant", "settlement").order_by("id"):
        payout.status = Payout.Status.FAILED
        payout.save(update_fields=["status"])
        post([journal.payout_failed(payout.merchant, payout, at)])
        resolve_explained(payout.merchant, [f"payout_not_received:{payout.id}"])


def _incomplete(payout: Payout) -> Discrepancy:
    """What is missing of a payout; all of it, where what the bank had shown was sent back."""
    kind = Kind.PAYOUT_DIFFERS if payout.amount_received else Kind.PAYOUT_NOT_RECEIVED
    texts = {
        Kind.PAYOUT_DIFFERS: gettext_noop("{reference}: {announced} was announced, {received} is at the bank."),
        Kind.PAYOUT_NOT_RECEIVED: gettext_noop("{reference} of {announced} was at the bank and was sent back."),
    }
    return Discrepancy(
        merchant=payout.merchant,
        kind=kind,
        key=f"{kind}:{payout.id}",
        amount=payout.owed,
        currency=payout.currency,
        settlement_file_id=payout.settlement.file_id,
        item=payout.item,
        **message_columns(
            texts[kind],
            reference=payout.reference,
            announced=Money(payout.amount, payout.currency),
            received=Money(payout.amount_received, payout.currency),
        ),
    )


def _received_event(payout: Payout) -> NewEvent:
    return NewEvent(
        merchant_id=payout.merchant_id,
        channel_id=None,
        type="payout.received",
        object_type=payout.OBJECT,
        object_id=payout.id,
        data={"object": payloads.payout(payout)},
        test_mode=payout.merchant.test_mode,
    )
