"""Create a payment: its operation is committed, the provider called, the answer recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Invalid, wrong
from payments.core.ids import new_id
from payments.core.money import Money
from payments.models import Channel, Merchant, Operation, Order, Payment, ProviderAccount
from payments.models.payment import Method
from payments.people.models import Customer
from payments.people.services import customers
from payments.providers import registry
from payments.providers.base import Outcome, Provider, Result, Verb
from payments.queries.orders import ACKNOWLEDGED
from payments.runtime.fail_points import fail_point
from payments.services import charge_limit, charge_transitions, voucher
from payments.services.counter import check_counter
from payments.services.default_account import default_account
from payments.services.idempotency import IdempotencyGuard
from payments.services.new_rows import new_operation, new_payment
from payments.services.orders import OrderName, take_order
from payments.services.request_operation import settled
from payments.services.unit_of_work import UnitOfWork
from payments.services.vat import check_vat
from payments.text.formatting import amount as written


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who takes it upon themselves to charge beside a payment of unknown outcome, and why."""

    operator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """The payment to create. Amounts are minor units of `amount.currency`."""

    channel: Channel
    order: OrderName
    amount: Money
    method: str | None = None
    manual_capture: bool = False
    provider_account: ProviderAccount | None = None
    return_url: str = ""
    customer: Customer | None = None
    buyer: Mapping[str, str] = field(default_factory=dict)  # instead of `customer`: what is known of a new one
    description: str = ""
    order_total: int | None = None
    invoice_reference: str | None = None
    vat: tuple[Mapping[str, Any], ...] = ()
    received: int | None = None
    voucher_code: str | None = None
    acknowledge_unknown: Acknowledgement | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_payment(request: PaymentRequest, *, actor: str, guard: IdempotencyGuard | None = None) -> Payment:
    """Take a payment and return it as far as the provider answered at once.

    Raises:
        Invalid: `order_currency_differs`, `amount_exceeds_due` (with `due`), `order_total_below_paid`, `channel_kind`,
            `vat_differs`, `method_not_supported`, `capture_not_supported`, `received_too_little` …
        Conflict: `payment_in_progress` or `outcome_unknown`, each with the payment that stands in between.
    """
    merchant = request.channel.merchant
    account = request.provider_account or default_account(merchant, request.method, request.amount.currency)
    provider = registry.provider(account.provider)
    _check_method(request, account, provider)
    check_vat(request.vat, request.amount)
    with transaction.atomic():
        fail_point("create.opened")
        payment, operation = _intend(request, account, provider, actor, guard)
        fail_point("create.written")
    fail_point("create.committed")
    return payment if provider.capabilities.instant else settled(operation, payment, actor=actor)


def _check_method(request: PaymentRequest, account: ProviderAccount, provider: Provider) -> None:
    capabilities = provider.capabilities
    currency = request.amount.currency
    if request.method is not None and not capabilities.takes(request.method, currency):
        raise Invalid(
            "method_not_supported",
            f"The account {account.name} does not take {request.method} in {currency}. Name another account or method.",
            param="method",
        )
    if request.manual_capture and request.method not in capabilities.manual_capture_methods:
        raise Invalid("capture_not_supported", "This method is captured at once; leave out capture.", param="capture")
    if capabilities.test_only and not request.channel.merchant.test_mode:
        raise Invalid("provider_test_only", "A live merchant cannot use the simulator.", param="provider_account")
    if request.method == Method.CASH:
        check_counter(request.channel, what="Cash")
    if request.received is not None and request.method != Method.CASH:
        raise wrong("received", "not_together", "Only cash is received by hand; leave it out.")
    if request.method == Method.VOUCHER and request.voucher_code is None:
        raise wrong("voucher_code", "required", "The method voucher needs voucher_code.")
    if request.voucher_code is not None and request.method != Method.VOUCHER:
        raise wrong("voucher_code", "not_together", "Send voucher_code with the method voucher only.")


