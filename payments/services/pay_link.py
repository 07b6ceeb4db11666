"""Pay by a payment link, as anyone may who has its address."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone

from payments.core.errors import Conflict, Invalid, TooMany
from payments.core.money import MAX_AMOUNT, Money
from payments.models import LinkPayment, Payment, PaymentLink
from payments.models.payment import PaymentStatus
from payments.payloads import PAYMENT_RELATED
from payments.queries.due import being_charged
from payments.runtime import throttling
from payments.services import voucher
from payments.services.charge_limit import in_progress
from payments.services.create import PaymentRequest, create_payment
from payments.services.link import Status, address, amount_due, lock, methods, read
from payments.services.orders import OrderName
from payments.text.formatting import amount as written

REUSED_FOR: Final = timedelta(minutes=15)  # as long as providers keep their pages


def pay(
    row: PaymentLink,
    *,
    method: str,
    attempt: str,
    visitor: str,
    amount: int | None = None,
    voucher_code: str | None = None,
) -> Payment:
    """Pay by a link. The same `attempt` again returns the payment that it made.

    With a voucher the lesser of its balance and the amount due is paid. A link for one customer has one payment of its
    amount and method open at a time: who comes again is led to that one. `visitor` is the address of who pays.

    Raises:
        Invalid: a method that is not offered, an amount outside of the bounds, a voucher that cannot be spent.
        TooMany: this address began too many payments by this link.
        Conflict: `payment_link_not_active`, `payment_in_progress`, or `outcome_unknown` of an earlier payment.
    """
    made = paid_by(row, attempt)
    if made is not None:
        return made
    if method not in methods(row):
        raise Invalid("method_not_supported", "Choose one of the methods that are offered.", param="method")
    current = read(row.id)
    minor = _amount(current, amount)
    if voucher_code is not None:
        balance = voucher.find(merchant=current.merchant, code=voucher_code).balance
        minor = min(minor, balance) or minor  # an empty one is refused by name
    waiting = _waiting(current, method, minor)
    if waiting is not None:
        return waiting
    _slow_down(current, visitor)
    request = PaymentRequest(
        channel=current.channel,
        order=OrderName(order_id=current.order_id),
        amount=Money(minor, current.currency),
        method=method,
        return_url=f"{address(current)}?attempt={attempt}",
        customer=current.customer,
        description=current.description,
        voucher_code=voucher_code,
        metadata={"payment_link": current.id},
    )
    try:
        return create_payment(
            request, actor=f"link:{current.id}", guard=_Use(link=current, attempt=attempt, amount=minor)
        )
    except _Twice:
        return LinkPayment.objects.select_related("payment").get(link=row, attempt=attempt).payment


def paid_by(row: PaymentLink, attempt: str) -> Payment | None:
    """The payment that an attempt made."""
    payments = Payment.objects.filter(by_link__link=row, by_link__attempt=attempt)
    return payments.select_related(*PAYMENT_RELATED).first()


def _waiting(row: PaymentLink, method: str, minor: int) -> Payment | None:
    """The payment of a link for one customer that still waits for that customer at the provider's page."""
    if row.reusable or row.status != Status.ACTIVE:
        return None
    payments = Payment.objects.filter(
        by_link__link=row,
        status=PaymentStatus.REQUIRES_ACTION,
        method=method,
        amount=minor,
        created_at__gt=timezone.now() - REUSED_FOR,
    )
    return payments.exclude(redirect_url="").select_related(*PAYMENT_RELATED).order_by("-id").first()


def _slow_down(row: PaymentLink, visitor: str) -> None:
    """Limit payments by link: its address needs no key, yet each one calls a provider and stays in the books."""
    seconds = throttling.record_failure("link", f"{row.id}:{visitor}")
    if seconds is not None:
        detail = "Too many payments were begun here. Wait, then try again."
        raise TooMany("too_many_payments", detail, retry_after=seconds)


class _Twice(Exception):
    """Another request of the same attempt was first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """Ties a payment of `amount` to its link in the payment's own transaction, under the lock of the link."""

    link: PaymentLink
    attempt: str
    amount: int

    def begin(self, payment_id: str) -> None:
        """Say that this attempt makes this payment, if the link may still be paid."""
        locked = lock(self.link.id)
        if LinkPayment.objects.filter(link=locked, attempt=self.attempt).exists():
            raise _Twice
        if locked.status != Status.ACTIVE:
            raise Conflict("payment_link_not_active", f"This link is {locked.status}.", status=locked.status)
        _check_left(locked, self.amount)
        # The payment follows in the same transaction; the constraint looks at its end.
        LinkPayment.objects.create(link=locked, payment_id=payment_id, attempt=self.attempt)


def _check_left(row: PaymentLink, amount: int) -> None:
    """A link's amount is not taken twice, whatever is still due on its order; `row` is locked.

    Raises:
        Conflict: `payment_in_progress`, where only a payment by this link that is under way stands in between;
            `payment_link_not_active`, where less is left than when the page was read.
    """
    if row.reusable:
        return
    under_way = being_charged(Payment.objects.filter(by_link__link=row, status=PaymentStatus.PROCESSING))
    left = amount_due(row)
    if left is not None and amount > left:
        raise Conflict("payment_link_not_active", "Less is left to pay. Read the link again.", status=row.status)
    if under_way and (left is None or amount > left - sum(payment.amount for payment in under_way)):
        raise in_progress(under_way[0], timezone.now())


def _amount(row: PaymentLink, chosen: int | None) -> int:
    """What is paid now."""
    minor = amount_due(row)
    if minor is not None:
        if minor <= 0:
            raise Conflict("payment_link_not_active", "There is nothing left to pay.", status=row.status)
        return minor
    least, most = row.amount_min or 1, row.amount_max or MAX_AMOUNT
    if chosen is None or not least <= chosen <= most:
        bounds = f"{written(least, row.currency)} to {written(most, row.currency)}"
        raise Invalid("amount_out_of_bounds", f"Choose an amount from {bounds}.", param="amount")
    return chosen
