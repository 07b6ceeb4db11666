"""Refund: plan the request, reserve it under the order's lock, and leave the rest to `execute`."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.core.errors import Invalid, wrong
from payments.core.ids import new_id
from payments.models import Order, Payment, Refund, RefundPart, RefundReason
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.services import approvals, gate
from payments.runtime.fail_points import fail_point
from payments.services import limits, voucher
from payments.services.idempotency import IdempotencyGuard
from payments.services.limits import Exceeded
from payments.services.refunds import rules, transitions
from payments.services.refunds.cash_in_till import cash_in_till
from payments.services.refunds.execute import carry_out
from payments.services.refunds.known_account import known_account
from payments.services.refunds.only_terminal import with_only_terminal
from payments.services.refunds.plan import Plan, PlannedPart, RefundRequest, exceeds_refundable, make_plan
from payments.services.refunds.result import RefundResult, read
from payments.services.refunds.rules import Giving, Rules
from payments.services.under_way import explain_refund_refusal
from payments.services.unit_of_work import UnitOfWork

GUARD: Final = "order_never_returns_more"  # the CHECK behind the lock


def plan_refund(request: RefundRequest, *, actor: Actor) -> Plan:
    """Tell how a refund would be made by this requester; nothing is changed.

    Raises:
        Invalid, Forbidden: as `request_refund`.
    """
    request = with_only_terminal(request)
    order = Order.objects.get(id=request.order.id)
    order.merchant = request.channel.merchant
    rows = Payment.objects.filter(order=order).select_related("channel", "provider_account", "voucher", "merchant")
    parts = RefundPart.objects.filter(refund__order=order).order_by("id")
    _check(request)
    payments, now = list(rows), timezone.now()
    binding = _rules_of(request, actor)
    in_till = cash_in_till(request, payments)
    plan = _allowed_plan(request, binding, order, payments, list(parts), now, in_till=in_till)
    limit_passed(request, plan, binding, now)
    return plan


def limit_passed(request: RefundRequest, plan: Plan, binding: Rules, now: datetime) -> Exceeded | None:
    """The limit for which a second person is needed; under the order's lock it is certain, else a forecast.

    Raises:
        Forbidden: `refund_limit_exceeded`, as `rules.check_limits`.
    """
    own = rules.check_limits(binding, _giving(plan), now=now)
    return own or limits.of_refund(
        merchant=binding.merchant,
        order_id=request.order.id,
        amount=plan.amount,
        currency=plan.currency,
        actor=binding.actor,
        now=now,
    )


def _giving(plan: Plan) -> Giving:
    to_iban, at_terminal = Counter[str](), Counter[str]()
    for part in plan.parts:
        if part.bank_account is not None:
            to_iban[part.bank_account.iban] += part.amount
        if part.terminal_id is not None:
            at_terminal[part.terminal_id] += part.amount
    return Giving(amount=plan.amount, currency=plan.currency, to_iban=to_iban, at_terminal=at_terminal)


def second_person_needed(request: RefundRequest, plan: Plan, *, actor: Actor) -> bool:
    """Tell whether a planned refund would wait for a second person."""
    return limit_passed(request, plan, _rules_of(request, actor), timezone.now()) is not None


def _rules_of(request: RefundRequest, actor: Actor) -> Rules:
    channel = request.channel
    return rules.applying(merchant=channel.merchant, channel=channel, actor=actor, operator=request.operator)


def _allowed_plan(
    request: RefundRequest,
    binding: Rules,
    order: Order,
    payments: Sequence[Payment],
    parts: Sequence[RefundPart],
    now: datetime,
    *,
    in_till: int | None,
) -> Plan:
    """A plan that the requester's rights allow."""
    original = binding.original_only
    with explain_refund_refusal(payments):
        plan = make_plan(
            request,
            order=order,
            payments=payments,
            known_account=known_account(parts, payments),
            now=now,
            original_only=original.name if original is not None else None,
            refunds_before=_refunds_before(parts),
            in_till=in_till,
        )
    rules.check_rights(binding, [part.payment for part in plan.parts])
    for part in plan.parts:
        if part.bank_account is not None:
            rules.check_account(binding, part.bank_account.iban)
    return plan


def request_refund(request: RefundRequest, *, actor: Actor, guard: IdempotencyGuard | None = None) -> RefundResult:
    """Decide a refund and return it; a worker calls the provider right after the commit.

    Raises:
        Invalid: `amount_exceeds_refundable` (with `amount_refundable` and `currency`), `route_required` (with
            `routes`), `route_not_possible`, `bank_account_required`, `till_too_low`, `order_currency_differs` …
        Forbidden: `permission_missing`, in the channel where the goods came back; `refund_right_missing`,
            `refund_limit_exceeded`, `iban_blocked`, each with its `rule`.
    """
    request = with_only_terminal(request)
    _check(request)
    gate.check(Action.REFUND, by=actor, merchant_id=request.channel.merchant_id, channel_id=request.channel.id)
    try:
        with transaction.atomic():
            fail_point("refund.opened")
            refund, voucher_code = _decide(request, actor, guard)
            fail_point("refund.written")
    except IntegrityError as error:
        if GUARD not in str(error):
            raise
        order = Order.objects.get(id=request.order.id)
        raise exceeds_refundable(order.refundable, order.currency) from error
    fail_point("refund.committed")
    return RefundResult(read(refund.id), voucher_code)


def _check(request: RefundRequest) -> None:
    """What can be checked without the order's lock."""
    if request.payment is not None and request.payment.order_id != request.order.id:
        raise wrong("payment", "other_order", "This payment belongs to another order.")
    exchanged = request.exchange_for
    if exchanged is None:
        return
    if exchanged.id == request.order.id:
        raise wrong("exchange_for", "same_order", "An order is not exchanged for itself.")
    if exchanged.currency != request.order.currency:
        raise Invalid("order_currency_differs", f"That order is in {exchanged.currency}.", param="exchange_for")
    if request.route not in ("auto", "voucher"):
        raise Invalid("route_not_possible", "What is exchanged travels nowhere; leave out route.", param="route")


