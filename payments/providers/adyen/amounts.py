"""Amounts as Adyen counts them: minor units, with other decimals than ISO 4217 in a few currencies."""

from decimal import Decimal
from typing import Any, Final

from payments.core.money import EXPONENTS, Money
from payments.providers.payload import Payload, part, text

# docs.adyen.com/development-resources/currency-codes: these differ from the standard.
_THEIRS: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}


class NotRepresentable(ValueError):
    """An amount that Adyen cannot be asked for."""


def to_adyen(money: Money) -> dict[str, Any]:
    """`{"currency": "EUR", "value": 1250}`.

    Raises:
        NotRepresentable: the amount has decimals that Adyen does not count.
    """
    exponent = _THEIRS.get(money.currency, EXPONENTS[money.currency])
    value = money.to_decimal().scaleb(exponent)
    if value != int(value):
        raise NotRepresentable(f"Adyen counts {money.currency} with {exponent} decimals; {money} has more.")
    return {"currency": money.currency, "value": int(value)}


def from_adyen(obj: Payload, *path: str) -> Money | None:
    """The amount at the end of a path; None where there is none, or none that can be read."""
    amount = part(obj, *path)
    value, currency = amount.get("value"), text(amount, "currency")
    if currency not in EXPONENTS or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        whole = Decimal(int(value))
        return Money.from_decimal(whole.scaleb(-_THEIRS.get(currency, EXPONENTS[currency])), currency)
    except (ArithmeticError, ValueError):
        return None
