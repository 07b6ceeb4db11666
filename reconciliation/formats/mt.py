"""What the SWIFT messages share: customer statement (MT940) and interim report (MT942).

A message is fields that begin with `:tag:`; whatever does not begin with one continues the field before, for banks wrap
anywhere (even in the middle of a number) and put lone dashes where they like. So a statement ends where the next
`:20:` begins or the file ends, and it is whole when its closing balance has come and adds up.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Final

from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from reconciliation.formats.base import (
    Problem,
    Record,
    StatementHeader,
    StatementLine,
    StatementTrailer,
    Sums,
    Unreadable,
)
from reconciliation.formats.mt_details import details
from reconciliation.formats.text import lenient_lines

_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]+(?:,[0-9]*)?)")
# Value date, entry date, mark (R: it reverses), third letter of the currency, amount, type, references.
_ENTRY: Final = re.compile(
    r"([0-9]{6})([0-9]{4})?(R?)([CD])[A-Z]?([0-9]+(?:,[0-9]*)?)([A-Z][A-Z0-9]{3})?([^\n]*)(?:\n(.*))?", re.DOTALL
)
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, with the source line it begins on; its own lines are kept apart by line feeds."""

    line: int
    tag: str
    text: str


@dataclass(slots=True)
class _Statement:
    """One statement while its fields stream by."""

    line: int
    reference: str
    account: str = ""
    sequence: str = ""
    header: StatementHeader | None = None
    held: StatementLine | None = None  # until its :86: has come
    sums: Sums | None = None
    closed: bool = False


def looks_like(head: bytes, *, interim: bool) -> bool:
    """Return whether a message is of this format, by its first fields."""
    text = head.decode("latin-1")
    tags = {match[1] for match in re.finditer(r"^:([0-9]{2}[A-Z]?):", text, re.MULTILINE)}
    if not {"20", "25"} <= tags:
        return False
    return (
        bool(tags & {"34F", "13D", "90D", "90C"} and not tags & {"60F", "60M"})
        if interim
        else bool(tags & {"60F", "60M"})
    )


def read(stream: BinaryIO, *, interim: bool) -> Iterator[Record]:
    """Yield every statement (or report) of the file.

    Raises:
        Unreadable: no statement at all, or the last one is cut off.
    """
    statement: _Statement | None = None
    for field in _fields(stream):
        try:
            if field.tag == "20":
                yield from _end(statement, interim)
                statement = _Statement(field.line, field.text.split("\n")[0].strip())
            elif statement is not None:
                yield from _take(statement, field, interim)
        except ValueError as fault:
            yield Problem(field.line, "record_invalid", f"Line {field.line}: {fault}.")
    if statement is None:
        raise Unreadable(None, "file_truncated", "The file has no statement in it. Fetch it again from the bank.")
    yield from _end(statement, interim)


def _fields(stream: BinaryIO) -> Iterator[Field]:
    start, tag, parts = 0, "", list[str]()
    for number, text in lenient_lines(stream):
        found = _TAG.match(text)
        if found is None:
            # Framing and blanks between messages; a field is never longer than a few lines.
            if tag and len(parts) < 100:
                parts.append(text)
            continue
        if tag:
            yield Field(start, tag, "\n".join(parts))
        start, tag, parts = number, found[1], [text[found.end() :]]
    if tag:
        yield Field(start, tag, "\n".join(parts))


def _take(statement: _Statement, field: Field, interim: bool) -> Iterator[Record]:
    if field.tag == "25":
        statement.account = re.sub(r"\s", "", field.text.split("\n")[0]).upper()
    elif field.tag in ("28C", "28"):
        statement.sequence = re.sub(r"\s", "", field.text)[:35]
    elif field.tag in ("60F", "60M"):
        opening, opened_on = _balance(field.text)
        yield from _open(statement, opening.currency, opening, opened_on)
    elif field.tag == "34F" and statement.header is None:
        yield from _open(statement, field.text[:3], None, None)
    elif field.tag == "61":
        yield from _release(statement)
        statement.held = _entry(statement, field)
    elif field.tag == "86" and statement.held is not None:
        statement.held = details(statement.held, field.text)
        yield from _release(statement)
    elif field.tag in ("62F", "62M") and not interim:
        yield from _release(statement)
        yield from _close(statement, field)


