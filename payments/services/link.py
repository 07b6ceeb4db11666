"""Payment links: created, canceled, and paid by anyone who has the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, Invalid, TooMany, wrong
from payments.core.money import MAX_AMOUNT, Money
from payments.models import Channel, LinkPayment, Order, Payment, PaymentLink, ProviderAccount
from payments.models.payment import Method, PaymentStatus
from payments.payloads import PAYMENT_RELATED
from payments.people.permissions import May
from payments.people.services import authority, customers
from payments.providers import registry
from payments.queries.due import being_charged
from payments.queries.links import with_status
from payments.runtime import throttling
from payments.services import voucher
from payments.services.charge_limit import in_progress
from payments.services.create import PaymentRequest, create_payment
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName, take_order
from payments.services.unit_of_work import UnitOfWork
from payments.text.formatting import amount as written

Status = PaymentLink.Status
REUSED_FOR: Final = timedelta(minutes=15)  # as long as providers keep their pages

# As a Dutch customer expects them; what is not here (cash) nobody pays at a distance.
OFFERED: Final = (
    Method.IDEAL,
    Method.CARD,
    Method.BANCONTACT,
    Method.KLARNA,
    Method.PAYPAL,
    Method.SEPA_DEBIT,
    Method.BANK_TRANSFER,
    Method.VOUCHER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """The link to create. Amounts are minor units: one `amount`, or bounds, or neither for what is due on the order."""

    channel: Channel
    currency: str
    description: str
    order: OrderName | None = None
    amount: int | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    reusable: bool = False
    methods: Sequence[str] = ()
    buyer: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_link(request: LinkRequest, *, actor: str, guard: IdempotencyGuard | None = None) -> PaymentLink:
    """Make a link and return it.

    Raises:
        Invalid: no amount and no order that says one; bounds the wrong way round; already expired; a method that no
            provider account serves; `order_currency_differs`.
        Forbidden: `permission_missing`.
    """
    _check(request)
    merchant = request.channel.merchant
    authority.require_of_person(
        actor=actor,
        what=May.REQUEST_PAYMENT,
        merchant_id=merchant.id,
        channel_id=request.channel.id,
        action="payment_link.created",
    )
    row = PaymentLink(
        merchant=merchant,
        channel=request.channel,
        amount=request.amount,
        amount_min=request.amount_min,
        amount_max=request.amount_max,
        currency=request.currency,
        description=request.description,
        methods=list(request.methods),
        reusable=request.reusable,
        expires_at=request.expires_at,
        metadata=dict(request.metadata),
    )
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        row.customer = customers.get_or_create(merchant_id=merchant.id, **request.buyer)
        if request.order is not None or not request.reusable:
            row.order = _take_order(request, row, actor)
        row.save(force_insert=True)
        audit_log.write(actor=actor, action="payment_link.created", subject=row, merchant_id=merchant.id)
    return read(row.id)


def cancel_link(row: PaymentLink, *, actor: str, guard: IdempotencyGuard | None = None) -> PaymentLink:
    """Take a link back; a payment that is under way by it is not stopped.

    Raises:
        Conflict: `payment_link_not_cancelable`.
    """
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        locked = _lock(row.id)
        if locked.status != Status.ACTIVE:
            raise Conflict("payment_link_not_cancelable", f"This link is {locked.status} already.")
        PaymentLink.objects.filter(id=row.id).update(canceled_at=timezone.now())
        audit_log.write(actor=actor, action="payment_link.canceled", subject=row, merchant_id=row.merchant_id)
    return read(row.id)


def read(link_id: str) -> PaymentLink:
    """The link as it now is, with its `status` and what was `taken` by it."""
    return with_status(PaymentLink.objects.filter(id=link_id)).get()


def address(row: PaymentLink) -> str:
    """Where it is paid."""
    return f"{settings.PUBLIC_URL}/pay/{row.token}"


def amount_due(row: PaymentLink) -> int | None:
    """What is still to be paid by a link that was `read`; None where the customer says how much."""
    due = None if row.order is None or row.order.unpaid is None else max(0, row.order.unpaid)
    if row.amount is None:
        return None if row.amount_min is not None else due
    left = row.amount if row.reusable else row.amount - row.taken
    return left if due is None else min(left, due)


def methods(row: PaymentLink) -> list[str]:
    """What the customer may choose from, in this order."""
    accounts = ProviderAccount.objects.filter(merchant_id=row.merchant_id, active=True)
    able = [registry.provider(account.provider).capabilities for account in accounts]
    wanted = [method for method in OFFERED if not row.methods or method in row.methods]
    return [method for method in wanted if any(one.takes_unasked(method) for one in able)]


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
        locked = _lock(self.link.id)
        if LinkPayment.objects.filter(link=locked, attempt=self.attempt).exists():
            raise _Twice
        if locked.status != Status.ACTIVE:
            raise Conflict("payment_link_not_active", f"This link is {locked.status}.", status=locked.status)
        _check_left(locked, self.amount)
        # The payment follows in the same transaction; the constraint looks at its end.
        LinkPayment.objects.create(link=locked, payment_id=payment_id, attempt=self.attempt)


def _lock(link_id: str) -> PaymentLink:
    PaymentLink.objects.select_for_update().get(id=link_id)
    return read(link_id)


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


def _check(request: LinkRequest) -> None:
    bounds = (request.amount_min, request.amount_max)
    if (request.amount is not None and bounds != (None, None)) or (None in bounds and bounds != (None, None)):
        raise wrong("amount", "not_together", "Send amount, or amount_min and amount_max together, or neither.")
    if request.amount_min is not None and request.amount_min > (request.amount_max or 0):
        raise wrong("amount_max", "out_of_range", "The least amount is above the most.")
    if request.amount is None and bounds == (None, None) and request.order is None:
        raise wrong("amount", "required", "Send an amount, or an order whose total is known.")
    if request.expires_at is not None and request.expires_at <= timezone.now():
        raise wrong("expires_at", "out_of_range", "A link cannot have expired already.")
    link = PaymentLink(merchant=request.channel.merchant, methods=list(request.methods))
    if not set(request.methods) <= set(methods(link)) or not methods(link):
        raise Invalid("method_not_supported", "No provider account takes all of these at a distance.", param="methods")


def _take_order(request: LinkRequest, row: PaymentLink, actor: str) -> Order:
    """The order the link is about; an order created with it has the link's amount as its total."""
    uow = UnitOfWork(merchant=row.merchant, actor=actor, now=timezone.now())
    order = take_order(
        uow,
        channel=request.channel,
        name=request.order or OrderName(),
        currency=request.currency,
        customer=row.customer,
    )
    untouched = order.total is None and not any(held.order_id == order.id for held in uow.payments.values())
    if request.amount is not None and untouched and not request.reusable:
        uow.change(order, total=request.amount)
    elif order.total is None and request.amount is None and request.amount_min is None:
        raise wrong("amount", "required", "The total of this order is not known: send an amount.")
    uow.flush()
    return order


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
