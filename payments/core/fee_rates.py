"""What a provider account costs by its contract: a list of rates, of which the first that fits a line counts.

`{"method"?, "brand"?, "type"?: "sale", "fixed"?, "basis_points"?, "vat_basis_points"?}`, whole minor units and
hundredths of a percent; below zero is what a provider gives back. The VAT is a share of the fee.
"""

from collections.abc import Sequence
from typing import Any, Final

from payments.core.errors import Fault

MOST: Final = 50
WORDS: Final = ("method", "brand", "type")
NUMBERS: Final = {
    "fixed": 1_000_000,
    "basis_points": 10_000,
    "vat_basis_points": 10_000,
}  # and how far from zero each may be
LONGEST_WORD: Final = 32


def faults(rates: Sequence[Any], param: str = "fee_rates") -> list[Fault]:
    """Every fault of a list that settlement lines are to be compared with."""
    if not isinstance(rates, list | tuple) or len(rates) > MOST:
        return [Fault(param, "invalid_type", f"Send a list of at most {MOST} objects.")]
    return [fault for at, rate in enumerate(rates) for fault in _faults(rate, f"{param}[{at}]")]


def _faults(rate: Any, at: str) -> list[Fault]:
    if not isinstance(rate, dict):
        return [Fault(at, "invalid_type", "Send an object.")]
    return [fault for name, value in rate.items() if (fault := _fault(name, value, at)) is not None]


def _fault(name: str, value: Any, at: str) -> Fault | None:
    if name in WORDS:
        fits = isinstance(value, str) and 1 <= len(value) <= LONGEST_WORD
        return None if fits else Fault(f"{at}.{name}", "invalid_type", f"Send 1 to {LONGEST_WORD} characters.")
    if name not in NUMBERS:
        known = ", ".join((*WORDS, *NUMBERS))
        return Fault(at, "unknown_field", f"A rate has only these: {known}.")
    most = NUMBERS[name]
    fits = type(value) is int and -most <= value <= most
    return None if fits else Fault(f"{at}.{name}", "out_of_range", f"Send an integer from {-most} to {most}.")
