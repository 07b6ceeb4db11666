"""Money: whole minor units and an ISO 4217 code, never a float."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

MAX_AMOUNT: Final = 999_999_999_999

# ISO 4217, active codes by their number of decimals. Currencies absent here are not money a shop takes
# (metals, funds, test codes).
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: Final[dict[str, int]] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of one currency.

    Raises:
        TypeError: the amount is not an `int` (a `bool` and a `float` are none).
        ValueError: the currency is unknown, or two currencies meet in one sum.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"an amount is whole minor units (int), not {type(self.amount).__name__}")
        if self.currency not in EXPONENTS:
            raise ValueError(f"{self.currency!r} is no ISO 4217 currency")

    @classmethod
    def from_decimal(cls, value: Decimal, currency: str) -> Self:
        """Read a foreign file's decimal exactly; a fraction of a minor unit is a ValueError, never rounded."""
        if currency not in EXPONENTS:
            raise ValueError(f"{currency!r} is no ISO 4217 currency")
        scaled = value.scaleb(EXPONENTS[currency])
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"{value} {currency} is not a whole number of minor units")
        return cls(int(scaled), currency)

    def to_decimal(self) -> Decimal:
        """The amount in major units, with all of its currency's decimals."""
        return Decimal(self.amount).scaleb(-EXPONENTS[self.currency])

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.to_decimal()} {self.currency}"

    def allocate(self, weights: Sequence[int]) -> list[Self]:
        """Split by weights, losing no minor unit: the largest remainders get one more, the first of equals first.

        Raises:
            ValueError: no weight is above zero, or one is below it.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights are not negative, and at least one is positive")
        sign = -1 if self.amount < 0 else 1
        whole = abs(self.amount)
        shares = [whole * weight // total for weight in weights]
        remainders = sorted(range(len(weights)), key=lambda at: (-(whole * weights[at] % total), at))
        for at in remainders[: whole - sum(shares)]:
            shares[at] += 1
        return [type(self)(sign * share, self.currency) for share in shares]

    def rounded_to(self, step: int) -> Self:
        """The nearest multiple of `step` minor units, halves away from zero; a step of 0 or 1 rounds nothing."""
        if step <= 1:
            return self
        sign = -1 if self.amount < 0 else 1
        return type(self)(sign * ((abs(self.amount) + step // 2) // step) * step, self.currency)

    def _same(self, other: Self) -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.amount
