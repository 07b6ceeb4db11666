"""How the accounts of the ledger are called in the accountant's software: by default, or as a merchant has it.

By default every account has a code of its own, so that everything can be exported from the first day. A mapping that is
emptied is unmapped: an export that would need it is not released.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db import transaction
from django.utils import translation

from payments import audit_log
from payments.core.errors import Fault, ValidationFailed
from payments.core.pan import has_card_number
from payments.ledger.models import Account as LedgerAccount
from payments.models import Merchant
from payments.people.permissions import May
from payments.people.services import authority
from payments.queries import books
from reconciliation.exports.base import Account, Nature
from reconciliation.exports.text import one_line
from reconciliation.models import AccountMapping

JOURNAL: Final = "MEMO"  # the general journal, as most Dutch packages call it
# As Dutch charts of accounts number them: liquid assets 1000, claims and debts to 1999, suspense 2000, costs 4000.
_CODES: Final[Mapping[str, str]] = {
    "till": "1000",
    "bank": "1100",
    "receivable": "1210",
    "provisional": "1220",
    "disputed": "1230",
    "reserve": "1240",
    "in_transit": "1250",
    "vat_on_fees": "1520",
    "fees_payable": "1610",
    "refunds_payable": "1710",
    "vouchers": "1720",
    "suspense": "2000",
    "takings": "2010",
    "returns": "2020",
    "tips": "2030",
    "exchange": "2040",
    "fees": "4700",
    "chargebacks": "4710",
    "promotions": "4720",
    "till_differences": "4730",
    "write_offs": "4740",
    "rounding": "8900",
    "breakage": "8910",
}
# What is sold is booked as turnover by the shop's own software, against these.
_CLEARING: Final = frozenset({"takings", "returns", "tips"})
# What a receipt of VAT paid is: a claim on the tax office.
_CLAIMS: Final = frozenset({"vat_on_fees"})
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "code": (r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}", "1 to 16 letters, digits, dots and hyphens"),
    "journal": (r"[A-Za-z0-9]{1,6}", "1 to 6 letters and digits"),
    "vat_code": (r"[A-Za-z0-9][A-Za-z0-9._ -]{0,19}", "1 to 20 letters, digits, dots and hyphens"),
    "number": (r"[A-Za-z0-9]{1,34}", "1 to 34 letters and digits, as an IBAN or your own"),
}
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedAccount:
    """One account of the ledger, and how it is called outside; `row` is what the merchant chose, if it did."""

    ledger_code: str
    title: str  # what we call it, in the active language
    nature: Nature
    code: str
    name: str
    journal: str
    vat_code: str
    number: str
    row: AccountMapping | None

    @property
    def own(self) -> bool:
        return self.row is not None

    @property
    def mapped(self) -> bool:
        return bool(self.code)

    def stood(self, opening: int, closing: int) -> Account:
        """The account as an export tells it, with what stood on it before and after: minor units, debit positive."""
        return Account(
            ledger_code=self.ledger_code,
            code=self.code,
            name=self.name,
            nature=self.nature,
            journal=self.journal,
            vat_code=self.vat_code,
            number=self.number,
            opening=opening,
            closing=closing,
        )


def mapped_accounts(merchant: Merchant) -> dict[str, MappedAccount]:
    """Every account that the merchant's books have, by its code there."""
    accounts = LedgerAccount.objects.filter(merchant_id=merchant.id).order_by("number")
    kinds = dict(accounts.values_list("code", "kind"))  # the oldest first; several currencies are one account
    rows = {row.account: row for row in AccountMapping.objects.filter(merchant=merchant, account__in=kinds)}
    titles, codes = books.names(kinds), _default_codes(kinds)
    with translation.override(merchant.language):
        names = books.names(kinds)
    return {
        code: _mapped(code, kinds[code], titles[code], _Default(codes[code], names[code]), rows.get(code))
        for code in sorted(kinds)
    }


