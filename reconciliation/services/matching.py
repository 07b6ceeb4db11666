"""Match by hand: what is named beside a discrepancy, whether it comes to the same, and what a match books.

A settlement's line is matched with its payment (`LineMatch`), bank lines with payouts (`TransferMatch`, in
`transfers`), and whatever else is open in the books with what is open on the other side (`Netting`, in `netting`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from django.utils.translation import gettext_noop

from payments.accounting.chart_of_accounts import account
from payments.ledger.posting import Entry
from payments.models import Discrepancy, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import ResolutionStep, SettlementLine
from reconciliation.queries import item_balance
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.refusals import no_match
from reconciliation.sql import open_items

_KEPT: Final = ("state", "payment_id", "item", "operation_id", "rule", "booked_currency", "booked_amount")


@dataclass(frozen=True, slots=True)
class Booked:
    """What a match has booked: its entries, what they moved of the open balance, and whether nothing is left open."""

    entries: list[Entry]
    moved: int
    closes: bool = True
    line_before: dict[str, Any] | None = None
    also_closed: list[Discrepancy] = field(default_factory=list)


class Match(Protocol):
    """What matching a discrepancy with the named objects comes to."""

    @property
    def difference(self) -> int | None:
        """What the named objects lack (or, below zero, have too much), in minor units; None in two currencies."""

    def book(self, step: ResolutionStep, at: datetime) -> Booked:
        """Carry it out as this step, in the caller's transaction, which holds all the locks."""


def is_forced(match: Match) -> bool:
    """Return whether both sides differ: then a second person must approve."""
    return match.difference != 0


@dataclass(frozen=True, slots=True)
class LineMatch:
    """A settlement's line as a whole is about one payment."""

    row: Discrepancy
    line: SettlementLine
    payment: Payment

    @property
    def difference(self) -> int | None:
        # Another amount than is open is a judgement, and needs a second person.
        return self.line.gross - owed(self.payment) if self.payment.currency == self.line.currency else None

    def book(self, step: ResolutionStep, at: datetime) -> Booked:
        line, payment = self.line, self.payment
        before = {"line": line.id} | {name: getattr(line, name) for name in _KEPT}
        if payment.currency != line.currency:
            line.booked_currency, line.booked_amount = payment.currency, owed(payment)
        entry = journal.late_match(self.row.merchant, line, payment.item, at)
        line.state, line.payment_id, line.item = SettlementLine.State.MATCHED, payment.id, payment.item
        # A person names the payment. Which of its operations it is, is certain of the one that is open with this
        # amount.
        line.operation_id = open_items.sole_unsettled(payment.id, line_type=line.type, amount=abs(line.gross))
        line.rule = SettlementLine.Rule.BY_HAND
        line.save(update_fields=list(_KEPT))
        resolve_explained(self.row.merchant, [f"{Kind.MISSING_IN_SETTLEMENT}:{line.operation_id}"])
        return Booked([entry], -line.gross, line_before=before)


def line_match(row: Discrepancy, names: Sequence[str], amount: int | None) -> LineMatch | None:
    """Return the match of a settlement's line as a whole with one payment; None where something else is meant."""
    line = held_line(row)
    if line is None or amount is not None or len(names) != 1 or not names[0].startswith("pay_"):
        return None
    found = named_payment(row, names[0], provider_account_id=line.settlement.provider_account_id)
    if found.currency != line.currency and owed(found) * line.gross <= 0:
        raise no_match(
            gettext_noop("This payment is in another currency, and nothing of it is open that this could be.")
        )
    return LineMatch(row, line, found)


def held_line(row: Discrepancy) -> SettlementLine | None:
    """Return the settlement's line in suspense that a discrepancy is about."""
    held = [SettlementLine.State.UNKNOWN, SettlementLine.State.REPEATED]
    lines = SettlementLine.objects.filter(item=row.item, state__in=held)
    return lines.select_related("settlement__merchant", "settlement__provider_account").first()


def named_payment(row: Discrepancy, name: str, *, provider_account_id: str | None = None) -> Payment:
    """Return the payment of this id, of the provider account (if one is given)."""
    own = Payment.objects.filter(merchant=row.merchant, id=name)
    found = (own.filter(provider_account_id=provider_account_id) if provider_account_id else own).first()
    if found is None:
        raise no_match(gettext_noop("There is no such payment of the same provider account."))
    return found


def owed(payment: Payment) -> int:
    """Return what is open of a payment with its provider, in minor units."""
    receivable = account("receivable", payment.currency, payment.provider_account_id)
    return item_balance(payment.merchant_id, receivable, payment.item)
