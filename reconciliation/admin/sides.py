"""Both sides of a discrepancy: what we have on the left, what they say on the right; and what each action would do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.links import row_link
from payments.models import Discrepancy
from payments.people.models import User
from payments.queries import books
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.services import payouts
from reconciliation.services.actions import PossibleAction, actions
from reconciliation.services.line_discrepancies import bank_line_of, line_of

# What follows, in a sentence; what is booked and who else decides stands behind it.
_FOLLOWS: Final = {
    "match": gettext_lazy(
        "What you tick explains it. If both sides then agree it is closed, else a second person decides."
    ),
    "accept": gettext_lazy("It is closed as it is. Nothing is booked."),
    "book_fee": gettext_lazy("It becomes a cost of the provider."),
    "suspense": gettext_lazy("It stays in suspense until somebody knows what it is."),
    "write_off": gettext_lazy("It becomes a loss, or a gain."),
    "ask_provider": gettext_lazy(
        "You get a letter to send, or the provider is asked. It stays open. Nothing is booked."
    ),
    "wait": gettext_lazy("It stays open, and is due on the day that you choose. Nothing is booked."),
    "captured": gettext_lazy("It is booked as paid, as if the provider had said so."),
    "declined": gettext_lazy("It counts as never paid. Nothing is booked."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one source says of it. `empty` stands in place of an amount where it says nothing."""

    title: str
    amount: str = ""
    facts: Sequence[tuple[str, Any]] = field(default_factory=tuple)
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An action with its consequence."""

    name: str
    title: str
    follows: str


def sides(row: Discrepancy) -> tuple[Side, Side]:
    """What we have, and what they say."""
    if row.kind in payouts.KINDS and row.item is not None:
        return _payout(Payout.objects.select_related("settlement", "provider_account").get(item=row.item))
    bank_line = bank_line_of(row)
    if bank_line is not None:
        return _nothing_yet(), _at_bank([bank_line], bank_line.amount, bank_line.currency)
    line = line_of(row)
    return _in_books(row, line), _settled(line) if line is not None else _reported(row)


def ways(row: Discrepancy, user: User, titles: dict[str, Any]) -> list[Way]:
    """What this person may do, the likeliest first."""
    found = actions(row, actor=user.id)
    names = books.names({one.account for action in found for one in action.books})
    return [
        Way(
            name=one.action,
            title=str(titles[one.action]),
            follows=" ".join(_follows(one, row.currency or "EUR", names)),
        )
        for one in found
    ]


def _follows(one: PossibleAction, currency: str, names: dict[str, str]) -> Iterator[str]:
    yield str(_FOLLOWS[one.action])
    if one.books:
        debit, credit = sorted(one.books, key=lambda side: -side.debit)
        yield _("%(amount)s is booked from %(credit)s to %(debit)s.") % {
            "amount": render.amount(debit.debit, currency),
            "credit": names[credit.account],
            "debit": names[debit.account],
        }
    if one.needs_second_person:
        yield _("A second person has to agree.")


def _payout(payout: Payout) -> tuple[Side, Side]:
    parts = list(payout.allocations.filter(undone_at=None).values_list("bank_line_id", flat=True))
    lines = BankStatementLine.objects.filter(Q(id__in=parts) | Q(payout=payout)).select_related("statement")
    ours = Side(
        title=_("What we have: the payout that was announced"),
        amount=render.amount(payout.amount, payout.currency),
        facts=[
            (_("payout"), row_link(payout)),
            (_("settlement"), row_link(payout.settlement)),
            (_("provider account"), payout.provider_account.name),
            (_("expected on"), render.day(payout.expected_on)),
        ],
    )
    return ours, _at_bank(list(lines.order_by("booked_on", "id")[:20]), payout.amount_received, payout.currency)


def _at_bank(lines: Sequence[BankStatementLine], amount: int, currency: str) -> Side:
    if not lines:
        return Side(title=_("What they say: the bank"), empty=_("The bank has not shown it yet."))
    shown = [
        fact
        for line in lines
        for fact in (
            (_("booked on"), row_link(line, render.day(line.booked_on))),
            (_("counterparty"), line.counterparty_name),
            (_("description"), line.remittance),
        )
    ]
    return Side(title=_("What they say: the bank"), amount=render.amount(amount, currency), facts=shown)


def _nothing_yet() -> Side:
    return Side(title=_("What we have"), empty=_("Nothing that was announced. Tick below what it could be."))


def _in_books(row: Discrepancy, line: SettlementLine | None) -> Side:
    payment = row.payment
    if payment is None:
        return _nothing_yet()
    expected = line.expected if line is not None and line.expected is not None else payment.amount_captured
    return Side(
        title=_("What we have: the payment in the books"),
        amount=render.amount(expected, payment.currency),
        facts=[
            (_("payment"), render.link(payment.id, render.amount(payment.amount, payment.currency))),
            (_("method"), render.method(payment)),
            (_("occurred at"), render.moment(payment.occurred_at, row.merchant.zone)),
            (_("receipt number"), payment.receipt_number),
        ],
    )


def _settled(line: SettlementLine) -> Side:
    return Side(
        title=_("What they say: the settlement"),
        amount=render.amount(line.gross, line.currency),
        facts=[
            (_("settlement"), row_link(line.settlement)),
            (_("line"), row_link(line, f"{line.number}")),
            (_("type"), line.get_type_display()),
            (_("occurred at"), render.moment(line.occurred_at, line.settlement.merchant.zone)),
            (_("reference"), line.reference),
            (_("card"), f"•{line.card_last4}" if line.card_last4 else ""),
        ],
    )


def _reported(row: Discrepancy) -> Side:
    """Of what no file told: by how much it differs."""
    if row.amount is None or row.currency is None:
        return Side(title=_("What they say"), empty=_("It is about no amount."))
    return Side(title=_("The difference"), amount=render.amount(row.amount, row.currency))
