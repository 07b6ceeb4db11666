"""The methods the simulator takes, and what each can do."""

import hashlib
from typing import Final

from payments.providers.simulator.wire import CardFacts, PayerFacts

REDIRECT_METHODS: Final = frozenset({"ideal", "bancontact", "sepa_debit", "klarna", "paypal", "bank_transfer"})
METHODS: Final = REDIRECT_METHODS | {"card", "external"}
CHOSEN_METHODS: Final = METHODS - {"external"}  # what a customer may choose on a page
CURRENCIES: Final = {method: frozenset({"EUR"}) for method in ("ideal", "bancontact", "sepa_debit")}
MANUAL_CAPTURE_METHODS: Final = frozenset({"card", "klarna", "paypal"})
CARD_METHODS: Final = frozenset({"card", "bancontact"})
BRANDS: Final = ("visa", "mastercard", "maestro", "amex")


BANK_METHODS: Final = frozenset({"ideal", "sepa_debit", "bank_transfer"})
_BANK: Final = "SIMU"  # of no bank that there is


def payer_facts(method: str | None, holder: str) -> PayerFacts | None:
    """Make up the account that a customer pays from: the same holder always has the same one."""
    if method not in BANK_METHODS:
        return None
    number = f"{_BANK}{int(hashlib.sha256(holder.encode()).hexdigest()[:12], 16) % 10**10:010}"
    digits = "".join(str(int(letter, 36)) for letter in f"{number}NL00")
    return PayerFacts(iban=f"NL{98 - int(digits) % 97:02}{number}", name="S. Imulator")


def card_facts(method: str | None, holder: str) -> CardFacts | None:
    """Make up a card: the same holder always has the same one."""
    if method not in CARD_METHODS:
        return None
    # From the holder and no chance, so that a returning customer can be recognized in tests.
    digest = hashlib.sha256(holder.encode()).hexdigest()
    brand = "bancontact" if method == "bancontact" else BRANDS[int(digest[:8], 16) % len(BRANDS)]
    return CardFacts(brand=brand, last4=f"{int(digest[8:16], 16) % 10_000:04}", fingerprint=f"simcard_{digest[:24]}")
