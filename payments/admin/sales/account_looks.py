"""Looks at customers' bank accounts: each one stands in the audit log."""

from collections.abc import Iterable
from typing import Final

from payments import audit_log
from payments.models import RefundPart
from payments.people.models import User

SEEN: Final = "bank_account.seen"


def note_looks(user: User, parts: Iterable[RefundPart]) -> None:
    """Write down each look at a customer's bank account, every time."""
    subjects = [(part, part.refund.merchant_id) for part in parts]
    audit_log.write_each(actor=user.id, action=SEEN, subjects=subjects)


def grouped(iban: str) -> str:
    """An IBAN as people read it."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
