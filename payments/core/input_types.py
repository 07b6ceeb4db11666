"""The types of fields that requests share: what fits, what the OpenAPI document says of it, and the answer otherwise.

What a type notes in `extra` is the answer in place of a general text: by the code of the fault, or for any (`FAULT`).
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Final

from msgspec import Meta

from payments.core.input_faults import FAULT
from payments.core.money import EXPONENTS, MAX_AMOUNT

NOT_BLANK: Final = r"\S"
END: Final = r"$(?!\n)"  # Python's `$` alone would let a last line feed pass

METADATA_PAIRS: Final = 50
METADATA_KEY: Final = 40
METADATA_VALUE: Final = 500
INT64: Final = {"format": "int64"}


def whole_number(least: int, most: int, **extra: Any) -> Meta:
    """A JSON integer from `least` to `most`."""
    return Meta(ge=least, le=most, extra_json_schema=INT64, extra=extra)


def minor_units(least: int = 1, most: int = MAX_AMOUNT) -> Meta:
    """Whole minor units of a currency; no float, no string, no boolean."""
    detail = 'Send whole minor units as a JSON integer: 1250, not 12.50 or "1250".'
    return whole_number(least, most, invalid_type=("invalid_type", detail))


def number_of_query(least: int = 0, most: int = MAX_AMOUNT) -> Meta:
    """A whole number in an address."""
    return whole_number(least, most, **{FAULT: ("out_of_range", f"Send a whole number from {least} to {most}.")})


def text(longest: int) -> Meta:
    """A text of at most so many characters that is not blank."""
    return Meta(min_length=1, max_length=longest, pattern=NOT_BLANK)


def text_of(pattern: str, *, longest: int, form: str) -> Meta:
    """A text that matches as a whole; `form` says how it looks."""
    answer = ("invalid_format", f"This does not have the form it must have: {form}.")
    return Meta(min_length=1, max_length=longest, pattern=f"^(?:{pattern}){END}", extra={"invalid_format": answer})


def one_of(words: Iterable[str]) -> Meta:
    """One of a few words that are no enum of their own."""
    known = [str(word) for word in words]
    pattern = "|".join(map(re.escape, known))
    answer = ("invalid_choice", f"Send one of: {', '.join(known)}.")
    return Meta(pattern=f"^(?:{pattern}){END}", extra_json_schema={"enum": known}, extra={FAULT: answer})


def some_of(words: Iterable[str]) -> Meta:
    """Words with commas between, in an address; `chosen` parts them."""
    known = [str(word) for word in words]
    either = "|".join(map(re.escape, known))
    answer = ("invalid_choice", f"Send some of these, with commas between: {', '.join(known)}.")
    schema = {"example": known[0]}
    return Meta(pattern=f"^({either})(,({either}))*{END}", extra_json_schema=schema, extra={FAULT: answer})


def chosen(words: str | None) -> tuple[str, ...]:
    """The words of a text that is `some_of` them; one word twice counts once."""
    return tuple(dict.fromkeys(words.split(","))) if words else ()


Amount = Annotated[int, minor_units()]
Day = date
Instant = Annotated[datetime, Meta(tz=True)]
AmountOrZero = Annotated[int, minor_units(least=0)]
Currency = Annotated[
    str,
    Meta(
        pattern=f"^(?:{'|'.join(EXPONENTS)}){END}",
        extra_json_schema={"pattern": "^[A-Z]{3}$", "example": "EUR"},
        extra={FAULT: ("currency_unknown", "Send an ISO 4217 code in capitals, as EUR.")},
    ),
]
Email = Annotated[str, text_of(r"[^@\s]+@[^@\s]+\.[^@\s]+", longest=254, form="name@example.com")]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=METADATA_KEY)], Annotated[str, Meta(max_length=METADATA_VALUE)]],
    Meta(
        max_length=METADATA_PAIRS,
        extra={"key": ("too_long", f"A key has 1 to {METADATA_KEY} characters.")},
    ),
]
