"""What people type into a form and we must not misread: amounts and days, in Dutch and in English."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from payments.core.iban import compact
from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from payments.text.formatting import SYMBOLS, day

AMBIGUOUS: Final = "ambiguous"  # the code of a refusal of what could be read in two ways
_CODES: Final = {symbol: code for code, symbol in SYMBOLS.items()}
_SPACES: Final = str.maketrans(dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}", " "))
_TYPED: Final = re.compile(r"(-?) *([A-Za-z]{3}|[€£$])? *(-?) *([0-9., ]*[0-9](?:[.,]-{1,2})?) *([A-Za-z]{3}|[€£$])?")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,3}(?:,[0-9]{3}){2,}|[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_BOTH: Final = re.compile(
    r"([0-9]{1,3}(?: [0-9]{3})+)[.,]([0-9]+)"
    r"|([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]+)"
    r"|([0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]+)"
)
_ONE: Final = re.compile(r"([0-9]*)([.,])([0-9]+)")

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january januari",
            "feb february februari",
            "mar march mrt maart",
            "apr april",
            "may mei",
            "jun june juni",
            "jul july juli",
            "aug august augustus",
            "sep sept september",
            "oct october okt oktober",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})([-./])([0-9]{1,2})\2([0-9]{4})")
_NAMED: Final = re.compile(r"([0-9]{1,2}) +([a-z]+)\.? +([0-9]{4})")


@dataclass(frozen=True, slots=True)
class TypedAmount:
    """An amount in major units, and the currency if it was typed with it."""

    value: Decimal
    currency: str | None


def read_amount(text: str, *, decimals: Callable[[str | None], int] | None = None) -> TypedAmount:
    """Read `12.50`, `12,50`, `1.000,00`, `1,000.00`, `€ 1.234,50`, `EUR 12` or `12,-`, whatever the language.

    `decimals` says how many a currency has (None: none was typed).

    Raises:
        ValidationError: it is no amount, has too many decimals, or can be read in two ways, as `1.250`.
    """
    found = _TYPED.fullmatch(text.translate(_SPACES).replace("\N{MINUS SIGN}", "-").strip())
    before, after = (found[2], found[5]) if found is not None else (None, None)
    currency = _currency(before or after)
    places = (decimals or _usual)(currency)
    if found is None or (before and after) or (found[1] and found[3]):
        raise _no_amount(places)
    value = _number(re.sub(r"[.,]-{1,2}$", "", found[4]).strip(), places)
    return TypedAmount(-value if found[1] or found[3] else value, currency)


def _usual(currency: str | None) -> int:
    return 2 if currency is None else EXPONENTS[currency]


def _currency(written: str | None) -> str | None:
    if written is None:
        return None
    code = _CODES.get(written, written.upper())
    if code not in EXPONENTS:
        raise ValidationError(_("“%(code)s” is not a currency. Use a code such as EUR.") % {"code": written})
    return code


def _number(text: str, decimals: int) -> Decimal:
    if text.isdecimal():
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return Decimal(re.sub("[., ]", "", text))
    if found := _BOTH.fullmatch(text):
        whole, cents = [part for part in found.groups() if part is not None]
        if len(cents) > decimals:
            raise _no_amount(decimals)
        return Decimal(re.sub("[., ]", "", whole) + "." + cents)
    if found := _ONE.fullmatch(text):
        return _with_one_sign(text, *found.groups(), decimals=decimals)
    raise _no_amount(decimals)


def _with_one_sign(text: str, whole: str, sign: str, rest: str, *, decimals: int) -> Decimal:
    """`12,50` has decimals; `1.250` has them in one language, and is a thousand and more in the other."""
    could_be_thousands = len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    if could_be_thousands and decimals == 0:
        return Decimal(whole + rest)
    if could_be_thousands and not (decimals == 3 and sign == formats.get_format("DECIMAL_SEPARATOR")):
        thousand = formats.number_format(Decimal(whole + rest), max(decimals, 1), use_l10n=True, force_grouping=True)
        raise ValidationError(
            _("“%(text)s” can be read in two ways. Write %(plain)s or %(full)s if you mean the thousands.")
            % {"text": text, "plain": whole + rest, "full": thousand},
            code=AMBIGUOUS,
        )
    if len(rest) > decimals:
        raise _no_amount(decimals)
    return Decimal(f"{whole or '0'}.{rest}")


def _no_amount(decimals: int) -> ValidationError:
    example = formats.number_format(Decimal("1250.5"), decimals, use_l10n=True, force_grouping=True)
    return ValidationError(
        _("Write an amount with at most %(decimals)d decimals, such as %(example)s.")
        % {"decimals": decimals, "example": example}
    )


class IbanField(forms.CharField):
    """A bank account, as people write it; becomes its compact form."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return compact(text) if text else ""
        except ValueError:
            raise ValidationError(_("This is not a valid IBAN. Check every character.")) from None


class AmountField(forms.CharField):
    """An amount in major units of one currency, as people write it; becomes whole minor units."""

    def __init__(self, *, currency: str = "EUR", or_zero: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency, self.or_zero = currency, or_zero

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        typed = read_amount(text, decimals=lambda _: EXPONENTS[self.currency])
        if typed.currency not in (None, self.currency):
            raise ValidationError(_("Write the amount in %(currency)s.") % {"currency": self.currency})
        if typed.value < 0 or (typed.value == 0 and not self.or_zero):
            raise ValidationError(_("The amount must be above zero."))
        if typed.value > Money(MAX_AMOUNT, self.currency).to_decimal():
            raise ValidationError(_("The amount is too large."))
        return Money.from_decimal(typed.value, self.currency).amount


def read_day(text: str) -> date:
    """Read `2026-11-29`, `29-11-2026`, `29.11.2026`, `29/11/2026` or `29 nov 2026`, whatever the language.

    Raises:
        ValidationError: it is no day, or `01/02/2026` in English, which some read as the second of January.
    """
    text = " ".join(text.translate(_SPACES).lower().split())
    try:
        if found := _YEAR_FIRST.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DAY_FIRST.fullmatch(text):
            read = date(int(found[4]), int(found[3]), int(found[1]))
            if found[2] == "/" and get_language() == "en" and read.day <= 12 and read.day != read.month:
                raise _two_days(text, read)
            return read
        if (found := _NAMED.fullmatch(text)) and found[2] in _MONTHS:
            return date(int(found[3]), _MONTHS[found[2]], int(found[1]))
    except ValueError:  # there is no such day
        pass
    raise _no_day(text)


def _two_days(text: str, read: date) -> ValidationError:
    values = {"text": text, "one": day(read), "other": read.isoformat()}
    return ValidationError(_("“%(text)s” can be read in two ways. Write it as %(one)s or %(other)s.") % values)


def _no_day(text: str) -> ValidationError:
    today = timezone.localdate()
    values = {"text": text, "one": day(today), "other": today.isoformat()}
    return ValidationError(_("“%(text)s” is not a day. Write it as %(one)s or %(other)s.") % values)


class DayField(forms.CharField):
    """A day, as people write it."""

    def clean(self, value: Any) -> date | None:
        text = super().clean(value)
        return read_day(text) if text else None
