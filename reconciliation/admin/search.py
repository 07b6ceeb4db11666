"""Where the search looks among what providers settle and banks report."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.admin.base import render
from payments.admin.search.finder import Finder, Hit, amount_is, by_id, joined, of_day
from payments.admin.search.terms import Terms
from reconciliation.models import BankAccount, BankStatementLine, Payout, Settlement, SettlementFile


def _iban(terms: Terms) -> str:
    """The name as an IBAN is stored, without spaces."""
    return terms.name.replace(" ", "").upper()


def _payout_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(reference=terms.name), Q(settlement__reference=terms.name)]


def _by_reference(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(reference=terms.name)]


def _reference_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(reference__icontains=terms.part)]


def _payout_amounts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return of_day(amount_is(terms.amount, signed=True), terms, "expected_on", "received_on")


def _payout(row: Payout) -> Hit:
    return Hit(
        title=row.reference,
        detail=joined(row.provider_account.name, row.expected_on and render.day(row.expected_on)),
        amount=render.amount(row.amount, row.currency),
        label=row.get_status_display(),
    )


def _settlement_amounts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [] if terms.together else amount_is(terms.amount, "net", signed=True)


def _settlement(row: Settlement) -> Hit:
    return Hit(
        title=row.reference,
        detail=joined(row.provider_account.name, render.short_moment(row.closed_at, row.merchant.zone)),
        amount=render.amount(row.net, row.currency),
    )


def _line_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(bank_reference=terms.name), Q(end_to_end_id=terms.name), Q(counterparty_iban=_iban(terms))]


def _line_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(counterparty_name__icontains=terms.part), Q(remittance__icontains=terms.part)]


def _line_amounts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return of_day(amount_is(terms.amount, signed=True), terms, "booked_on")


def _line(row: BankStatementLine) -> Hit:
    return Hit(
        title=row.counterparty_name or row.remittance or row.bank_reference or render.NOTHING,
        detail=joined(render.day(row.booked_on), row.remittance if row.counterparty_name else ""),
        amount=render.amount(row.amount, row.currency),
        label=row.get_state_display(),
    )


def _account_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(iban=_iban(terms))]


def _account_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(name__icontains=terms.part)]


def _account(row: BankAccount) -> Hit:
    return Hit(title=row.name, detail=joined(row.iban, row.currency))


def _file_names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [*by_id(terms), Q(name=terms.name)]


def _file_parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(name__icontains=terms.part)]


def _file(row: SettlementFile) -> Hit:
    return Hit(
        title=row.name or render.short(row.id),
        detail=render.short_moment(row.created_at, row.merchant.zone),
        label=row.get_status_display(),
    )


FINDERS: Final = (
    Finder(
        model=Payout,
        title=_("payouts"),
        hit=_payout,
        named=_payout_names,
        parts=_reference_parts,
        amounts=_payout_amounts,
        related=("provider_account",),
    ),
    Finder(
        model=Settlement,
        title=_("settlements"),
        hit=_settlement,
        named=_by_reference,
        parts=_reference_parts,
        amounts=_settlement_amounts,
        related=("provider_account", "merchant"),
        amount_filter=False,
    ),
    Finder(
        model=BankStatementLine,
        title=_("bank lines"),
        hit=_line,
        named=_line_names,
        parts=_line_parts,
        amounts=_line_amounts,
        amount_filter=False,  # the list's filter tells what came in from what went out
    ),
    Finder(
        model=BankAccount,
        title=_("bank accounts"),
        hit=_account,
        named=_account_names,
        parts=_account_parts,
    ),
    Finder(
        model=SettlementFile,
        title=_("settlement files"),
        hit=_file,
        named=_file_names,
        parts=_file_parts,
        related=("merchant",),
    ),
)
