"""Which of a merchant's own bank accounts a statement is about, however its bank names it.

Banks name an account by its IBAN, or as they did before: by the bare number (the Netherlands, without leading zeros),
by bank code and number (Germany, Austria), by a BIC or the bank's name before it. Within the accounts of one merchant
that is one of them, or none: it is never guessed.
"""

import re
from collections.abc import Iterable
from typing import Final

from payments.models import Merchant, ProviderAccount
from reconciliation.models import BankAccount

# How many of an IBAN's last characters are the account's number, by country; the bank's code stands before them.
_NUMBERS: Final = {"NL": 10, "DE": 10, "AT": 11, "BE": 12, "CH": 12, "GB": 8, "IE": 8, "LU": 13, "PL": 16}
_SHORTEST: Final = 4  # digits of a number that can name an account
_BIC: Final = re.compile(r"[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}([A-Z0-9]{3})?")


def ibans_of(merchant: Merchant) -> set[str]:
    """The IBANs that are known as the merchant's: its own, where providers pay out to, and plain bank accounts."""
    paid_out = ProviderAccount.objects.filter(merchant=merchant).values_list("bank_iban", flat=True)
    plain = BankAccount.objects.filter(merchant=merchant).values_list("iban", flat=True)
    return {iban.replace(" ", "").upper() for iban in (merchant.iban, *paid_out, *plain) if iban}


def ibans_in(merchant: Merchant, currency: str) -> set[str]:
    """The IBANs of the merchant's own accounts in this currency; registered in `settings.OWN_BANK_ACCOUNTS`."""
    paid_out = ProviderAccount.objects.filter(merchant=merchant, currency=currency)
    plain = BankAccount.objects.filter(merchant=merchant, currency=currency).values_list("iban", flat=True)
    main = merchant.iban if merchant.currency == currency else ""
    found = (main, *paid_out.values_list("bank_iban", flat=True), *plain)
    return {iban.replace(" ", "").upper() for iban in found if iban}


# Revolut's list names no account; its IBANs are recognized by the bank's code.
_REVOLUT: Final = "REVOLUT"
_AT_REVOLUT: Final = re.compile(r"[A-Z]{2}[0-9]{2}REVO.*|LT[0-9]{2}32500.*")


def account_named(name: str, ibans: Iterable[str]) -> str | None:
    """The one of these IBANs that a statement's account is; None if it is none of them, or could be several."""
    found = [iban for iban in ibans if iban == name or _is_name_of(name, iban)]
    return found[0] if len(found) == 1 else None


def _is_name_of(name: str, iban: str) -> bool:
    if name == _REVOLUT:
        return _AT_REVOLUT.fullmatch(iban) is not None
    *before, number = (re.sub(r"[^A-Z0-9]", "", part) for part in name.upper().split("/"))
    bank, national = "".join(before), iban[4:]
    if bank + number in (national, iban[2:]):
        return True
    length = _NUMBERS.get(iban[:2], len(national))
    bank_code, stated = national[:-length], number.lstrip("0")
    same_number = stated.isdigit() and len(stated) >= _SHORTEST and stated == national[-length:].lstrip("0")
    return same_number and _is_bank_of(bank, bank_code, iban[:2])


def _is_bank_of(bank: str, bank_code: str, country: str) -> bool:
    if not bank:
        return True
    if bank.isdigit():
        return bank_code.endswith(bank)
    bic = _BIC.fullmatch(bank)
    # A code of letters is the BIC's beginning; one of digits cannot be distinguished from it, but the country can.
    return bank[:4] == bank_code[:4] if bank_code[:4].isalpha() else bic is not None and bic[1] == country
