"""Receive or fail payouts: one is received when the bank has shown all of it, until then the rest is a discrepancy."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.ledger.posting import Entry, post
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.notify.services.emit import NewEvent, emit
from payments.services import discrepancy
from payments.text.messages import message_columns
from reconciliation import journal, payloads
from reconciliation.models import BankStatementLine, Payout
from reconciliation.services.auto_resolve import resolve_explained

KINDS: Final = (Kind.PAYOUT_NOT_RECEIVED, Kind.PAYOUT_DIFFERS)  # of discrepancies about a payout


def receive(payout: Payout, lines: Sequence[BankStatementLine]) -> None:
    """Add bank lines to a payout, which the caller has locked: its whole amount makes it received."""
    payout.amount_received += sum(line.amount for line in lines)
    payout.received_on = max(line.booked_on for line in lines)
    whole = payout.amount_received == payout.amount
    if whole:
        payout.status = Payout.Status.RECEIVED
    payout.save(update_fields=["amount_received", "received_on", "status"])
    # Resolved first and opened again below where a part is missing still: the open one tells of what is missing now.
    keys = [f"payout_not_received:{payout.id}", f"payout_differs:{payout.id}"]
    resolve_explained(payout.merchant, keys)
    if whole:
        emit([_received_event(payout)])
    else:
        discrepancy.open_discrepancies([_differs(payout)])


def take(payout: Payout, line: BankStatementLine) -> Entry:
    """Know a bank's line as this payout, both locked by the caller. Return the entry: out of suspense, or at the bank.

    Its own discrepancy, where it was in suspense, stays: a person resolves it by this.
    """
    item, line.item = line.item, None
    line.state, line.payout = BankStatementLine.State.PAYOUT, payout
    line.save(update_fields=["state", "payout", "item"])
    receive(payout, [line])
    # One that was passed over when it came is booked as if it came now.
    if item is None:
        return journal.payout_received(payout.merchant, payout, line)
    return journal.payout_found(payout.merchant, payout, line, item)


def take_unexplained(payout: Payout, line: BankStatementLine) -> Entry:
    """Know a bank's line that nothing explained as this payout, and resolve the discrepancy that it had in suspense."""
    suspended = line.item is not None
    entry = take(payout, line)
    if suspended:
        resolve_explained(payout.merchant, [f"{Kind.UNKNOWN_LINE}:bank:{line.id}"])
    return entry


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


def _differs(payout: Payout) -> Discrepancy:
    return Discrepancy(
        merchant=payout.merchant,
        kind=Kind.PAYOUT_DIFFERS,
        key=f"payout_differs:{payout.id}",
        amount=payout.amount - payout.amount_received,
        currency=payout.currency,
        settlement_file_id=payout.settlement.file_id,
        item=payout.item,
        **message_columns(
            gettext_noop("{reference}: {announced} was announced, {received} is at the bank."),
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
