"""The one place where outcomes and reports become operation, payment, transition, journal entry and event together.

It is the same function whether the answer came from the call, a webhook or the sweep. An operation is recognized by
our own id, then by the provider's reference; a refund (or capture) with neither waits while its payment has one of ours
without a reference, so that our own refund's early webhook is never taken for a second refund.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments.core.money import Money
from payments.db.compiled_queries import CompiledQuery
from payments.models import Operation, Payment, ProviderAccount
from payments.models.payment import PaymentStatus
from payments.providers.base import Outcome, ProviderReport, ReportType, Result, Verb
from payments.runtime.fail_points import fail_point
from payments.services import charge_transitions, chargeback
from payments.services.new_rows import new_operation
from payments.services.refunds import external, refunded_total, transitions
from payments.services.refunds.onward import take_next_route
from payments.services.unit_of_work import UnitOfWork

_VERBS = frozenset(ReportType(verb.value) for verb in Verb)
_CHARGES = frozenset({Verb.SALE.value, Verb.AUTHORIZE.value})


@dataclass(slots=True)
class Recording:
    """The result of recording reports; those whose object is not known yet are to be tried again."""

    applied: list[ProviderReport] = field(default_factory=list)
    waiting: list[ProviderReport] = field(default_factory=list)
    # Handed back so that the caller of the API gets what was recorded without reading it again.
    payments: dict[str, Payment] = field(default_factory=dict)  # of the orders touched, with all changes


def record_answer(operation: Operation, result: Result, *, actor: str) -> Payment | None:
    """Record the answer to one call of ours; return its payment with the changes."""
    report = ProviderReport(fact=ReportType(operation.verb), result=result, operation_id=operation.id)
    # Its order never changes, so that the look for orders behind a report is saved.
    about = {operation.payment.order_id} if operation.payment is not None else None
    return record(operation.provider_account, [report], actor=actor, order_ids=about).payments.get(
        operation.payment_id or ""
    )


def record(
    account: ProviderAccount, reports: Sequence[ProviderReport], *, actor: str, order_ids: set[str] | None = None
) -> Recording:
    """Record what one provider account answered or reported, in one transaction.

    Repeating it is harmless. Reports that cannot be placed yet come back in `waiting`; nothing of them is written.
    `order_ids` are the orders that the reports are about, where the caller knows them.
    """
    recording = Recording()
    with transaction.atomic():
        fail_point("record.opened")
        # `facts`: what a provider says has happened; a limit would not make it undone.
        uow = UnitOfWork(merchant=account.merchant, actor=actor, now=timezone.now(), facts=True)
        uow.lock(_order_ids(account, reports) if order_ids is None else order_ids)
        # After the locks: another report may have answered the same operation while this one waited.
        known = _Known(account, reports, uow)
        for report in reports:
            placed = _apply(uow, known, report)
            (recording.applied if placed else recording.waiting).append(report)
        uow.flush()
        recording.payments = uow.payments
        fail_point("record.written")
    fail_point("record.committed")
    return recording


class _Known:
    """The operations and payments that reports may be about, read after their orders were locked."""

    def __init__(self, account: ProviderAccount, reports: Sequence[ProviderReport], uow: UnitOfWork) -> None:
        self.account = account
        self.operations = _OPERATIONS(account.merchant_id, account.id, *_names(reports), list(uow.payments) or _NONE)
        self.payments = uow.payments

    def operation(self, report: ProviderReport) -> Operation | None:
        named = self.named(report)
        # Some providers name all that is done to a payment by the operation that made it: that is no answer to it.
        if report.operation_id is not None and (named is None or _is_about(report.fact, named)):
            return named
        verb, reference = report.fact.value, report.result.reference
        by_reference = [row for row in self.of_verb(verb) if reference and row.provider_reference == reference]
        if by_reference:
            return by_reference[0]
        payment = self.payment(report)
        # A refund is never guessed by its payment: there may be several, ours and others.
        if payment is None or report.fact == ReportType.REFUND:
            return None
        if report.fact == ReportType.CAPTURE:
            return self._own_capture(payment, report.result)
        of_payment = [row for row in self.of_verb(verb) if row.payment_id == payment.id]
        # One sale or authorization of the payment and no other name for it: it can only be that.
        return of_payment[0] if len(of_payment) == 1 and not of_payment[0].provider_reference else None

    def named(self, report: ProviderReport) -> Operation | None:
        """The operation of ours whose id a report bears."""
        return next((row for row in self.operations if row.id == report.operation_id), None)

    def of_verb(self, verb: str) -> list[Operation]:
        # References are unique within an account only: two providers may use the same one.
        return [row for row in self.operations if row.verb == verb and row.provider_account_id == self.account.id]

    def payment(self, report: ProviderReport) -> Payment | None:
        reference, named = report.result.payment_reference, self.named(report)
        if reference is None and named is not None:
            return self.payments.get(named.payment_id or "")
        return next(
            (
                row
                for row in self.payments.values()
                if reference and row.provider_reference == reference and row.provider_account_id == self.account.id
            ),
            None,
        )

    def captures_without_reference(self, payment: Payment) -> list[Operation]:
        """Captures of ours without a reference, one of which the provider may be reporting."""
        return [
            row
            for row in self.of_verb(Verb.CAPTURE)
            if row.payment_id == payment.id and row.provider_reference is None and row.outcome != Outcome.DECLINED
        ]

    def _own_capture(self, payment: Payment, result: Result) -> Operation | None:
        """Our only capture without a reference, if of the same amount; else the capture was made at the provider."""
        unnamed = self.captures_without_reference(payment)
        # With two candidates, or another amount, binding it to one of them would be a guess.
        if len(unnamed) != 1 or result.amount not in (None, Money(unnamed[0].amount, payment.currency)):
            return None
        return unnamed[0]

    def refund_without_reference(self, payment: Payment) -> bool:
        return any(
            row.payment_id == payment.id
            and row.executor == Operation.Executor.PROVIDER
            and row.provider_reference is None
            and row.outcome != Outcome.DECLINED
            and (row.due_at is not None or row.outcome != Outcome.NOT_SENT)  # a canceled one was never sent
            for row in self.of_verb(Verb.REFUND)
        )

    def refunds_of(self, payment: Payment) -> list[Operation]:
        """The refunds of a payment that its provider made, at our request or not."""
        made_by = (Operation.Executor.PROVIDER, Operation.Executor.REPORTED)
        return [row for row in self.of_verb(Verb.REFUND) if row.payment_id == payment.id and row.executor in made_by]

    def last_success(self, payment: Payment, reference: str | None) -> Operation | None:
        done = [
            row
            for row in self.operations
            if row.payment_id == payment.id
            and row.verb in (Verb.SALE, Verb.CAPTURE)
            and row.outcome == Outcome.SUCCEEDED
            and row.reversed_at is None
        ]
        named = [row for row in done if reference and reference in (row.provider_reference, row.id)]
        # Where the report names none, the last success is meant.
        candidates = named or done
        return candidates[-1] if candidates else None


# In place of no texts: no id and no reference is empty, and Django asks nothing at all where a list is.
_NONE: Final = [""]


def _is_about(fact: ReportType, operation: Operation) -> bool:
    """Whether a report can be the answer to an operation: a provider need not know which kind of charge it was."""
    return operation.verb == fact.value or {operation.verb, fact.value} <= _CHARGES


def _named(account_id: str, operation_ids: Sequence[str], references: Sequence[str]) -> Q:
    return Q(id__in=operation_ids) | Q(provider_account_id=account_id, provider_reference__in=references)


_OPERATIONS: Final = CompiledQuery(
    lambda merchant_id, account_id, operation_ids, references, payment_ids: (
        Operation.objects.filter(
            _named(account_id, operation_ids, references) | Q(payment_id__in=payment_ids), merchant_id=merchant_id
        )
        .select_related("refund_part__refund__order", "refund_part__voucher", "provider_account")
        .order_by("id")
    )
)
# Read without a lock, only to learn which orders to lock; `_Known` reads again under their locks.
_BEHIND: Final = CompiledQuery(
    lambda merchant_id, account_id, operation_ids, references: (
        Operation.objects.filter(_named(account_id, operation_ids, references), merchant_id=merchant_id)
        .select_related("payment", "refund_part__refund")
        .order_by("id")
    )
)
_CHARGED: Final = CompiledQuery(
    lambda account_id, references: Payment.objects.filter(
        provider_account_id=account_id, provider_reference__in=references
    )
)


def _names(reports: Iterable[ProviderReport]) -> tuple[list[str], list[str]]:
    """The operations' ids and the provider's references that reports name, each once."""
    ids = {report.operation_id for report in reports if report.operation_id}
    references = {report.result.reference for report in reports if report.result.reference}
    return sorted(ids) or _NONE, sorted(references) or _NONE


def _order_ids(account: ProviderAccount, reports: Sequence[ProviderReport]) -> set[str]:
    """The orders behind reports."""
    found = set()
    for row in _BEHIND(account.merchant_id, account.id, *_names(reports)):
        found |= {row.payment.order_id} if row.payment is not None else set()
        found |= {row.refund_part.refund.order_id} if row.refund_part is not None else set()
    references = {report.result.payment_reference for report in reports if report.result.payment_reference}
    if references:
        found |= {row.order_id for row in _CHARGED(account.id, sorted(references))}
    return found


def _apply(uow: UnitOfWork, known: _Known, report: ProviderReport) -> bool:
    """Place one report; False when what it is about is not known yet."""
    operation = known.operation(report) if report.fact in _VERBS else None
    if operation is not None:
        _answer(uow, operation, report.result)
        return True
    payment = known.payment(report)
    # It names an operation that is not here (another installation may use the account): no work of a dashboard.
    if payment is None or (report.operation_id is not None and known.named(report) is None):
        return False
    at = report.result.occurred_at or uow.now
    if report.fact in chargeback.FACTS:
        chargeback.chargeback_reported(uow, payment, chargeback.DisputeReport.of(report, payment, uow.now))
    elif report.fact == ReportType.REVERSAL:
        taken_back = known.last_success(payment, report.original_reference)
        if taken_back is not None:
            charge_transitions.reverse(uow, payment, taken_back, at)
        # Reported once more: it has been taken back already.
        return taken_back is not None or payment.status == PaymentStatus.REVERSED
    elif report.fact == ReportType.EXPIRE:
        charge_transitions.release(uow, payment, PaymentStatus.EXPIRED)
    elif report.fact == ReportType.CANCEL and report.result.outcome == Outcome.SUCCEEDED:
        charge_transitions.release(uow, payment, PaymentStatus.CANCELED)
    elif report.fact == ReportType.REFUND:
        return _refund_elsewhere(uow, known, payment, report)
    # A payment that is captured at once has its capture in the sale; a report of it answers that.
    elif report.fact == ReportType.CAPTURE and payment.manual_capture:
        return _capture_elsewhere(uow, known, payment, report)
    else:
        return False
    return True


def _answer(uow: UnitOfWork, operation: Operation, result: Result) -> None:
    if operation.verb == Verb.REFUND:
        transitions.apply_result(uow, operation, result, onward=take_next_route)
    else:
        charge_transitions.apply_result(uow, operation, result)


def _capture_elsewhere(uow: UnitOfWork, known: _Known, payment: Payment, report: ProviderReport) -> bool:
    """Record a capture made at the provider; False while it may be one of ours without an answer."""
    if known.captures_without_reference(payment):
        return False
    if report.result.outcome != Outcome.SUCCEEDED:
        return True
    # A provider that names no amount has captured all that was held.
    amount = report.result.amount.amount if report.result.amount is not None else payment.amount_held
    if report.is_total:
        amount -= payment.amount_captured
        if amount <= 0:
            return True
    operation = new_operation(
        uow,
        Verb.CAPTURE,
        executor=Operation.Executor.REPORTED,
        provider_account=payment.provider_account,
        payment=payment,
        amount=Money(amount, payment.currency),
        final=report.final,
    )
    charge_transitions.apply_result(uow, operation, report.result)
    return True


def _refund_elsewhere(uow: UnitOfWork, known: _Known, payment: Payment, report: ProviderReport) -> bool:
    """Record a refund made at the provider; False while it may be one of ours without an answer."""
    if report.is_total:
        return refunded_total.apply(uow, payment, known.refunds_of(payment), report)
    if known.refund_without_reference(payment):
        return False
    if report.result.outcome != Outcome.SUCCEEDED:
        return True
    amount = report.result.amount.amount if report.result.amount is not None else payment.amount
    external.report(
        uow,
        payment=payment,
        order=payment.order,
        channel=payment.channel,
        provider_account=payment.provider_account,
        amount=amount,
        reference=report.result.reference,
        reason=report.reason or "Refunded at the provider.",
        at=report.result.occurred_at or uow.now,
    )
    return True
