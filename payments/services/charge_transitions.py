"""Transitions of a charge: what each outcome of authorize, sale, capture and cancel changes and books."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext_noop

from payments.accounting import journal
from payments.models import Operation, Payment, StatisticDelta
from payments.models.discrepancy import DiscrepancyKind
from payments.models.payment import PaymentStatus
from payments.providers.base import AMOUNT_TO_CHECK, Outcome, Result, Verb
from payments.services import amount_differences
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import Translatable, message_columns

REDIRECT_LIVES: Final = timedelta(hours=1)
AUTHORIZATION_LIVES: Final = timedelta(days=7)
_FINAL: Final = frozenset({Outcome.SUCCEEDED, Outcome.DECLINED})
# What a provider calls a refusal, though nobody refused.
_ENDINGS: Final = {"expired": PaymentStatus.EXPIRED, "canceled": PaymentStatus.CANCELED}
_NO_ANSWER: Final = {
    False: gettext_noop("The provider gave no answer to {verb} {id}; it is being asked."),
    True: gettext_noop("The terminal gave no answer to {verb} {id}; it is being asked."),
}
_PATIENCE: Final = (2, 4, 8, 15, 30, 60, 120, 300)  # seconds until the sweep looks again


def next_look(attempts: int, now: datetime) -> datetime:
    """When to look again at an operation that is not final."""
    return now + timedelta(seconds=_PATIENCE[min(attempts, len(_PATIENCE) - 1)])


def changes_outcome(operation: Operation, result: Result) -> bool:
    """Return whether an answer adds to what is known: only a later final outcome replaces a final one.

    A refusal that comes after a success (and the reverse) is believed only if it did not happen before it. A charge
    that succeeded is never unmade by a refusal: taking money back is an event of its own (a reversal).
    """
    known, reported = operation.outcome, result.outcome
    if known not in _FINAL:
        tells_more = bool(result.redirect_url) or (result.code == AMOUNT_TO_CHECK != operation.failure_code)
        return reported in _FINAL or known != reported or tells_more
    if reported not in _FINAL or known == reported:
        return False
    if operation.verb != Verb.REFUND and known == Outcome.SUCCEEDED:
        return False
    if result.occurred_at is None or operation.occurred_at is None:
        return True
    return result.occurred_at >= operation.occurred_at


def repeats(operation: Operation, result: Result) -> bool:
    """Return whether an answer only repeats a final outcome: it would change nothing, now or later."""
    return operation.outcome in _FINAL and operation.outcome == result.outcome


def record_outcome(uow: UnitOfWork, operation: Operation, result: Result) -> None:
    """Write an outcome on its operation, and when the sweep is to look at it again."""
    final = result.outcome in _FINAL
    # Nobody else is asked by the sweep: what a terminal, a bank or a till does is reported.
    by_provider = operation.executor == Operation.Executor.PROVIDER
    was_unknown = operation.outcome == Outcome.UNKNOWN
    uow.change(
        operation,
        outcome=result.outcome,
        provider_reference=result.reference or operation.provider_reference,
        failure_code=(result.code or "")[:64],
        failure_detail=result.detail or "",
        occurred_at=(result.occurred_at or uow.now) if final else operation.occurred_at,
        completed_at=uow.now if final else None,
        due_at=None if final or not by_provider else next_look(operation.attempts, uow.now),
    )
    key = f"outcome_unknown:{operation.id}"
    if result.outcome == Outcome.UNKNOWN:
        uow.open_discrepancy(
            DiscrepancyKind.OUTCOME_UNKNOWN,
            key,
            **message_columns(
                _NO_ANSWER[operation.executor == Operation.Executor.TERMINAL],
                verb=Translatable(operation.verb),
                id=operation.id,
            ),
            payment=operation.payment,
            amount=operation.amount,
            currency=operation.currency,
        )
    elif was_unknown:  # also by a report that it never arrived, or that it is pending
        uow.resolve_discrepancy(key)


def apply_result(uow: UnitOfWork, operation: Operation, result: Result) -> None:
    """Apply an answer to a charge: the same whether it came from the call, a webhook, the sweep or a device."""
    payment = uow.payments[operation.payment_id or ""]
    operation.payment = payment
    if not changes_outcome(operation, result):
        if operation.outcome not in _FINAL:
            uow.change(operation, due_at=next_look(operation.attempts, uow.now))
        return
    record_outcome(uow, operation, result)
    if operation.verb in (Verb.SALE, Verb.AUTHORIZE):
        if result.outcome in _FINAL:
            uow.resolve_discrepancy(amount_differences.key_of(operation))
        _charge_answered(uow, payment, operation, result)
    elif result.outcome == Outcome.SUCCEEDED and operation.verb == Verb.CAPTURE:
        amount = _moved(operation, result)
        amount_differences.note(uow, payment, operation, amount)
        capture(uow, payment, operation, amount, result.occurred_at or uow.now)
    elif result.outcome == Outcome.SUCCEEDED and operation.verb == Verb.CANCEL:
        release(uow, payment, PaymentStatus.CANCELED, operation)
    elif result.outcome == Outcome.DECLINED:
        _refuse(uow, payment, operation, result)


def _charge_answered(uow: UnitOfWork, payment: Payment, operation: Operation, result: Result) -> None:
    _learn(uow, payment, result)
    if result.outcome == Outcome.SUCCEEDED:
        amount = _moved(operation, result)
        amount_differences.note(uow, payment, operation, amount)
        if operation.verb == Verb.SALE:
            capture(uow, payment, operation, amount, result.occurred_at or uow.now)
        else:
            authorize(uow, payment, operation, amount, result.occurred_at or uow.now)
    elif result.outcome == Outcome.DECLINED:
        decline(uow, payment, operation, result)
    elif result.outcome == Outcome.UNKNOWN:
        if uow.transition(payment, PaymentStatus.UNKNOWN, operation=operation):
            uow.emit("payment.unknown", payment)
    elif result.outcome == Outcome.PENDING and result.code == AMOUNT_TO_CHECK:
        amount_differences.note_to_check(uow, payment, operation, result)
        uow.transition(payment, PaymentStatus.PROCESSING, operation=operation)
    elif result.outcome == Outcome.PENDING and result.redirect_url:
        uow.change(payment, redirect_url=result.redirect_url, expires_at=uow.now + REDIRECT_LIVES)
        uow.transition(payment, PaymentStatus.REQUIRES_ACTION, operation=operation)
    elif result.outcome == Outcome.PENDING:
        uow.transition(payment, PaymentStatus.PROCESSING, operation=operation)


def authorize(uow: UnitOfWork, payment: Payment, operation: Operation, amount: int, at: datetime) -> None:
    """The amount is held for us; nothing is booked until it is captured (which may have been reported before)."""
    held = payment.amount_held
    uow.change(
        payment,
        amount_authorized=max(payment.amount_authorized, amount),
        expires_at=uow.now + AUTHORIZATION_LIVES,
        failure_code="",
        failure_detail="",
        **_when(payment, at),
    )
    _hold(uow, payment, held)
    uow.transition(payment, PaymentStatus.AUTHORIZED, operation=operation)
    uow.emit("payment.authorized", payment)


def capture(uow: UnitOfWork, payment: Payment, operation: Operation, amount: int, at: datetime) -> None:
    """The money is ours: payment and order rise, the entry is booked, the sale counts."""
    first = payment.amount_captured == 0
    held, captured = payment.amount_held, payment.amount_captured + amount
    authorized = max(payment.amount_authorized, captured)
    uow.change(
        payment,
        amount_captured=captured,
        amount_authorized=authorized,
        amount_released=min(payment.amount_released, authorized - captured),  # what was given up may be taken after all
        failure_code="",
        failure_detail="",
        **(_when(payment, at) if first else {}),
    )
    if first:
        uow.change(payment, receipt_number=_receipt_number(payment))
    uow.change(payment.order, captured=payment.order.captured + amount)
    _hold(uow, payment, held)
    if operation.verb == Verb.CAPTURE and operation.final:
        release(uow, payment, None, operation)
    uow.transition(payment, PaymentStatus.CAPTURED, operation=operation)
    uow.book(journal.captured(uow.merchant, payment, operation, amount, at))
    tips = payment.tip if operation.verb == Verb.SALE else 0
    uow.add_statistics(figures(payment, sales_count=int(first), sales_amount=amount, tips_amount=tips))
    uow.emit("payment.captured", payment)


def decline(uow: UnitOfWork, payment: Payment, operation: Operation, result: Result) -> None:
    """Refused, or given up by the customer or the clock: nothing moved."""
    status = _ENDINGS.get(result.code or "", PaymentStatus.DECLINED)
    uow.change(payment, failure_code=(result.code or "declined")[:64], failure_detail=result.detail or "")
    if uow.transition(payment, status, operation=operation):
        uow.emit(f"payment.{status.value}", payment)


def release(
    uow: UnitOfWork, payment: Payment, to_status: PaymentStatus | None, operation: Operation | None = None
) -> None:
    """What was authorized and not captured is given up; an uncaptured payment ends in `to_status`.

    What an unanswered capture may take stays held until its answer; if that is a refusal, it is released then.
    """
    under_way = uow.operations_of([payment]) if payment.amount_under_way else []
    capturing = sum(row.amount for row in under_way if row.verb == Verb.CAPTURE)
    held = payment.amount_held
    if held > capturing:
        uow.change(payment, amount_released=payment.amount_released + held - capturing)
        _hold(uow, payment, held)
    if capturing or to_status is None or payment.amount_captured:
        return
    if uow.transition(payment, to_status, operation=operation):
        uow.emit(f"payment.{to_status.value}", payment)


def reverse(uow: UnitOfWork, payment: Payment, operation: Operation, at: datetime) -> None:
    """A sale or capture is taken back by scheme, provider or device: as if it had never been made."""
    if operation.reversed_at is not None or operation.outcome != Outcome.SUCCEEDED:
        return
    amount = operation.amount
    uow.book(*journal.reversed_sale(uow.merchant, payment, operation, amount, at))  # while it is as it was booked
    uow.change(operation, reversed_at=uow.now)
    uow.resolve_discrepancy(f"missing_in_settlement:{operation.id}")  # nobody will settle it any more
    uow.change(payment, amount_captured=payment.amount_captured - amount, provisional=False)
    if payment.manual_capture:  # what was taken back is not to be captured again
        uow.change(payment, amount_released=payment.amount_released + amount)
    uow.change(payment.order, captured=payment.order.captured - amount)
    gone = payment.amount_captured == 0
    tips = payment.tip if operation.verb == Verb.SALE else 0
    uow.add_statistics(figures(payment, sales_count=-int(gone), sales_amount=-amount, tips_amount=-tips))
    if gone and uow.transition(payment, PaymentStatus.REVERSED, operation=operation):
        uow.emit("payment.reversed", payment)


def _refuse(uow: UnitOfWork, payment: Payment, operation: Operation, result: Result) -> None:
    """A capture or cancellation is refused: an event says so, and what an ended payment held for it is released."""
    uow.change(payment, failure_code=(result.code or "declined")[:64], failure_detail=result.detail or "")
    uow.emit(f"payment.{operation.verb}_declined", payment)
    if operation.verb == Verb.CAPTURE and payment.amount_held and _has_ended(payment):
        release(uow, payment, PaymentStatus.CANCELED, operation)


def _has_ended(payment: Payment) -> bool:
    """Whether all that was not being captured has been given up."""
    last = Q(verb=Verb.CANCEL) | Q(verb=Verb.CAPTURE, final=True)
    done = payment.operations.filter(last, outcome=Outcome.SUCCEEDED, reversed_at=None)
    return payment.amount_released > 0 or done.exists()


def _hold(uow: UnitOfWork, payment: Payment, held_before: int) -> None:
    """Bring the order's sum of what is held in line with what this payment now holds."""
    order, more = payment.order, payment.amount_held - held_before
    if more:
        uow.change(order, authorized=max(0, order.authorized + more))


