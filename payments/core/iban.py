"""IBANs: written in any grouping, checked by their own two digits."""

import re
from typing import Final

# The countries whose IBANs the schemes of the European Payments Council reach (EPC409-09, 2026).
_SEPA: Final = frozenset(
    re.findall(
        "..",
        "ADALATBEBGCHCYCZDEDKEEESFIFRGBGIGRHRHUIEISITLILTLULVMCMDMEMKMTNLNOPLPTRORSSESISKSMVA",
    )
)
_FORM: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def compact(text: str) -> str:
    """Return an IBAN as it is stored: capitals, no spaces.

    Raises:
        ValueError: it is none, or a character of it is wrong.
    """
    iban = text.replace(" ", "").upper()
    if not is_iban(iban):
        raise ValueError("This is no valid IBAN. Check every character.")
    return iban


def is_iban(text: str) -> bool:
    """Return whether it is a valid IBAN in its compact form."""
    return _FORM.fullmatch(text) is not None and _adds_up(text)


def in_sepa(iban: str) -> bool:
    """Return whether a SEPA credit transfer reaches this account, given in its compact form."""
    return iban[:2] in _SEPA


def _adds_up(iban: str) -> bool:
    """ISO 13616: moved to the end and read as base 36, the number leaves 1 when divided by 97."""
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
