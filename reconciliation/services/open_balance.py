"""The open balance of a discrepancy in the books, and the actions that can resolve it."""

from dataclasses import dataclass, replace
from typing import Final

from payments.accounting.chart_of_accounts import account
from payments.core.money import Money
from payments.ledger.posting import AccountSpec
from payments.models import Discrepancy, Operation, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.queries import item_balance
from reconciliation.services import payouts, settle_by_hand, steps
from reconciliation.services.line_discrepancies import line_of
from reconciliation.services.refusals import exceeds_open
from reconciliation.sql import open_items


@dataclass(frozen=True, slots=True)
class OpenBalance:
    """What is open of an item on an account, in minor units (debit positive), and the provider account it concerns."""

    account: AccountSpec
    item: int
    amount: int
    provider_account_id: str | None


LATER: Final = ("ask_provider", "wait")  # what leaves it open
BOOKING: Final = ("write_off", "book_fee", "suspense")  # what moves the open balance to another account
_MONEY: Final = (*BOOKING, *LATER)
_OF_RECEIVABLE: Final = (Kind.AMOUNT_DIFFERS, Kind.MISSING_IN_SETTLEMENT, Kind.MISSING_IN_BOOKS)
_POSSIBLE: Final[dict[str, tuple[str, ...]]] = {
    Kind.UNKNOWN_LINE: ("match", *_MONEY),
    Kind.SIGN_DIFFERS: ("match", *_MONEY),
    Kind.DUPLICATE: ("match", "accept", *_MONEY),
    Kind.AMOUNT_DIFFERS: (*_MONEY, "match"),
    Kind.PAYOUT_DIFFERS: ("match", *_MONEY),
    Kind.MISSING_IN_SETTLEMENT: ("write_off", "suspense", *LATER, "match"),
    Kind.MISSING_IN_BOOKS: ("write_off", *LATER, "match"),
    Kind.PAYOUT_NOT_RECEIVED: ("match", "write_off", *LATER),
}
ACTIONS: Final = ("match", "accept", *_MONEY, *settle_by_hand.ACTIONS)


def possible(row: Discrepancy) -> tuple[str, ...]:
    """Return the actions that can resolve a discrepancy, the most likely first.

    One about no money in the books can only be accepted, asked about at the provider or waited for.
    """
    reported_twice = row.kind == Kind.DUPLICATE and row.item is None
    if row.kind == Kind.UNKNOWN_LINE and row.amount == 0:
        return ("accept", *LATER)  # a line of 0.00: there is nothing to book
    if reported_twice or (row.kind == Kind.AMOUNT_DIFFERS and row.settlement_file_id is None):
        # Reported by a device or a provider, not by a file: what it did is booked already.
        return ("accept", *LATER)
    if row.kind == Kind.MISSING_IN_SETTLEMENT and _is_provisional(row):
        return ("write_off", *LATER)
    balance = open_balance(row)
    if balance is not None and balance.amount == 0:
        return ("accept", *LATER)  # something else has explained it: no money of it is left to book
    outcomes = settle_by_hand.actions(row)
    others = LATER if outcomes and row.kind == Kind.OUTCOME_UNKNOWN else _POSSIBLE.get(row.kind, ("accept", *LATER))
    return (*outcomes, *others)


def open_balance(row: Discrepancy) -> OpenBalance | None:
    """Return the open balance of a discrepancy; None if it is about no money in the books."""
    if row.kind in (Kind.UNKNOWN_LINE, Kind.SIGN_DIFFERS, Kind.DUPLICATE):
        return _in_suspense(row)
    if row.kind in payouts.KINDS and row.item is not None:
        payout = Payout.objects.filter(item=row.item).get()
        transit = account("in_transit", payout.currency, payout.provider_account_id)
        amount = item_balance(row.merchant_id, transit, payout.item)
        return OpenBalance(transit, payout.item, amount, payout.provider_account_id)
    if row.kind == Kind.MISSING_IN_BOOKS and row.payment is None:
        return _released_reserve(row)
    if row.kind not in _POSSIBLE or row.payment is None or row.currency is None or row.amount is None:
        return None
    owner = row.payment.provider_account_id
    if _is_provisional(row):
        provisional = account("provisional", row.currency, owner)
        return OpenBalance(
            provisional, row.payment.item, item_balance(row.merchant_id, provisional, row.payment.item), owner
        )
    owed = account("receivable", row.currency, owner)
    return OpenBalance(owed, row.payment.item, _open_of(row, row.payment, owed), owner)


