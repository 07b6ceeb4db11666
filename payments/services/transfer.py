"""What a bank transfer of a refund says: to whom, with which text, and the name by which the bank shows it again."""

import json
import unicodedata
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import override

from payments.models import RefundPart
from payments.services.refunds.plan import BankAccount

LONGEST: Final = 140
# What every bank of SEPA passes on.
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")


def account_of(part: RefundPart) -> BankAccount:
    """Where the money goes; nothing is left of it once that was forgotten."""
    return BankAccount(**json.loads(part.bank_account)) if part.bank_account else BankAccount(iban="", name="")


def remittance(part: RefundPart) -> str:
    """What the customer reads, in the merchant's language: what it is for and of whom."""
    refund = part.refund
    with override(refund.merchant.language):
        text = _("Refund of order %(order)s, %(merchant)s") % {"order": refund.order, "merchant": refund.merchant.name}
    return _plain(text)[:LONGEST].strip()


def end_to_end_id(part: RefundPart) -> str:
    """The operation's id, in the characters that banks keep; the statement's line is recognized by it."""
    ids = sorted(operation.id for operation in part.operations.all())
    return ids[-1].replace("_", "-").upper() if ids else ""


def _plain(text: str) -> str:
    """Without accents and signs that a bank would refuse or replace."""
    parted = unicodedata.normalize("NFKD", text)
    return "".join(letter if letter in _LETTERS else "" if unicodedata.combining(letter) else " " for letter in parted)
