"""Why a bank returned a transfer, in plain words where its statement says so."""

import re
from typing import Final

from reconciliation.models import BankStatementLine

# ISO 20022 return reasons that people have to act on; the bank's own text says the rest.
_REASONS: Final = {
    "AC01": "the account number is wrong",
    "AC03": "the account number is wrong",
    "AC04": "the account is closed",
    "AC06": "the account is blocked",
    "AG01": "the account takes no such transfers",
    "AM05": "it was paid twice",
    "BE01": "the name does not fit the account",
    "BE04": "the address is missing",
    "FOCR": "it was recalled",
    "MD07": "the holder has died",
    "MS02": "the customer refused it",
    "RC01": "the bank is not known",
    "RR04": "the law forbids it",
}
_CODE: Final = re.compile(r"(?<![A-Z0-9])(AC0[1346]|AG01|AM05|BE0[14]|FOCR|MD07|MS0[23]|RC01|RR0[1-4])(?![A-Z0-9])")


def returned_because(line: BankStatementLine) -> str:
    """Return what a person needs to know of a transfer that is back: the reason, and the bank's code for it."""
    found = _CODE.search(f"{line.code} {line.remittance}")
    if found is None:
        return "The bank returned the transfer."
    reason = _REASONS.get(found[1])
    return f"The bank returned the transfer: {reason} ({found[1]})." if reason else f"The bank returned it: {found[1]}."