def _intend(
    request: PaymentRequest, account: ProviderAccount, provider: Provider, actor: str, guard: IdempotencyGuard | None
) -> tuple[Payment, Operation]:
    merchant, payment_id = request.channel.merchant, new_id("pay")
    cash = _cash(request, merchant) if request.method == Method.CASH else {}
    # The key comes first: a second request of it waits here, and makes neither a customer nor an order.
    if guard is not None:
        guard.begin(payment_id)
    if request.buyer:
        request = replace(request, customer=customers.get_or_create(merchant_id=merchant.id, **request.buyer))
    uow = UnitOfWork(merchant=merchant, actor=actor, now=timezone.now())
    order = take_order(
        uow,
        channel=request.channel,
        name=request.order,
        currency=request.amount.currency,
        customer=request.customer,
    )
    _check_order(uow, order, payment_id, request)
    payment = _payment(uow, payment_id, request, account, order, cash)
    operation = _operation(uow, payment, request, provider)
    if provider.capabilities.instant:
        charge_transitions.apply_result(uow, operation, Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now))
    uow.flush()
    return payment, operation


def _payment(
    uow: UnitOfWork,
    payment_id: str,
    request: PaymentRequest,
    account: ProviderAccount,
    order: Order,
    cash: Mapping[str, int],
) -> Payment:
    code = request.voucher_code
    return new_payment(
        uow,
        id=payment_id,
        order=order,
        channel=request.channel,
        provider_account=account,
        origin=request.channel.kind,
        method=request.method,
        amount=request.amount,
        occurred_at=uow.now,
        # Vouchers are locked after the order, everywhere: two payments by one voucher cannot deadlock.
        voucher=None if code is None else voucher.spend(uow, code=code, amount=request.amount),
        customer=request.customer,
        manual_capture=request.manual_capture,
        return_url=request.return_url,
        description=request.description,
        vat=list(request.vat),
        metadata=dict(request.metadata),
        **cash,
    )


def _cash(request: PaymentRequest, merchant: Merchant) -> dict[str, int]:
    """What the till takes in (rounded where the merchant does so) and gives back."""
    rounded = merchant.in_cash(request.amount).amount
    received = rounded if request.received is None else request.received
    if received < rounded:
        least = written(rounded, request.amount.currency)
        raise Invalid("received_too_little", f"At least {least} is to be received in cash.", param="received")
    return {"received": received, "change": received - rounded, "rounding": rounded - request.amount.amount}


def _operation(uow: UnitOfWork, payment: Payment, request: PaymentRequest, provider: Provider) -> Operation:
    return new_operation(
        uow,
        Verb.AUTHORIZE if request.manual_capture else Verb.SALE,
        executor=Operation.Executor.RECORDED if provider.capabilities.instant else Operation.Executor.PROVIDER,
        provider_account=payment.provider_account,
        payment=payment,
        amount=request.amount,
    )


def _check_order(uow: UnitOfWork, order: Order, payment_id: str, request: PaymentRequest) -> None:
    """Hold a charge against what its order still has to pay, under the order's lock."""
    if request.order_total is not None:
        charge_limit.change_total(uow, order, request.order_total)
    if request.invoice_reference is not None and request.invoice_reference != order.invoice_reference:
        uow.change(order, invoice_reference=request.invoice_reference)
    charge_limit.check_due(uow, order, request.amount.amount)
    if request.method != Method.CASH:
        check_unknown(uow, order, payment_id, request.acknowledge_unknown)


def check_unknown(uow: UnitOfWork, order: Order, payment_id: str, by: Acknowledgement | None) -> None:
    """Let a charge pass beside payments of unknown outcome only where a named person takes that upon themselves.

    Raises:
        Conflict: `outcome_unknown`.
    """
    if by is None:
        charge_limit.check_known(uow, order)
    else:
        _acknowledge(uow, order, payment_id, by)


def _acknowledge(uow: UnitOfWork, order: Order, payment_id: str, by: Acknowledgement) -> None:
    """Write down who charges beside payments of unknown outcome; where there are none, nothing was decided."""
    unknown = charge_limit.unknown_payments(uow, order)
    if unknown:
        audit_log.write(
            actor=uow.actor,
            action=ACKNOWLEDGED,
            subject=order,
            merchant_id=order.merchant_id,
            after={
                "operator": by.operator,
                "reason": by.reason,
                "payment": payment_id,
                "unknown": [row.id for row in unknown],
            },
        )
