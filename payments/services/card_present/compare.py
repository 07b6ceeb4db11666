"""Compare the card that was shown for a refund with the one that had paid: by what identifies both of them best.

The acquirer's token or the payment account's reference (PAR) tell it for certain. A mobile wallet has another token and
other digits than the plastic card behind it, which only the PAR ties together; so a token that differs is outweighed by
a PAR that agrees. Brand and last four digits agree by chance now and then, and are no more than likeness.
"""

from payments.models import Payment
from payments.models.refund import CardVerdict
from payments.providers.base import Card

Compared = dict[str, str]


def compare(payment: Payment, card: Card) -> Compared:
    """Return `{verdict, by}` of the card with which a payment was made, and of the one that was shown."""
    for by, paid, shown in (
        ("par", payment.card_par, card.par),
        ("fingerprint", payment.card_fingerprint, card.fingerprint),
    ):
        if paid and shown:
            return _compared(CardVerdict.SAME if paid == shown else CardVerdict.OTHER, by)
    paid_by, shown_is = _looks(payment.card_brand, payment.card_last4), _looks(card.brand, card.last4)
    if paid_by is None or shown_is is None:
        return _compared(CardVerdict.UNKNOWN, "nothing")
    return _compared(CardVerdict.ALIKE if paid_by == shown_is else CardVerdict.OTHER, "last4")


def _looks(brand: str | None, last4: str | None) -> tuple[str, str] | None:
    return (brand.casefold(), last4) if brand and last4 else None


def _compared(verdict: CardVerdict, by: str) -> Compared:
    return {"verdict": verdict.value, "by": by}
