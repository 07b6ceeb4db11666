"""What is true of an order now, as reports: of its charge, its captures, its refunds and its chargeback."""

from collections.abc import Iterator
from dataclasses import replace

from payments.providers.base import Outcome, ProviderReport, ReportType, Result, Verb
from payments.providers.payload import Payload, text
from payments.providers.paynl import translate
from payments.providers.paynl.amounts import from_paynl


def of_order(order: Payload, transaction: Payload | None) -> tuple[ProviderReport, ...]:
    """All of it; `transaction` is the same payment at the API that knows refunds."""
    name = translate.name_of(order)
    if name is None:
        return ()
    if text(order, "type") == "credit":
        return tuple(_retourpin(order))
    found = [*_charge(order, name)]
    if transaction is not None:
        found += [*_refunds(transaction, name), *_chargeback(transaction, name)]
    return tuple(found)


def operation_of(order: Payload) -> str | None:
    """Our name for the charge that an order was made for."""
    named = text(order, "stats", "extra1")
    return named if named is not None and named.startswith("op_") else None


def _charge(order: Payload, name: str) -> Iterator[ProviderReport]:
    verb = Verb.AUTHORIZE if text(order, "stats", "extra2") == Verb.AUTHORIZE else Verb.SALE
    operation = operation_of(order)
    if operation is None:  # a link of Pay.nl's own, a terminal: not what an account of ours asked for
        return
    yield ProviderReport(ReportType(verb.value), translate.charged(order, verb), operation)
    total = translate.captured(order)
    if verb is Verb.AUTHORIZE and translate.status_of(order) == translate.PAID and total is not None:
        # All is taken: by our captures, at the dashboard, or at once where the location holds nothing.
        taken = Result(Outcome.SUCCEEDED, f"{name}:captured:{total.amount}", name, total)
        yield ProviderReport(ReportType.CAPTURE, taken, is_total=True)


def _retourpin(order: Payload) -> Iterator[ProviderReport]:
    """Money given back on a card at a terminal: an order of its own, which names no payment that was made before.

    Only that it went out is told. What else came of it, the terminal's action is asked.
    """
    operation, result = operation_of(order), translate.charged(order, Verb.SALE)
    if operation is not None and result.outcome is Outcome.SUCCEEDED:
        yield ProviderReport(ReportType.REFUND, replace(result, payment_reference=None), operation)


def _refunds(transaction: Payload, name: str) -> Iterator[ProviderReport]:
    total, code = from_paynl(transaction, "amountRefunded"), translate.status_of(transaction)
    # What was only asked for counts in the sum already, and is no refund yet.
    if total is not None and (code in translate.REFUNDED or total.amount == 0):
        result = Result(Outcome.SUCCEEDED, payment_reference=name, amount=total)
        yield ProviderReport(ReportType.REFUND, result, reason="Refunded at Pay.nl.", is_total=True)


def _chargeback(transaction: Payload, name: str) -> Iterator[ProviderReport]:
    if translate.status_of(transaction) in translate.CHARGEBACKS:
        taken = from_paynl(transaction, "amountPaid")
        amount = taken if taken is not None and taken.amount > 0 else from_paynl(transaction, "amount")
        at = translate.moment(transaction, "modifiedAt")
        result = Result(Outcome.SUCCEEDED, f"{name}:chargeback", name, amount, occurred_at=at)
        yield ProviderReport(ReportType.CHARGEBACK_OPENED, result)
