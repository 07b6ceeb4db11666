"""Amounts as Stripe writes them, and the limits it sets.

Stripe's exponents differ from ISO 4217 in three currencies: ISK and UGX have no decimals but are written with two
(which must be 00), MGA has two but is written with none. Three-decimal currencies must end in 0. HUF and TWD are
charged with two decimals as in ISO; only their payouts are whole.
"""

from decimal import Decimal
from typing import Final

from payments.core.money import EXPONENTS, Money

_EXPONENTS: Final = {**EXPONENTS, "ISK": 2, "UGX": 2, "MGA": 0}
# The least that can be charged, in major units; where a currency is not named Stripe decides.
_LEAST: Final = {
    "AED": Decimal(2),
    "AUD": Decimal("0.50"),
    "BGN": Decimal(1),
    "BRL": Decimal("0.50"),
    "CAD": Decimal("0.50"),
    "CHF": Decimal("0.50"),
    "CZK": Decimal(15),
    "DKK": Decimal("2.50"),
    "EUR": Decimal("0.50"),
    "GBP": Decimal("0.30"),
    "HKD": Decimal(4),
    "HUF": Decimal(175),
    "INR": Decimal("0.50"),
    "JPY": Decimal(50),
    "MXN": Decimal(10),
    "MYR": Decimal(2),
    "NOK": Decimal(3),
    "NZD": Decimal("0.50"),
    "PLN": Decimal(2),
    "RON": Decimal(2),
    "SEK": Decimal(3),
    "SGD": Decimal("0.50"),
    "THB": Decimal(10),
    "USD": Decimal("0.50"),
}
_DIGITS: Final = 8  # of an amount as Stripe writes it
_MORE_DIGITS: Final = {"IDR": 12, "COP": 10, "HUF": 10, "INR": 9, "JPY": 9}


class NotRepresentable(ValueError):
    """An amount that Stripe cannot write."""


def to_stripe(money: Money) -> int:
    """The amount in Stripe's units.

    Raises:
        NotRepresentable: Stripe takes no such fraction of this currency.
    """
    scaled = money.to_decimal().scaleb(_EXPONENTS[money.currency])
    if scaled != scaled.to_integral_value():
        raise NotRepresentable(f"Stripe takes whole {money.currency} only, not {money}.")
    # Refused here, with what to do; Stripe would refuse it, too.
    if _EXPONENTS[money.currency] == 3 and int(scaled) % 10:
        raise NotRepresentable(f"Stripe takes {money.currency} in two decimals only, not {money}.")
    return int(scaled)


def from_stripe(amount: int, currency: str) -> Money:
    """Stripe's amount and lower-case currency as money.

    Raises:
        ValueError: a currency that we do not know, or a fraction of a minor unit.
    """
    code = currency.upper()
    # In decimals between the two: both exponents may differ from two.
    return Money.from_decimal(Decimal(amount).scaleb(-_EXPONENTS.get(code, 2)), code)


def limits(currency: str) -> tuple[int | None, int | None]:
    """The least and the most that Stripe charges, in minor units; None where it publishes no least."""
    least = _LEAST.get(currency)
    digits = _MORE_DIGITS.get(currency, _DIGITS)
    most = Decimal(10**digits - 1).scaleb(-_EXPONENTS.get(currency, 2)).scaleb(EXPONENTS[currency])
    return None if least is None else int(least.scaleb(EXPONENTS[currency])), int(most)


def limit_passed(money: Money) -> tuple[str, str] | None:
    """Code and detail where Stripe would not charge so little or so much."""
    least = _LEAST.get(money.currency)
    if least is not None and money.to_decimal() < least:
        return "amount_too_small", f"Stripe charges at least {least} {money.currency}."
    digits = _MORE_DIGITS.get(money.currency, _DIGITS)
    if len(str(to_stripe(money))) > digits:
        return "amount_too_large", f"Stripe charges amounts of at most {digits} digits in {money.currency}."
    return None
