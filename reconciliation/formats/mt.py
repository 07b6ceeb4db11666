"""What the SWIFT messages share: customer statement (MT940) and interim report (MT942).

A message is fields that begin with `:tag:`; whatever does not begin with one continues the field before, for banks wrap
anywhere (even in the middle of a number) and put lone dashes where they like. What looks like a field where none can
stand (a time in a text, ":20:45") is text: `_begins` knows the order of fields. So a statement ends where the next
message begins (`:20:`, or `:25:` of a bank that leaves it out) or the file ends, and it is whole when its closing
balance has come and adds up.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Final

from payments.core.iban import is_iban
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
from reconciliation.formats.text import lenient_lines, with_next

_DIGITS: Final = r"[0-9]+(?:,[0-9]*)?|,[0-9]+"
_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
# What may follow within an open statement. Anything else with a colon before and behind it is part of a text.
_INNER: Final = re.compile(r":(?:61:[0-9]{6}|86:|NS:|6[02][FM]:|6[45]:|90[CD]:|13D:|34F:)")
# A message begins with two fields in a row, of which no time of day is the second.
_AFTER_20: Final = re.compile(r":(?:21|25P?|28C?|13D?):")
_AFTER_25: Final = re.compile(r":(?:28C?|60[FM]|13D|34F):")
_BALANCE: Final = re.compile(rf"([CD])([0-9]{{6}})([A-Z]{{3}})({_DIGITS})")
# Value date, entry date (or blanks), mark (R: it reverses), third letter of the currency, amount, type, references.
_ENTRY: Final = re.compile(
    rf"([0-9]{{6}})([0-9]{{4}})?\s*(R?)([CD])[A-Z]?\s*({_DIGITS})([A-Z][A-Z0-9]{{3}}[^\n]*|(?![0-9,.])[^\n]*)(?:\n(.*))?",
    re.DOTALL,
)
_TYPE: Final = re.compile(r"[A-Z][A-Z0-9]{3}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_ACCOUNT: Final = frozenset({"25", "25P"})
_OPENS: Final = frozenset({"60F", "60M", "34F"})
_WITHIN: Final = frozenset({"61", "86", "NS", "60F", "60M", "34F", "13D", "90C", "90D"})
MOST_LINES: Final = 100  # of one field, and of blanks between two


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
    texts: list[str] = dataclass_field(default_factory=list)  # of the held entry
    closed: bool = False
    faulty: bool = False  # a fault was named: what follows from it is not
    lost: bool = False  # what it opens with could not be read, and its entries are of no account


def looks_like(head: bytes, *, interim: bool) -> bool:
    """Return whether a message is of this format, by its first fields."""
    text = head.decode("latin-1")
    tags = {match[1] for match in re.finditer(r"^:([0-9]{2}[A-Z]?):", text, re.MULTILINE)}
    if not tags & {"25", "25P"}:
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
            if field.tag == "20" or (field.tag in _ACCOUNT and (statement is None or statement.header is not None)):
                yield from _end(statement, interim)
                statement = _Statement(field.line, field.text.split("\n")[0].strip() if field.tag == "20" else "")
            if statement is not None and not statement.lost:
                yield from _take(statement, field, interim)
        except ValueError as fault:
            yield Problem(field.line, "record_invalid", f"Line {field.line}: {fault}.")
            if statement is not None:
                statement.faulty = True
                statement.lost = field.tag in _OPENS
    if statement is None:
        raise Unreadable(None, "file_truncated", "The file has no statement in it. Fetch it again from the bank.")
    yield from _end(statement, interim)


def _fields(stream: BinaryIO) -> Iterator[Field]:
    start, tag, parts, open_statement = 0, "", list[str](), False
    for (number, text), following in with_next(lenient_lines(stream)):
        found = _TAG.match(text)
        if found is None or not _begins(text, following, tag=tag, open_statement=open_statement):
            # Framing and blanks between messages; a field is never longer than a few lines.
            if tag and len(parts) < MOST_LINES:
                parts.append(text)
            continue
        if tag:
            yield Field(start, tag, "\n".join(parts))
        start, tag, parts = number, found[1], [text[found.end() :]]
        open_statement = tag in _OPENS or (open_statement and tag in _WITHIN)
    if tag:
        yield Field(start, tag, "\n".join(parts))


def _begins(text: str, following: str, *, tag: str, open_statement: bool) -> bool:
    """Whether a line that looks like a field is one, by what may stand where it stands."""
    if _INNER.match(text):
        return open_statement or not text.startswith(":61:")
    if not open_statement and tag != "86":
        return True
    second = _AFTER_20 if text.startswith(":20:") else _AFTER_25 if text.startswith((":25:", ":25P:")) else None
    return second is not None and second.match(following) is not None


def _take(statement: _Statement, field: Field, interim: bool) -> Iterator[Record]:
    if field.tag in _ACCOUNT:
        statement.account = _account(field.text.split("\n")[0])
    elif field.tag in ("28C", "28"):
        statement.sequence = re.sub(r"\s", "", field.text.split("\n")[0])[:35]
    elif field.tag in ("60F", "60M"):
        if statement.header is not None:
            raise ValueError("a second opening balance (:60F:) before the closing one; the lines between would be lost")
        opening, opened_on = _balance(field.text)
        yield from _open(statement, opening.currency, opening, opened_on)
    elif field.tag == "34F" and statement.header is None:
        yield from _open(statement, field.text[:3], None, None)
    elif field.tag == "61":
        yield from _release(statement)
        statement.held = _entry(statement, field)
    elif field.tag == "86" and statement.held is not None:
        statement.texts.append(field.text)
    elif field.tag in ("62F", "62M") and not interim:
        yield from _release(statement)
        yield from _close(statement, field)


def _account(text: str) -> str:
    """What `:25:` names: the IBAN if there is one, behind a slash or a BIC or not; else the bank's own name for it."""
    named = re.sub(r"\s", "", text).upper().strip("/")
    for part in named.split("/"):
        for candidate in (part, _without_currency(part)):
            if _IBAN.fullmatch(candidate) and is_iban(candidate):
                return candidate
    return _without_currency(named)


