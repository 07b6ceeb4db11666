"""Payment links: created, canceled and read; `pay_link` pays them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, Invalid, wrong
from payments.models import Channel, Order, PaymentLink, ProviderAccount
from payments.models.payment import Method
from payments.people.permissions import May
from payments.people.services import authority, customers
from payments.providers import registry
from payments.queries.links import with_status
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName, take_order
from payments.services.unit_of_work import UnitOfWork

Status = PaymentLink.Status

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
        # A reusable link has a new order with each payment, unless it is about one that is named.
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
        locked = lock(row.id)
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
    return [method for method in wanted if any(one.takes_unasked(method, row.currency) for one in able)]


def lock(link_id: str) -> PaymentLink:
    """The link, locked until the transaction ends: of two who pay or cancel it at once, one waits for the other."""
    PaymentLink.objects.select_for_update().get(id=link_id)
    # Read again: what the one before it has paid was added up before this one waited.
    return read(link_id)


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
    link = PaymentLink(merchant=request.channel.merchant, currency=request.currency, methods=list(request.methods))
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
