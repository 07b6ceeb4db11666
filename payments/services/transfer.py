"""What a bank transfer of a refund says: to whom, with which text, and the name by which the bank shows it again."""

import json
import re
import unicodedata
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import override

from payments.models import RefundPart
from payments.services.refunds.plan import BankAccount

LONGEST: Final = 140
LONGEST_NAME: Final = 70
# What every bank of SEPA passes on.
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")
# Letters that Unicode does not take apart into one of those and a sign.
_PARTED: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L"}
)


def account_of(part: RefundPart) -> BankAccount:
    """Where the money goes; nothing is left of it once that was forgotten."""
    return BankAccount(**json.loads(part.bank_account)) if part.bank_account else BankAccount(iban="", name="")


def remittance(part: RefundPart) -> str:
    """What the customer reads, in the merchant's language: what it is for and of whom."""
    refund = part.refund
    with override(refund.merchant.language):
        text = _("Refund of order %(order)s, %(merchant)s") % {"order": refund.order, "merchant": refund.merchant.name}
    return plain(text, LONGEST)


def end_to_end_id(part: RefundPart) -> str:
    """The operation's id, in the characters that banks keep; the statement's line is recognized by it."""
    ids = sorted(operation.id for operation in part.operations.all())
    return bank_spelling(ids[-1]) if ids else ""


def bank_spelling(object_id: str) -> str:
    """An id of ours in the characters that banks keep."""
    return object_id.replace("_", "-").upper()


def plain(text: str, longest: int) -> str:
    """At most `longest` characters that no bank of SEPA refuses or replaces: no accents, no slash at an end or doubled.

    What cannot be written so is left out; of a text in another script nothing is left.
    """
    parted = unicodedata.normalize("NFKD", text.translate(_PARTED))
    kept = "".join(letter if letter in _LETTERS else "" if unicodedata.combining(letter) else " " for letter in parted)
    single = re.sub(r"/{2,}", "/", re.sub(r" {2,}", " ", kept))
    return single.strip(" /")[:longest].strip(" /")