def change_mapping(merchant: Merchant, account: str, *, values: Mapping[str, str], actor: str) -> AccountMapping:
    """Say how one account is called from now on: `code` (empty: unmapped), `name`, `journal`, `vat_code`, `number`.

    Raises:
        ValidationFailed: the merchant's books have no such account, or a value that no package takes.
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=merchant.id, channel_id=None, action="account_mapping.changed"
    )
    given = {name: one_line(value) for name, value in values.items()}
    _check(merchant, account, given)
    with transaction.atomic():
        row, _made = AccountMapping.objects.select_for_update().get_or_create(merchant=merchant, account=account)
        before = {name: getattr(row, name) for name in given if getattr(row, name) != given[name]}
        for name, value in given.items():
            setattr(row, name, value)
        row.save()
        after = {name: given[name] for name in before}
        audit_log.write(
            actor=actor,
            action="account_mapping.changed",
            subject=row,
            merchant_id=merchant.id,
            before={"account": books.names([account])[account], **before},
            after=after,
        )
    return row


def default_mapping(merchant: Merchant, account: str, *, actor: str) -> None:
    """Forget what a merchant chose for an account.

    Raises:
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor, what=May.RESOLVE, merchant_id=merchant.id, channel_id=None, action="account_mapping.removed"
    )
    with transaction.atomic():
        for row in AccountMapping.objects.select_for_update().filter(merchant=merchant, account=account):
            audit_log.write(
                actor=actor,
                action="account_mapping.removed",
                subject=row,
                merchant_id=merchant.id,
                before={"account": books.names([account])[account], "code": row.code},
            )
            row.delete()


class _Default(NamedTuple):
    """How an account is called where nobody mapped it."""

    code: str
    name: str


def _mapped(ledger_code: str, kind: str, title: str, default: _Default, row: AccountMapping | None) -> MappedAccount:
    chart, _, owner = ledger_code.partition(":")
    number = re.sub(r"[^A-Za-z0-9]", "", owner or ledger_code).upper()[:34]
    return MappedAccount(
        ledger_code=ledger_code,
        title=title,
        nature=_nature(chart, kind),
        code=default.code if row is None else row.code,
        name=default.name[:LONGEST_NAME] if row is None or not row.name else row.name,
        journal=JOURNAL if row is None or not row.journal else row.journal,
        vat_code="" if row is None else row.vat_code,
        number=number if row is None or not row.number else row.number,
        row=row,
    )


def _nature(chart: str, kind: str) -> Nature:
    if chart in _CLEARING:
        return Nature.CLEARING
    return Nature.ASSET if chart in _CLAIMS else Nature(kind)


def _default_codes(accounts: Iterable[str]) -> dict[str, str]:
    """The chart's code; the second account of a kind has `1210-2`, and so on in the order they were made."""
    seen: dict[str, int] = {}
    codes = {}
    for account in accounts:
        chart = account.partition(":")[0]
        seen[chart] = seen.get(chart, 0) + 1
        base = _CODES.get(chart, "2090")
        codes[account] = base if seen[chart] == 1 else f"{base}-{seen[chart]}"
    return codes


def _check(merchant: Merchant, account: str, given: Mapping[str, str]) -> None:
    faults = []
    if not LedgerAccount.objects.filter(merchant_id=merchant.id, code=account).exists():
        faults.append(Fault("account", "not_found", "The merchant's books have no such account."))
    for name, (pattern, form) in _FORMS.items():
        if given.get(name) and re.fullmatch(pattern, given[name]) is None:
            faults.append(Fault(name, "invalid_format", f"This does not have the form it must have: {form}."))
    if len(given.get("name", "")) > LONGEST_NAME:
        faults.append(Fault("name", "too_long", f"A name has at most {LONGEST_NAME} characters."))
    faults += [
        Fault(name, "card_number_refused", "This holds a card number. Never send one.")
        for name, value in given.items()
        if has_card_number(value)
    ]
    if faults:
        raise ValidationFailed(faults)
