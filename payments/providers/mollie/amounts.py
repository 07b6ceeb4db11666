"""Amounts as Mollie writes them: a text with exactly the decimals of its currency."""

from decimal import Decimal

from payments.core.money import EXPONENTS, Money
from payments.providers.payload import Payload, part, text


def to_mollie(money: Money) -> dict[str, str]:
    """`{"currency": "EUR", "value": "12.50"}`."""
    return {"currency": money.currency, "value": f"{money.to_decimal():.{EXPONENTS[money.currency]}f}"}


def from_mollie(obj: Payload, *path: str) -> Money | None:
    """The amount at the end of a path; None where there is none, or none that can be read."""
    amount = part(obj, *path)
    value, currency = text(amount, "value"), text(amount, "currency")
    if value is None or currency not in EXPONENTS:
        return None
    try:
        return Money.from_decimal(Decimal(value), currency)
    except (ArithmeticError, ValueError):
        return None