def figures(payment: Payment, **measures: int) -> StatisticDelta:
    """A change of the statistics, in the groups of this payment."""
    return StatisticDelta(
        merchant_id=payment.merchant_id,
        channel_id=payment.channel_id,
        business_day=payment.business_day,
        hour=payment.occurred_at.astimezone(payment.merchant.zone).hour,
        method=payment.method or "",
        origin=payment.origin,
        brand=payment.card_brand or "",
        currency=payment.currency,
        **measures,
    )


def _learn(uow: UnitOfWork, payment: Payment, result: Result) -> None:
    """Take over what the provider reports of the payment beside the outcome.

    A provider's page may get another reference once it is paid: that of the payment which succeeded counts.
    """
    news: dict[str, Any] = {}
    if result.payment_reference and (not payment.provider_reference or result.outcome == Outcome.SUCCEEDED):
        news["provider_reference"] = result.payment_reference
    if result.method and not payment.method:
        news["method"] = result.method
    if result.card is not None:
        news |= {
            "card_brand": result.card.brand,
            "card_last4": result.card.last4,
            "card_fingerprint": result.card.fingerprint,
            "card_par": result.card.par,
            "entry_mode": result.card.entry_mode,
            "verification": result.card.verification,
        }
    if result.payer is not None and not payment.payer_account:
        news["payer_account"] = json.dumps({"iban": result.payer.iban, "name": result.payer.name})
    if news:
        uow.change(payment, **news)


def _when(payment: Payment, at: datetime) -> dict[str, Any]:
    return {"occurred_at": at, "business_day": payment.merchant.business_day(at)}


def _receipt_number(payment: Payment) -> str:
    """Short enough to type at a counter, unique through the open item's number."""
    return payment.receipt_number or f"{payment.business_day:%y%m%d}-{payment.item}"


def _moved(operation: Operation, result: Result) -> int:
    return result.amount.amount if result.amount is not None else operation.amount
