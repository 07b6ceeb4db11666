"""The methods the simulator takes, and what each can do."""

import hashlib
from typing import Final

from payments.providers.simulator.wire import CardFacts

REDIRECT_METHODS: Final = frozenset({"ideal", "bancontact", "sepa_debit", "klarna", "paypal", "bank_transfer"})
METHODS: Final = REDIRECT_METHODS | {"card", "external"}
CHOSEN_METHODS: Final = METHODS - {"external"}  # what a customer may choose on a page
MANUAL_CAPTURE_METHODS: Final = frozenset({"card", "klarna", "paypal"})
CARD_METHODS: Final = frozenset({"card", "bancontact"})
BRANDS: Final = ("visa", "mastercard", "maestro", "amex")


def card_facts(method: str | None, holder: str) -> CardFacts | None:
    """Make up a card: the same holder always has the same one."""
    if method not in CARD_METHODS:
        return None
    # From the holder and no chance, so that a returning customer can be recognized in tests.
    digest = hashlib.sha256(holder.encode()).hexdigest()
    brand = "bancontact" if method == "bancontact" else BRANDS[int(digest[:8], 16) % len(BRANDS)]
    return CardFacts(brand=brand, last4=f"{int(digest[8:16], 16) % 10_000:04}", fingerprint=f"simcard_{digest[:24]}")