def _decide(request: RefundRequest, actor: Actor, guard: IdempotencyGuard | None) -> tuple[Refund, str | None]:
    refund_id = new_id("ref")
    if guard is not None:
        guard.begin(refund_id)
    uow = UnitOfWork(merchant=request.channel.merchant, actor=name_of(actor), now=timezone.now())
    exchanged = request.exchange_for
    uow.lock([request.order.id] if exchanged is None else [request.order.id, exchanged.id])
    payments = [row for row in uow.payments.values() if row.order_id == request.order.id]
    voucher.hold(payments)
    uow.read_refunds()
    _replan(uow, request.order.id)
    binding, order = _rules_of(request, actor), uow.orders[request.order.id]
    in_till = cash_in_till(request, payments, lock=True)
    plan = _allowed_plan(request, binding, order, payments, _parts_of(uow, order.id), uow.now, in_till=in_till)
    exceeded = limit_passed(request, plan, binding, uow.now)
    refund = uow.add(_refund(uow, refund_id, request, plan, alone=exceeded is None))
    parts = [_part(uow, refund, position, planned) for position, planned in enumerate(plan.parts)]
    voucher_code = None
    if exceeded is not None:
        _ask_a_second_person(uow, refund, exceeded)
    else:
        transitions.accept(uow, refund=refund, parts=parts)
        voucher_code = carry_out(uow, refund=refund, parts=parts)
    uow.flush()
    return refund, voucher_code


def _ask_a_second_person(uow: UnitOfWork, refund: Refund, exceeded: Exceeded) -> None:
    approvals.request(
        subject=refund,
        action=Action.REFUND,
        merchant_id=uow.merchant.id,
        channel_id=refund.channel_id,
        requested_by=uow.actor,
        payload={"limit": exceeded.payload()},
    )
    uow.emit("refund.requires_approval", refund)


def _replan(uow: UnitOfWork, order_id: str) -> None:
    """A new decision takes over the debt of parts that failed."""
    for part in _parts_of(uow, order_id):
        if part.status == PartStatus.FAILED:
            transitions.abandon(uow, part=part, code="replanned", detail="A later refund took this debt over.")


def _parts_of(uow: UnitOfWork, order_id: str) -> list[RefundPart]:
    return [part for part in uow.parts.values() if part.refund.order_id == order_id]


def _refunds_before(parts: Sequence[RefundPart]) -> Counter[str]:
    """How often the provider of each payment gave back of it, or was asked to."""
    gone = (PartStatus.FAILED, PartStatus.CANCELED)
    original = (part for part in parts if part.route == Route.ORIGINAL and part.status not in gone)
    return Counter(part.payment_id for part in original if part.payment_id is not None)


def _refund(uow: UnitOfWork, refund_id: str, request: RefundRequest, plan: Plan, *, alone: bool) -> Refund:
    exchanged = request.exchange_for
    return Refund(
        id=refund_id,
        merchant=uow.merchant,
        order=uow.orders[request.order.id],
        channel=request.channel,
        exchange_for=None if exchanged is None else uow.orders[exchanged.id],
        amount=plan.amount,
        currency=plan.currency,
        status=RefundStatus.PENDING if alone else RefundStatus.REQUIRES_APPROVAL,
        reason=request.reason,
        reason_code=_reason_code(uow, request.reason),
        requested_by=uow.actor,
        operator=request.operator,
        metadata=dict(request.metadata),
        occurred_at=uow.now,
        business_day=uow.merchant.business_day(uow.now),
        created_at=uow.now,
    )


def _reason_code(uow: UnitOfWork, reason: str) -> str:
    """The reason, where it is one of the merchant's list; what is free text is counted under none."""
    known = RefundReason.objects.filter(merchant=uow.merchant, code=reason, active=True).exists()
    return reason if known else ""


def _part(uow: UnitOfWork, refund: Refund, position: int, planned: PlannedPart) -> RefundPart:
    """A part that holds its amount."""
    alone = refund.status == RefundStatus.PENDING
    to_same_voucher = planned.route == "original" and planned.payment.voucher_id is not None
    account = planned.bank_account
    part = uow.add(
        RefundPart(
            refund=refund,
            payment=planned.payment,
            item=uow.next_open_item(),
            position=position,
            amount=planned.amount,
            tip=_tip(uow, planned),
            route=planned.route,
            status=PartStatus.QUEUED if alone else PartStatus.REQUIRES_APPROVAL,
            terminal_id=planned.terminal_id,
            bank_account=account.stored() if account is not None else "",
            iban_hash=rules.iban_hash(account.iban) if account is not None else "",
            voucher=planned.payment.voucher if to_same_voucher else None,
            rounding=planned.rounding,
            expected_at=planned.expected_at,
            reasons=list(planned.reasons),
        )
    )
    transitions.reserve(uow, part=part)
    return part


def _tip(uow: UnitOfWork, planned: PlannedPart) -> int:
    """How much of a part is tip: the goods are given back first, the tip with what is then left."""
    payment = planned.payment
    if not payment.tip:
        return 0
    gone = (PartStatus.FAILED, PartStatus.CANCELED)
    kept = [part for part in uow.parts.values() if part.payment_id == payment.id and part.status not in gone]
    goods = payment.amount_captured - payment.tip - sum(part.amount - part.tip for part in kept)
    tips = payment.tip - sum(part.tip for part in kept)
    return min(max(0, planned.amount - max(0, goods)), max(0, tips))