def to_book(row: Discrepancy, wanted: int | None = None) -> OpenBalance | None:
    """Return its open balance with the amount to be booked of it: all of it, or the part that is asked.

    None, if it is about no money in the books. A part is asked in minor units, in whichever direction it is open.

    Raises:
        Invalid: `amount_exceeds_open`: what explained it meanwhile would be booked twice.
    """
    balance = open_balance(row)
    if balance is None:
        return None
    amount, currency = _due(row, balance), balance.account.currency
    part = amount if wanted is None else part_of(amount, wanted, currency)
    if amount * balance.amount <= 0 or abs(part) > min(abs(amount), abs(balance.amount)):
        raise exceeds_open(Money(part, currency), Money(balance.amount, currency))
    return replace(balance, amount=part)


def part_of(open_: int, wanted: int, currency: str) -> int:
    """Return the asked part of what stands open, signed alike. It may be asked without a sign.

    Raises:
        Invalid: `amount_exceeds_open`.
    """
    if abs(wanted) > abs(open_) or wanted < 0 < open_:
        raise exceeds_open(Money(wanted, currency), Money(open_, currency))
    return abs(wanted) if open_ > 0 else -abs(wanted)


def _due(row: Discrepancy, balance: OpenBalance) -> int:
    """Return what a resolution may book, as the ledger signs it: of a payment no more than the difference."""
    if row.kind in _OF_RECEIVABLE and row.payment is not None:
        differs = -(row.amount or 0) if row.kind == Kind.MISSING_IN_BOOKS else row.amount or 0
        return differs - steps.booked(row)
    return balance.amount


def _open_of(row: Discrepancy, payment: Payment, owed: AccountSpec) -> int:
    """Return what is open of a difference on its payment's receivable."""
    line = line_of(row)
    operation_id = line.operation_id if line is not None else row.key.partition(":")[2]
    operation = Operation.objects.filter(id=operation_id).first() if operation_id else None
    parts = open_items.parts(
        merchant_id=row.merchant_id,
        payment_id=payment.id,
        code=owed.code,
        currency=owed.currency,
        item=payment.item,
        operation_id=operation_id or None,
        line_id=line.id if line is not None else None,
    )
    booked = steps.booked(row)
    if row.kind == Kind.MISSING_IN_BOOKS:
        return parts.open_of(0, booked)  # what the provider has and we have not would be our debt: the other side
    if line is not None and line.expected is not None:
        return parts.open_of(line.expected, booked)
    if operation is None:
        return (row.amount or 0) - booked
    return parts.open_of(-operation.amount if operation.verb == "refund" else operation.amount, booked)


def _released_reserve(row: Discrepancy) -> OpenBalance | None:
    """Return what a release has taken out of a reserve that was never held."""
    line = line_of(row)
    if line is None or line.item is None:
        return None
    owner = line.settlement.provider_account_id
    reserve = account("reserve", line.currency, owner)
    return OpenBalance(reserve, line.item, item_balance(row.merchant_id, reserve, line.item), owner)


def _is_provisional(row: Discrepancy) -> bool:
    """Return whether it is about a sale approved offline and never settled: booked as provisional, no receivable."""
    sold = row.kind == Kind.MISSING_IN_SETTLEMENT and (row.amount or 0) > 0
    return sold and row.payment is not None and row.payment.provisional


def _in_suspense(row: Discrepancy) -> OpenBalance | None:
    if row.item is None or row.currency is None:
        return None
    suspense = account("suspense", row.currency)
    amount = item_balance(row.merchant_id, suspense, row.item)
    settled = SettlementLine.objects.filter(item=row.item).select_related("settlement").first()
    banked = BankStatementLine.objects.filter(item=row.item).first()
    owner = settled.settlement.provider_account_id if settled else (banked.provider_account_id if banked else None)
    return OpenBalance(suspense, row.item, amount, owner)
