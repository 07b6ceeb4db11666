"""Match what is open with what is open on the other side: payments and other discrepancies that come to the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.accounting.chart_of_accounts import account
from payments.core.money import Money
from payments.ledger.posting import Line
from payments.models import Discrepancy, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import ResolutionStep
from reconciliation.services import payouts, steps
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.line_discrepancies import line_of
from reconciliation.services.matching import Booked, named_payment, owed
from reconciliation.services.open_balance import OpenBalance, to_book
from reconciliation.services.refusals import exceeds_open, no_match, too_much_named

_NOT_OPEN: Final = gettext_noop("There is no such payment, and no such open difference in the same currency.")


@dataclass(frozen=True, slots=True)
class Side:
    """What is open of a named object, and how much of that is netted; in minor units, as the ledger signs it."""

    balance: OpenBalance
    amount: int
    discrepancy: Discrepancy | None = None
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Netting:
    """The open balance of a discrepancy, or a part of it, against those of others."""

    row: Discrepancy
    own: OpenBalance  # of the account, and what of it this discrepancy is about
    moved: int
    sides: tuple[Side, ...]
    difference: int

    def book(self, step: ResolutionStep, at: datetime) -> Booked:
        lines = [Line(self.own.account, -self.moved, self.own.item)]
        lines += [Line(side.balance.account, -side.amount, side.balance.item) for side in self.sides]
        entry = journal.resolved(self.row.merchant, self.row.id, lines, at, nth=step.number - 1)
        closed = [side.discrepancy for side in self.sides if side.discrepancy and side.amount == side.balance.amount]
        for side in self.sides:
            if side.discrepancy is not None:
                steps.record(side.discrepancy, action="match", actor=step.actor, amount=side.amount, part_of=step)
        if self.moved == self.own.amount:
            payouts.expect_no_more(self.row)
        for other in closed:
            payouts.expect_no_more(other)
        settled = [side.payment for side in self.sides if side.payment and side.amount == side.balance.amount]
        keys = [f"{Kind.MISSING_IN_SETTLEMENT}:{name}" for payment in settled for name in _operations(payment)]
        resolve_explained(self.row.merchant, keys)
        return Booked([entry], self.moved, closes=self.moved == self.own.amount, also_closed=closed)


def netting(row: Discrepancy, names: Sequence[str], amount: int | None) -> Netting:
    """Return what netting a discrepancy against payments and other discrepancies comes to.

    Each is netted in full, and the last one as far as the amount goes.

    Raises:
        ValidationFailed: one of them is not open, of another currency, or is not needed for the amount.
        Invalid: `amount_exceeds_open`.
    """
    own = to_book(row, amount)
    if own is None:
        raise no_match(gettext_noop("This is about no money in the books, which could be matched."))
    found = [_side(row, own, name) for name in names]
    total = -sum(side.amount for side in found)
    moved = own.amount
    # More than the others come to cannot be netted against a difference; a payment may be settled with more.
    if abs(total) < abs(moved) and found[-1].payment is None:
        moved = total
    if moved * own.amount <= 0:
        raise no_match(gettext_noop("Both sides are open in the same direction. They do not explain one another."))
    whole = to_book(row)
    assert whole is not None
    return Netting(row, whole, moved, tuple(_cut(found, moved)), own.amount - total)


def _cut(found: Sequence[Side], moved: int) -> list[Side]:
    """Have the last one take what the others leave of the amount."""
    left = -moved - sum(side.amount for side in found[:-1])
    last = found[-1]
    if left * last.amount <= 0:
        raise too_much_named()
    if last.payment is None and abs(left) > abs(last.amount):
        currency = last.balance.account.currency
        raise exceeds_open(Money(left, currency), Money(last.amount, currency))
    return [*found[:-1], Side(last.balance, left, last.discrepancy, last.payment)]


def _side(row: Discrepancy, own: OpenBalance, name: str) -> Side:
    if name.startswith("pay_"):
        return _of_payment(row, own, name)
    rows = Discrepancy.objects.select_related("merchant", "payment").filter(
        merchant=row.merchant, id=name, status=Discrepancy.Status.OPEN
    )
    other = rows.exclude(id=row.id).first()
    balance = to_book(other) if other is not None else None
    if other is None or balance is None or balance.account.currency != own.account.currency:
        raise no_match(_NOT_OPEN)
    return Side(balance, balance.amount, discrepancy=other)


def _of_payment(row: Discrepancy, own: OpenBalance, name: str) -> Side:
    line = line_of(row)
    payment = named_payment(row, name, provider_account_id=line.settlement.provider_account_id if line else None)
    amount = owed(payment)
    if payment.currency != own.account.currency or not amount:
        raise no_match(_NOT_OPEN)
    receivable = account("receivable", payment.currency, payment.provider_account_id)
    return Side(OpenBalance(receivable, payment.item, amount, payment.provider_account_id), amount, payment=payment)


def _operations(payment: Payment) -> list[str]:
    return list(payment.operations.values_list("id", flat=True))
