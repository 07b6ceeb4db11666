"""How amounts and moments are written for people, in the language of who reads."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import get_language

from payments.core.ids import PATTERN
from payments.core.money import EXPONENTS, Money

NOTHING: Final = "–"
_CLOCK: Final = {False: "H:i", True: "H:i:s"}
SYMBOLS: Final[Mapping[str, str]] = {"EUR": "€", "GBP": "£", "USD": "$"}


def title(name: str) -> str:
    """Capitalize the first letter of a label; a name with a spelling of its own, as iDEAL, keeps it."""
    return capfirst(name) if name.islower() else name


def amount(minor: int | None, currency: str) -> str:
    """`€ 1.250,50` to a Dutch reader, `€1,250.50` to an English one; another currency by its code."""
    if minor is None:
        return NOTHING
    number = formats.number_format(
        abs(Money(minor, currency).to_decimal()), EXPONENTS[currency], use_l10n=True, force_grouping=True
    )
    symbol = SYMBOLS.get(currency)
    space = "\N{NO-BREAK SPACE}" if symbol is None or get_language() != "en" else ""
    return f"{'−' if minor < 0 else ''}{symbol or currency}{space}{number}"


def typed_amount(value: Decimal, currency: str | None) -> str:
    """An amount in major units that somebody typed, perhaps of no currency."""
    if currency is not None:
        return amount(Money.from_decimal(value, currency).amount, currency)
    return formats.number_format(value, max(2, -int(value.as_tuple().exponent)), use_l10n=True, force_grouping=True)


def whole(number: int) -> str:
    """A count, in groups of three."""
    return formats.number_format(number, use_l10n=True, force_grouping=True)


def moment(at: datetime | None, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """A moment as the merchant's clocks show it."""
    return NOTHING if at is None else _written(at.astimezone(zone), f"j M Y {_CLOCK[seconds]}")


def short_moment(at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """A moment for a list: this year's without the year."""
    if at.astimezone(zone).year != timezone.now().astimezone(zone).year:
        return moment(at, zone, seconds=seconds)
    return _written(at.astimezone(zone), f"j M {_CLOCK[seconds]}")


def day(value: date | None) -> str:
    """A day, in words that no two countries read differently."""
    return NOTHING if value is None else _written(value, "j M Y")


def day_of_year(value: date) -> str:
    """A day where its year is known: `29 nov`."""
    return _written(value, "j M")


def weekday(value: date) -> str:
    """A day with its weekday, where its year is known: `zo 29 nov`."""
    return _written(value, "D j M")


def short(object_id: str) -> str:
    """An id by its kind and its end, by which people tell it apart."""
    return f"{object_id.partition('_')[0]}…{object_id[-6:]}" if PATTERN.fullmatch(object_id) else object_id


def _written(value: date, pattern: str) -> str:
    """English writes months with a capital, which most languages do not."""
    return formats.date_format(value, pattern if get_language() == "en" else pattern.replace("M", "b"))
