"""What is wrong with a field of a transaction, in words for the developer of the device."""

import re
from typing import Any, Final, get_args

from payments.core.errors import Fault

AMOUNT: Final = 'Send whole minor units as a JSON integer: 1250, not 12.50 or "1250".'
TIME: Final = "Send a time as RFC 3339 has it, with its offset: 2026-11-22T09:30:00Z."
_TYPES: Final = {
    "int": "Send a whole number.",
    "str": "Send a string.",
    "bool": "Send true or false.",
    "object": "Send an object.",
    "datetime": TIME,
}
_HEX: Final = "Send 2 to 64 hexadecimal digits."
_SHORT: Final = "Send 1 to 20 visible characters."
_LONG: Final = "Send 1 to 40 visible characters."
_FORMS: Final = {
    "currency": "Send an ISO 4217 code in capitals, as EUR.",
    "action": "Send the id of an action: act_…",
    "last4": "Send the last four digits of the card.",
    "par": "Send 1 to 35 letters or digits.",
    "sequence_number": "Send 1 to 3 digits.",
    "arc": "Send 1 to 8 letters or digits.",
    **dict.fromkeys(("aid", "tvr", "tsi", "cryptogram", "atc"), _HEX),
    **dict.fromkeys(("authorization_code", "stan"), _SHORT),
    **dict.fromkeys(("rrn", "acquirer_tid", "acquirer_mid"), _LONG),
}
OUT_OF_RANGE: Final = "sequence_out_of_range"
_EXPECTED: Final = re.compile(r"Expected `(\w+)")
_BOUND: Final = re.compile(r"(>=|<=) (\d+)")


def fault(at: str, kind: Any, message: str) -> Fault:
    """Turn msgspec's refusal of a value of this kind into a fault, which never repeats the value."""
    name = at.rpartition(".")[2]
    if ", got" in message:
        return Fault(at, "invalid_type", _of_type(name, message))
    if "RFC3339" in message or "timezone" in message:
        return Fault(at, "invalid_time", TIME)
    if "enum" in message:
        return Fault(at, "invalid_choice", f"Send one of: {', '.join(_choices(kind))}.")
    if "matching" in message:
        return Fault(at, "invalid_format", _FORMS.get(name, "This does not have the form that /v1/docs describes."))
    return _of_bounds(at, message)


def _of_type(name: str, message: str) -> str:
    if name in ("amount", "tip", "cashback"):
        return AMOUNT
    expected = _EXPECTED.search(message)
    return _TYPES.get(expected[1] if expected else "", "Send what /v1/docs describes.")


def _of_bounds(at: str, message: str) -> Fault:
    bound = _BOUND.search(message)
    if at.rpartition("transactions[")[2].partition("].")[2] == "sequence" or at == "sequence":
        return Fault(at, OUT_OF_RANGE, f"Sequences begin at 1 and end at {2**31 - 1}; then the device pairs again.")
    which, number = (bound[1], bound[2]) if bound else ("", "")
    limit = f"at least {number}" if which == ">=" else f"at most {number}"
    if "`int`" in message:
        return Fault(at, "out_of_range", f"Send a number of {limit}.")
    return Fault(at, "invalid_length", f"Send {limit} character{'' if number == '1' else 's'}.")


def _choices(kind: Any) -> list[str]:
    """The words of a Literal, which may be one of several alternatives."""
    found = [word for word in get_args(kind) if isinstance(word, str)]
    return found or [word for inner in get_args(kind) for word in get_args(inner) if isinstance(word, str)]
