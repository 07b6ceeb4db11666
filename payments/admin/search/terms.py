"""What somebody typed into the search: a name, an amount, or several things that are true of one payment."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.core.ids import PATTERN
from payments.text.form_fields import AMBIGUOUS, TypedAmount, read_amount, read_day

LONGEST: Final = 100
SHORTEST_PART: Final = 3  # letters; fewer stand within almost everything
_MOST_WORDS: Final = 6
_WITHOUT_YEAR: Final = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")  # the last time there was such a day
_TODAY: Final = ("today", "vandaag")
_YESTERDAY: Final = ("yesterday", "gisteren")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What to look for: whatever goes by `name`, and whatever is of `amount`.

    `together` says that amount, day and the last four digits of a card are all true of one payment. `name` is empty
    where the text can be nothing but an amount or such several things. `faults` are shown to the reader.
    """

    text: str
    name: str = ""
    amount: TypedAmount | None = None
    day: date | None = None
    last4: str | None = None
    together: bool = False
    faults: tuple[str, ...] = ()

    @property
    def is_id(self) -> bool:
        """Whether it has the form of one of our own ids."""
        return PATTERN.fullmatch(self.name) is not None

    @property
    def part(self) -> str:
        """What may stand within a longer name; empty where that would be too short to tell anything apart."""
        return self.name if len(self.name) >= SHORTEST_PART and not self.is_id else ""


def read(text: str) -> Terms:
    """Read what was typed: `84,50`, `W-1001`, `•4242`, `€ 12,50 yesterday` or `12.50 4242 29-11-2026`."""
    text = " ".join(text.replace("\0", "").split())
    if len(text) > LONGEST:
        too_long = _("Search for at most %(longest)d characters.") % {"longest": LONGEST}
        return Terms(text=text[:LONGEST], faults=(too_long,))
    if not text:
        return Terms(text="")
    several = _several(text.split())
    if len(several) > 1:
        # Groups of figures may be a reference that somebody writes with spaces.
        return Terms(text=text, name=text if text.replace(" ", "").isdecimal() else "", together=True, **several)
    try:
        amount = read_amount(text)
    except ValidationError as refusal:
        ambiguous = tuple(refusal.messages) if refusal.code == AMBIGUOUS else ()
        return Terms(text=text, name=_last4(text) or text, faults=ambiguous)
    return Terms(text=text, name=text if text.isdecimal() else "", amount=amount)


def _several(words: list[str], found: dict[str, Any] | None = None) -> dict[str, Any]:
    """What each of the words is of one payment, or nothing where one of them is none of it."""
    found = found or {}
    if not words:
        return found
    if len(words) > _MOST_WORDS:
        return {}
    for size in range(min(3, len(words)), 0, -1):
        for kind, reader in _READERS.items():
            value = None if kind in found else reader(" ".join(words[:size]))
            rest = {} if value is None else _several(words[size:], {**found, kind: value})
            if rest:
                return rest
    return {}


def _amount(text: str) -> TypedAmount | None:
    try:
        return read_amount(text)
    except ValidationError:
        return None


def _day(text: str) -> date | None:
    today = timezone.localdate()
    if text.lower() in _TODAY:
        return today
    if text.lower() in _YESTERDAY:
        return today - timedelta(days=1)
    if found := _WITHOUT_YEAR.fullmatch(text):
        text = f"{found[1]}-{found[2]}-{today.year - ((int(found[2]), int(found[1])) > (today.month, today.day))}"
    try:
        return read_day(text)
    except ValidationError:
        return None


def _last4(text: str) -> str | None:
    """The end of a card's number, as receipts print it."""
    digits = text.lstrip("•*xX. ")
    return digits if len(digits) == 4 and digits.isdecimal() else None


# In this order: `4242` beside an amount is a card, and by itself both.
_READERS: Final[dict[str, Callable[[str], Any]]] = {"day": _day, "last4": _last4, "amount": _amount}
