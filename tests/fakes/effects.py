"""What really moved at a provider: the oracle that books are held against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """One real movement: `net` is what it does to the merchant's money at the provider, before fees.

    `name` is the provider's for the movement, `payment` its name for the payment, `operation` ours, as it was told.
    """

    verb: str
    amount: int
    net: int
    name: str
    payment: str | None
    operation: str | None
