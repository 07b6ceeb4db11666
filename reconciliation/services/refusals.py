"""Refusals that several services of reconciliation give in the same words."""

from django.utils.translation import gettext_noop

from payments.core.errors import Fault, Invalid, ValidationFailed
from payments.core.money import Money


def exceeds_open(amount: Money, open_: Money) -> Invalid:
    """Return the refusal of an amount that is more than stands open; `open_` is signed as the ledger is."""
    return Invalid(
        "amount_exceeds_open",
        f"{amount} is more than what stands open: {open_}.",
        param="amount",
        open=open_.amount,
    )


def no_match(detail: str) -> ValidationFailed:
    """Return the refusal of what there is not to match with."""
    return ValidationFailed([Fault("with", "not_found", detail)])


def too_much_named() -> ValidationFailed:
    """Return the refusal of names beyond the amount, or of one that is open in the other direction."""
    detail = gettext_noop("More is named than the amount. Leave out what does not belong to it.")
    return ValidationFailed([Fault("with", "exceeds_amount", detail)])
