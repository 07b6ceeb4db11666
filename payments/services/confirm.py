"""Confirm a provisional sale: approved offline by a device, now seen settled (or declined after all)."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.accounting import journal
from payments.models import Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import message_columns


def confirm(uow: UnitOfWork, *, payments: Sequence[Payment], at: datetime) -> None:
    """Turn provisional sales into receivables; those that are none are left as they are.

    The payments are those that the unit of work holds, their orders locked. Reconciliation calls this with all of a
    file at once.
    """
    for payment in payments:
        # Written off and settled after all: the loss is taken back instead.
        given_up = payment.offline_declined_at is not None and payment.confirmed_at is None
        # Settled twice, or reversed meanwhile: a file that is imported again must book nothing.
        if not payment.amount_captured or not (payment.provisional or given_up):
            continue
        entry = journal.paid_after_all if given_up else journal.confirmed
        uow.book(entry(uow.merchant, payment, at))
        uow.change(payment, provisional=False, confirmed_at=uow.now)
        uow.resolve_discrepancy(f"offline_declined:{payment.id}")


def write_off_offline(payment: Payment, *, actor: str, at: datetime) -> None:
    """Persons give up a sale that was approved offline and never settled; joins the caller's transaction."""
    uow = UnitOfWork(merchant=payment.merchant, actor=actor, now=timezone.now(), facts=True)
    uow.lock([payment.order_id])
    _give_up(uow, uow.payments[payment.id], at)
    uow.flush()


def _give_up(uow: UnitOfWork, payment: Payment, at: datetime) -> None:
    """The goods are gone and nobody pays. Under the order's lock the caller has seen that the sale is provisional."""
    uow.book(journal.offline_declined(uow.merchant, payment, at))
    uow.change(payment, provisional=False, offline_declined_at=uow.now)


def decline_offline(uow: UnitOfWork, *, payment: Payment, at: datetime) -> None:
    """The issuer declined what the device had approved: the provisional sale is a loss, and a discrepancy is opened."""
    _give_up(uow, payment, at)
    uow.open_discrepancy(
        DiscrepancyKind.OFFLINE_DECLINED,
        f"offline_declined:{payment.id}",
        **message_columns(gettext_noop("The terminal approved this sale offline; the issuer declined it afterwards.")),
        payment=payment,
        amount=payment.amount_captured,
        currency=payment.currency,
        channel_id=payment.channel_id,
        terminal_id=payment.terminal_id,
    )
