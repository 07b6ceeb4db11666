"""Exchange: something comes back and something else is bought, in one go. Only the difference moves.

What came back pays for the new order as far as both reach, through a voucher that is spent at once (decision 0006).
Where the new order costs more, its rest is due and is charged like any other; where it costs less, the rest of what
came back is given back like any other refund. Sales and returns are booked whole, so that no tax is netted.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, wrong
from payments.models import Channel, Order, Refund
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.services import gate
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName, take_order
from payments.services.refunds.plan import BankAccount, Plan, RefundRequest
from payments.services.refunds.request import plan_refund, request_refund, second_person_needed
from payments.services.refunds.result import RefundResult
from payments.services.refunds.routes import AUTO
from payments.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRequest:
    """What comes back of an order and what is taken instead, in minor units of the order's currency.

    `total` is what the new order costs. Route, terminal and bank account are for what is given back beyond that.
    """

    order: Order
    channel: Channel
    returned: int
    new_order: OrderName
    total: int
    reason: str
    route: str = AUTO
    terminal_id: str | None = None
    bank_account: BankAccount | None = None
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The new order, what paid for it, and the difference: `due` is still to be paid, or `given_back` goes back."""

    order: Order
    exchanged: Refund
    given_back: RefundResult | None
    due: int


def plan_difference(request: ExchangeRequest, *, actor: Actor) -> Plan | None:
    """How what is given back beyond the new order travels; None where nothing is. Nothing is changed.

    Raises:
        Invalid, Forbidden: as `exchange`.
    """
    _check(request, actor)
    return plan_refund(_difference(request), actor=actor) if request.returned > request.total else None


def exchange(request: ExchangeRequest, *, actor: Actor, guard: IdempotencyGuard | None = None) -> Exchange:
    """Take back and sell in one transaction: either all of it happens, or nothing.

    Raises:
        Invalid: as `request_refund`; `order_currency_differs`, `total_required`.
        Conflict: `order_exists`, when the new order was paid for or priced already.
        Forbidden: as `request_refund`; `second_person_required`, where it passes a limit: an exchange does not wait.
    """
    gate.check(Action.REFUND, by=actor, merchant_id=request.channel.merchant_id, channel_id=request.channel.id)
    _check(request, actor)
    with transaction.atomic():
        order = _new_order(request, name_of(actor))
        exchanged = request_refund(_exchanged(request, order), actor=actor, guard=guard).refund
        beyond = request.returned > request.total
        given_back = request_refund(_difference(request), actor=actor) if beyond else None
    order.refresh_from_db()
    due = max(0, request.total - request.returned)
    return Exchange(order=order, exchanged=exchanged, given_back=given_back, due=due)


def _check(request: ExchangeRequest, actor: Actor) -> None:
    if request.total <= 0:
        raise wrong("total", "total_required", "Say what the new order costs.")
    if request.returned <= 0 or request.returned > request.order.refundable:
        # The refund's own refusal, with what is left.
        plan_refund(_all_of_it(request), actor=actor)
    whole = _all_of_it(request)
    if second_person_needed(whole, plan_refund(whole, actor=actor), actor=actor):
        raise Forbidden(
            "second_person_required",
            "This passes a limit for which a second person decides. Refund it, and sell the new order by itself.",
        )


def _new_order(request: ExchangeRequest, actor: str) -> Order:
    uow = UnitOfWork(merchant=request.channel.merchant, actor=actor, now=timezone.now())
    order = take_order(uow, channel=request.channel, name=request.new_order, currency=request.order.currency)
    if order.id == request.order.id:
        raise wrong("new_order", "same_order", "An order is not exchanged for itself.")
    if order.captured or order.total not in (None, request.total):
        raise Conflict("order_exists", "The new order was paid for or priced already. Use another reference.")
    order.total = request.total
    order.save(update_fields=["total"])
    return order


def _all_of_it(request: ExchangeRequest) -> RefundRequest:
    """The return as a whole: it is held against rights and limits as one refund."""
    return RefundRequest(
        order=request.order,
        channel=request.channel,
        reason=request.reason,
        amount=request.returned,
        route="voucher",
        operator=request.operator,
    )


def _exchanged(request: ExchangeRequest, order: Order) -> RefundRequest:
    return RefundRequest(
        order=request.order,
        channel=request.channel,
        reason=request.reason,
        amount=min(request.returned, request.total),
        exchange_for=order,
        operator=request.operator,
    )


def _difference(request: ExchangeRequest) -> RefundRequest:
    return RefundRequest(
        order=request.order,
        channel=request.channel,
        reason=request.reason,
        amount=request.returned - request.total,
        route=request.route,
        terminal_id=request.terminal_id,
        bank_account=request.bank_account,
        operator=request.operator,
    )
