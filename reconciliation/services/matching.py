"""Match by hand: a settlement's line with a payment, a bank's line with a payout, a payout with a bank's line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from payments.accounting.chart_of_accounts import account
from payments.core.errors import Fault, ValidationFailed
from payments.ledger.posting import Entry
from payments.models import Discrepancy, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.queries import item_balance
from reconciliation.services import payouts
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.sql import open_items

BANK_LINE: Final = "bnl"  # a line of a statement, as `bnl_17`
LONGEST_NUMBER: Final = 19  # digits; no line has a greater number


def is_forced(row: Discrepancy, names: Sequence[str]) -> bool:
    """Return whether the named object's open amount differs from the line's; then a second person must approve.

    Raises:
        ValidationFailed: there is nothing of that name to match with.
    """
    if row.kind in payouts.KINDS:
        return _own_payout(row).owed != _free_bank_line(row, names[0]).amount
    line = _settlement_line(row)
    if line is None:
        return _payout(row, names[0]).amount != _bank_line(row).amount
    payment = _payment(row, line, names[0])
    # Another amount than is open is a judgement, and needs a second person.
    return payment.currency != line.currency or _owed(payment) != line.gross


def match(row: Discrepancy, name: str, at: datetime) -> list[Entry]:
    """Match the line with the named object, and return the entry that takes it out of suspense."""
    if row.kind in payouts.KINDS:
        return [payouts.take_unexplained(_own_payout(row), _free_bank_line(row, name))]
    line = _settlement_line(row)
    if line is None:
        return [payouts.take(_payout(row, name), _bank_line(row))]
    payment = _payment(row, line, name)
    if payment.currency != line.currency:
        line.booked_currency, line.booked_amount = payment.currency, _owed(payment)
    entry = journal.late_match(row.merchant, line, payment.item, at)
    line.state, line.payment_id, line.item = SettlementLine.State.MATCHED, payment.id, payment.item
    # A person names the payment. Which of its operations it is, is certain of the one that is open with this amount.
    line.operation_id = open_items.sole_unsettled(payment.id, line_type=line.type, amount=abs(line.gross))
    line.rule = SettlementLine.Rule.BY_HAND
    line.save(update_fields=["state", "payment_id", "item", "operation_id", "rule", "booked_currency", "booked_amount"])
    resolve_explained(row.merchant, [f"{Kind.MISSING_IN_SETTLEMENT}:{line.operation_id}"])
    return [entry]


def _settlement_line(row: Discrepancy) -> SettlementLine | None:
    held = [SettlementLine.State.UNKNOWN, SettlementLine.State.REPEATED]
    return SettlementLine.objects.filter(item=row.item, state__in=held).select_related("settlement").first()


def _bank_line(row: Discrepancy) -> BankStatementLine:
    return BankStatementLine.objects.select_related("statement").get(item=row.item)


def _payment(row: Discrepancy, line: SettlementLine, name: str) -> Payment:
    """Return the named payment; in another currency only if something is open of it in the line's direction."""
    found = Payment.objects.filter(
        merchant=row.merchant, id=name, provider_account_id=line.settlement.provider_account_id
    ).first()
    if found is None:
        raise _nothing(gettext_noop("There is no such payment of the same provider account."))
    if found.currency != line.currency and _owed(found) * line.gross <= 0:
        raise _nothing(
            gettext_noop("This payment is in another currency, and nothing of it is open that this could be.")
        )
    return found


def _owed(payment: Payment) -> int:
    owed = account("receivable", payment.currency, payment.provider_account_id)
    return item_balance(payment.merchant_id, owed, payment.item)


def _payout(row: Discrepancy, name: str) -> Payout:
    found = (
        Payout.objects.select_for_update(of=("self",))
        .filter(merchant=row.merchant, id=name, status=Payout.Status.ANNOUNCED, currency=row.currency)
        .select_related("merchant", "settlement")
        .first()
    )
    if found is None:
        raise _nothing(gettext_noop("There is no such announced payout in the same currency."))
    return found


def _own_payout(row: Discrepancy) -> Payout:
    assert row.item is not None  # a payout's discrepancy is about its item
    locked = Payout.objects.select_for_update(of=("self",)).select_related("merchant", "settlement")
    return locked.get(merchant=row.merchant, item=row.item)


def _free_bank_line(row: Discrepancy, name: str) -> BankStatementLine:
    """Return the bank's line of this name that nothing explains yet, locked: two payouts cannot both be on it."""
    kind, _, number = name.partition("_")
    found = None
    if kind == BANK_LINE and number.isdecimal() and len(number) < LONGEST_NUMBER:
        free = free_bank_lines(merchant_id=row.merchant_id, currency=row.currency or "")
        found = free.select_for_update(of=("self",)).select_related("statement").filter(id=int(number)).first()
    if found is None or not found.amount:
        raise _nothing(gettext_noop("There is no such bank line in the same currency that nothing explains."))
    return found


def free_bank_lines(*, merchant_id: str, currency: str) -> QuerySet[BankStatementLine]:
    """Return the lines of a merchant's statements that nothing explains."""
    free = (BankStatementLine.State.SUSPENSE, BankStatementLine.State.OTHER)
    return BankStatementLine.objects.filter(
        statement__merchant_id=merchant_id, statement__kind="statement", state__in=free, currency=currency
    )


def _nothing(detail: str) -> ValidationFailed:
    return ValidationFailed([Fault("with", "not_found", detail)])
