"""Refusals that several services of reconciliation give in the same words."""

from payments.core.errors import Invalid
from payments.core.money import Money


def exceeds_open(amount: Money, open_: Money) -> Invalid:
    """Return the refusal of an amount that is more than stands open; `open_` is signed as the ledger is."""
    return Invalid(
        "amount_exceeds_open",
        f"{amount} is more than what stands open: {open_}.",
        param="amount",
        open=open_.amount,
    )
