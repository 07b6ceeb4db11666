"""Charge a card at a terminal: the payment stands, with the operation to be carried out, before any device is asked.

Which terminal, and how it is asked, the floor above knows: it calls this within its own transaction, with its terminal
locked, and writes there what the device is to do.
"""

from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from payments.core.errors import Invalid, wrong
from payments.core.ids import new_id
from payments.core.money import Money
from payments.models import Channel, Operation, Order, Payment, ProviderAccount
from payments.models.payment import Method, PaymentStatus
from payments.people.models import Customer
from payments.providers.base import Outcome, ProviderReport, ReportType, Result, Verb
from payments.queries.due import due
from payments.services import charge_limit
from payments.services.create import Acknowledgement, check_unknown
from payments.services.new_rows import new_operation, new_payment
from payments.services.orders import OrderName, take_order
from payments.services.record import record
from payments.services.unit_of_work import UnitOfWork

MAY_BE_PAID: Final = frozenset({PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalCharge:
    """What a terminal is to charge, in minor units of `currency`; without an amount all that the order has due."""

    channel: Channel
    order: OrderName
    currency: str
    amount: int | None
    provider_account: ProviderAccount
    terminal_id: str
    terminal_label: str
    customer: Customer | None = None
    acknowledge_unknown: Acknowledgement | None = None


def request_charge(charge: TerminalCharge, *, actor: str) -> tuple[Payment, Operation]:
    """Write the payment and its operation, under the order's lock; joins the caller's transaction.

    Raises:
        Invalid: `amount_exceeds_due` (with `due`), `order_currency_differs`, or no amount where none is known.
        Conflict: `payment_in_progress` or `outcome_unknown`, each with the payment that stands in between.
    """
    merchant = charge.channel.merchant
    uow = UnitOfWork(merchant=merchant, actor=actor, now=timezone.now())
    order = take_order(
        uow, channel=charge.channel, name=charge.order, currency=charge.currency, customer=charge.customer
    )
    amount, payment_id = _amount(uow, order, charge.amount), new_id("pay")
    charge_limit.check_due(uow, order, amount)
    check_unknown(uow, order, payment_id, charge.acknowledge_unknown)
    payment = new_payment(
        uow,
        id=payment_id,
        order=order,
        channel=charge.channel,
        provider_account=charge.provider_account,
        origin=charge.channel.kind,
        method=Method.CARD,
        amount=Money(amount, charge.currency),
        occurred_at=uow.now,
        customer=charge.customer,
        terminal_id=charge.terminal_id,
        terminal_label=charge.terminal_label,
    )
    operation = new_operation(
        uow,
        Verb.SALE,
        executor=Operation.Executor.TERMINAL,
        provider_account=charge.provider_account,
        payment=payment,
        amount=Money(amount, charge.currency),
    )
    uow.flush()
    return payment, operation


def known_outcome(operation: Operation, payment_reference: str | None, *, actor: str) -> str | None:
    """Return what is known by now of what a terminal is asked for; the order stays locked until the caller commits.

    A sale takes over its provider's name, if it has none: by it webhooks tell of it, refunds are asked for, and
    settlements name it. Joins the caller's transaction.
    """
    uow = UnitOfWork(merchant=operation.merchant, actor=actor, now=timezone.now(), facts=True)
    payment = Payment.objects.only("order_id").get(id=operation.payment_id or "")
    uow.lock([payment.order_id])
    held = uow.payments[payment.id]
    if payment_reference and operation.verb == Verb.SALE and held.provider_reference is None:
        taken = Payment.objects.filter(provider_account=held.provider_account_id, provider_reference=payment_reference)
        # Another payment of that name: a provider that gives one name twice names neither.
        if not taken.exists():
            uow.change(held, provider_reference=payment_reference)
    uow.flush()
    return Operation.objects.values_list("outcome", flat=True).get(id=operation.id)


def conclude(operation: Operation, outcome: Outcome, *, code: str = "", detail: str = "", actor: str) -> None:
    """Record what follows of what a terminal was asked for, where no transaction of the device says it.

    It is dated when it was asked for, so that whatever the device says later happened after it, and counts. An
    operation that has succeeded stays as it is.
    """
    result = Result(outcome=outcome, code=code or None, detail=detail or None, occurred_at=operation.created_at)
    report = ProviderReport(fact=ReportType(operation.verb), result=result, operation_id=operation.id)
    record(operation.provider_account, [report], actor=actor)


def _amount(uow: UnitOfWork, order: Order, given: int | None) -> int:
    if given is not None:
        return given
    left = due(order, charge_limit.payments_of(uow, order))
    if left is None:
        raise wrong("amount", "required", "Send the amount: nobody has said what this order costs in all.")
    if not left:
        raise Invalid(
            "amount_exceeds_due",
            "Nothing is due on this order.",
            param="amount",
            due=0,
            currency=order.currency,
        )
    return left
