"""Amounts as Pay.nl writes them: whole minor units with a currency, and in legacy messages decimals in major units."""

from decimal import Decimal, InvalidOperation
from typing import Any

from payments.core.money import EXPONENTS, Money
from payments.providers.payload import Payload, part, text, whole


def to_paynl(money: Money) -> dict[str, Any]:
    """An amount of a request."""
    return {"value": money.amount, "currency": money.currency}


def from_paynl(obj: Payload, *path: str) -> Money | None:
    """The amount at the end of a path; None where there is none, or in a currency that we do not know."""
    found = part(obj, *path)
    value, currency = whole(found, "value"), (text(found, "currency") or "EUR").upper()
    return Money(value, currency) if value is not None and currency in EXPONENTS else None


def from_decimal(value: Any, currency: str) -> Decimal | None:
    """A decimal or float of Pay.nl's as it is written, in major units; its fractions of a cent are kept."""
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() and currency in EXPONENTS else None