def _without_currency(text: str) -> str:
    return text[:-3] if text[-3:] in EXPONENTS and text[:-3][-1:].isdigit() else text


def _open(statement: _Statement, currency: str, opening: Money | None, opened_on: date | None) -> Iterator[Record]:
    if currency not in EXPONENTS:
        raise Unreadable(statement.line, "currency_unknown", f"{currency!r} is no ISO 4217 currency.")
    if not statement.account:
        raise Unreadable(statement.line, "account_unknown", "A statement does not name its account (:25:).")
    statement.header = StatementHeader(
        line=statement.line,
        reference=statement.reference,
        account=statement.account,
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
        yield details(statement.held, statement.texts)
        statement.held, statement.texts = None, []


def _close(statement: _Statement, field: Field) -> Iterator[Record]:
    closing, closed_on = _balance(field.text)
    if statement.sums is None:
        raise ValueError("a closing balance (:62F:) without an opening one (:60F:)")
    for difference in [] if statement.faulty else statement.sums.differences(closing=closing):
        detail = f"Statement {statement.reference}: {difference}. Fetch it again from the bank."
        yield Problem(field.line, "sums_differ", detail)
    statement.closed = True
    yield StatementTrailer(field.line, closing, closed_on)


def _end(statement: _Statement | None, interim: bool) -> Iterator[Record]:
    """What the end of a statement still brings; one without its closing balance is cut off."""
    if statement is None:
        return
    if not statement.lost:
        yield from _release(statement)
    if interim and statement.header is not None:
        yield StatementTrailer(statement.line, None, None)
    elif not statement.closed and not statement.lost:
        detail = f"Statement {statement.reference} has no closing balance (:62F:). Fetch it again from the bank."
        yield Problem(statement.line, "file_truncated", detail)


def _entry(statement: _Statement, field: Field) -> StatementLine:
    found = _ENTRY.fullmatch(field.text.strip())
    if found is None or statement.header is None:
        raise ValueError(f"{field.text[:40]!r} is no entry (:61:) of an open statement")
    value, entry, reverses, mark, digits, references, more = found.groups()
    kind = _TYPE.match(references)
    references = references[kind.end() :] if kind else references
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
        code=kind[0] if kind else "",
    )


def _balance(text: str) -> tuple[Money, date]:
    first, *rest = (re.sub(r"\s", "", part) for part in [*text.split("\n"), ""][:2])
    # Behind the last balance the framing of the next message may stand; a balance itself is seldom wrapped.
    found = _BALANCE.fullmatch(first) or _BALANCE.match(first + "".join(rest))
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
