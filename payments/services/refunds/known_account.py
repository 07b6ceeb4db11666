"""The customer's bank account, as far as it is known: from an earlier refund, or from the payment itself."""

import json
from collections.abc import Iterable, Sequence

from payments.models import Payment, RefundPart
from payments.services.refunds.plan import BankAccount


def known_account(parts: Iterable[RefundPart], payments: Sequence[Payment]) -> BankAccount | None:
    """The account that was given for the order's latest refund to one, else the one that its only payer paid from.

    An account to which a transfer failed is not known any more. Of several payers it is not known whose to take.
    """
    failed = {part.iban_hash for part in parts if part.iban_hash and part.status == "failed"}
    given = [part for part in parts if part.bank_account and part.iban_hash not in failed]
    if given:
        return _read(max(given, key=lambda part: part.id).bank_account)
    paid_from = {payment.payer_account for payment in payments if payment.payer_account}
    ibans = {_read(text).iban for text in paid_from}
    return _read(paid_from.pop()) if len(ibans) == 1 else None


def _read(text: str) -> BankAccount:
    return BankAccount(**json.loads(text))