def _open(statement: _Statement, currency: str, opening: Money | None, opened_on: date | None) -> Iterator[Record]:
    if currency not in EXPONENTS:
        raise Unreadable(statement.line, "currency_unknown", f"{currency!r} is no ISO 4217 currency.")
    if not statement.account:
        raise Unreadable(statement.line, "account_unknown", "A statement does not name its account (:25:).")
    account = statement.account.removesuffix(currency)
    statement.header = StatementHeader(
        line=statement.line,
        reference=statement.reference,
        account=account if _IBAN.fullmatch(account) else statement.account,
        sequence=statement.sequence,
        currency=currency,
        opening=opening,
        opened_on=opened_on,
    )
    statement.sums = Sums(currency)
    if opening is not None:
        statement.sums.add(closing=opening)
    yield statement.header


def _release(statement: _Statement) -> Iterator[Record]:
    if statement.held is not None and statement.sums is not None:
        statement.sums.add(closing=statement.held.amount)
        yield statement.held
        statement.held = None


def _close(statement: _Statement, field: Field) -> Iterator[Record]:
    closing, closed_on = _balance(field.text)
    if statement.sums is None:
        raise ValueError("a closing balance without an opening one")
    for difference in statement.sums.differences(closing=closing):
        detail = f"Statement {statement.reference}: {difference}. Fetch it again from the bank."
        yield Problem(field.line, "sums_differ", detail)
    statement.closed = True
    yield StatementTrailer(field.line, closing, closed_on)


def _end(statement: _Statement | None, interim: bool) -> Iterator[Record]:
    """What the end of a statement still brings; one without its closing balance is cut off."""
    if statement is None:
        return
    yield from _release(statement)
    if interim and statement.header is not None:
        yield StatementTrailer(statement.line, None, None)
    elif not statement.closed:
        detail = f"Statement {statement.reference} has no closing balance (:62F:). Fetch it again from the bank."
        yield Problem(statement.line, "file_truncated", detail)


def _entry(statement: _Statement, field: Field) -> StatementLine:
    found = _ENTRY.fullmatch(field.text.strip())
    if found is None or statement.header is None:
        raise ValueError(f"{field.text[:40]!r} is no entry (:61:) of an open statement")
    value, entry, reverses, mark, digits, kind, references, more = found.groups()
    amount = _money(digits, statement.header.currency)
    incoming = (mark == "C") != bool(reverses)
    own, _, bank = (part.strip() for part in references.partition("//"))
    texts = [own, (more or "").replace("\n", " ").strip()]
    iban = next((text for text in texts if _IBAN.fullmatch(text)), "")  # some banks put the counterparty there
    valued_on = _day(value)
    return StatementLine(
        line=field.line,
        amount=amount if incoming else -amount,
        booked_on=_entry_day(valued_on, entry) if entry else valued_on,
        valued_on=valued_on,
        reversal=bool(reverses),
        bank_reference=bank,
        end_to_end_id="" if own in ("NONREF", "EREF", "PREF", "MARF", iban) else own,
        counterparty_iban=iban,
        remittance="" if texts[1] == iban else texts[1],
        code=kind or "",
    )


def _balance(text: str) -> tuple[Money, date]:
    found = _BALANCE.match(re.sub(r"\s", "", text))
    if found is None:
        raise ValueError(f"{text[:40]!r} is no balance")
    mark, day, currency, digits = found.groups()
    amount = _money(digits, currency)
    return (amount if mark == "C" else -amount), _day(day)


def _money(digits: str, currency: str) -> Money:
    if len(digits) > 20:
        raise ValueError(f"{digits[:40]} is beyond what can be booked")
    amount = Money.from_decimal(Decimal(digits.replace(",", ".")), currency)
    if amount.amount > MAX_AMOUNT:
        raise ValueError(f"{amount} is beyond what can be booked")
    return amount


def _day(text: str) -> date:
    """YYMMDD. Banks that reckon months of 30 days write a 30 February: the month's last day is meant."""
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:6])
    if not 1 <= month <= 12 or not 1 <= day <= (30 if month == 2 else 31):
        raise ValueError(f"{text!r} is no day (YYMMDD)")
    return date(year, month, min(day, monthrange(year, month)[1]))


def _entry_day(valued_on: date, text: str) -> date:
    """MMDD in the year that brings it nearest to the value date."""
    years = (valued_on.year + shift for shift in (0, -1, 1))
    days = [_day(f"{year % 100:02}{text}") for year in years]
    return min(days, key=lambda day: abs(day - valued_on))
