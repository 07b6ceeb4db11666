"""CODA, the coded statement of Belgian banks (version 2): records of 128 characters at fixed places.

0 opens the file, 1 the statement with its old balance; 2.1, 2.2 and 2.3 are a movement, 3.x say more about it, 4 is
free text; 8 has the new balance and 9 the totals. Amounts have three decimals without a point. Of a movement that
stands for several (globalisation) the details have numbers of their own: their sum is the movement's, which alone
counts; they are kept beside it with names and texts, without an amount.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import BinaryIO, ClassVar, Final

from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from reconciliation.formats.base import (
    Kind,
    Problem,
    Record,
    StatementHeader,
    StatementLine,
    StatementTrailer,
    Sums,
    Unreadable,
    guarded,
)
from reconciliation.formats.text import head_text, lenient_lines

WIDTH: Final = 128
LONGEST_TEXT: Final = 2000
_FIRST: Final = re.compile(r"\s*0{5}[0-9]{6}[0-9 ]{3}05[D ]")
_STRUCTURED: Final = re.compile(r"10[12]([0-9]{3})([0-9]{4})([0-9]{5})")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_MASTER: Final = "0000"  # the detail number of a movement itself


class Coda:
    """Reads every statement of the file."""

    code: ClassVar[str] = "coda"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It begins with the record that opens such a file."""
        return _FIRST.match(head_text(head)) is not None

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(_read(stream))


@dataclass(frozen=True, slots=True)
class _Record:
    """One line; places are counted from 1, as the banks' federation does."""

    line: int
    text: str

    def at(self, first: int, last: int) -> str:
        return self.text[first - 1 : last]

    def money(self, sign: int, currency: str) -> Money:
        """The sign at a place and the fifteen digits behind it.

        Raises:
            ValueError: they are none, or a fraction of the currency's smallest unit.
        """
        mark, digits = self.at(sign, sign), self.at(sign + 1, sign + 15)
        if mark not in ("0", "1") or not digits.isascii() or not digits.isdigit():
            raise ValueError(f"{mark + digits!r} at place {sign} is no amount with its sign")
        amount = Money.from_decimal(Decimal(digits).scaleb(-3), currency)
        if amount.amount > MAX_AMOUNT:
            raise ValueError(f"{amount} is beyond what can be booked")
        return amount if mark == "0" else -amount

    def day(self, first: int) -> date | None:
        """DDMMYY at a place, None for zeros.

        Raises:
            ValueError: it is no day.
        """
        written = self.at(first, first + 5)
        if written == "000000":
            return None
        try:
            return date(2000 + int(written[4:]), int(written[2:4]), int(written[:2]))
        except ValueError:
            raise ValueError(f"{written!r} at place {first} is no day (DDMMYY)") from None


@dataclass(slots=True)
class _Statement:
    """One statement while its records stream by."""

    header: StatementHeader
    sums: Sums
    held: StatementLine | None = None  # until all records of the movement have come
    texts: list[str] = field(default_factory=list)  # of the movement's communication, in pieces
    structured: bool = False
    master: StatementLine | None = None  # until its details have come
    debit: int = 0
    credit: int = 0


def _read(stream: BinaryIO) -> Iterator[Record]:
    statement: _Statement | None = None
    closed = ended = False
    for number, text in lenient_lines(stream):
        if not text.strip():
            continue
        record = _Record(number, text.ljust(WIDTH))
        if len(text) > WIDTH:
            raise Unreadable(number, "record_invalid", f"Line {number} is longer than the {WIDTH} places of CODA.")
        try:
            kind = record.at(1, 1)
            if kind == "1":
                statement = _opened(record)
                yield statement.header
                closed = False
            elif kind in ("2", "3", "8", "9") and statement is not None:
                yield from _taken(record, statement)
                closed = closed or kind == "8"
            elif kind not in ("0", "4"):
                raise Unreadable(number, "record_invalid", f"Line {number} stands where no such record can stand.")
        except ValueError as fault:
            yield Problem(number, "record_invalid", f"Line {number}: {fault}.")
        if kind == "9":
            statement = None
        ended = kind == "9" and record.at(WIDTH, WIDTH) in ("1", "2")  # whether another file follows
    if not closed or not ended:
        detail = "The file ends without its new balance and its totals (records 8 and 9). Fetch it again from the bank."
        raise Unreadable(None, "file_truncated", detail)


def _opened(record: _Record) -> _Statement:
    currency = record.at(40, 42) if record.at(2, 2) in ("2", "3") else record.at(19, 21)
    named = record.at(6, 39) if record.at(2, 2) in ("2", "3") else record.at(6, 17)
    if currency not in EXPONENTS:
        raise Unreadable(record.line, "currency_unknown", f"{currency!r} is no ISO 4217 currency.")
    opening = record.money(43, currency)
    header = StatementHeader(
        line=record.line,
        reference="",
        account=named.strip(),
        sequence=record.at(3, 5),
        currency=currency,
        opening=opening,
        opened_on=record.day(59),
    )
    statement = _Statement(header, Sums(currency))
    statement.sums.add(closing=opening)
    return statement


def _taken(record: _Record, statement: _Statement) -> Iterator[Record]:
    match record.at(1, 2):
        case "21":
            yield from _released(statement)
            statement.held = _movement(record, statement)
            statement.structured = record.at(62, 62) == "1"
            statement.texts = [record.at(63, 115)]
        case "22" if statement.held is not None:
            statement.texts.append(record.at(11, 63))
            customer = record.at(64, 98).strip()
            statement.held = replace(statement.held, end_to_end_id="" if customer == "NOTPROVIDED" else customer)
        case "23" if statement.held is not None:
            account = record.at(11, 44).split(" ")[0]
            statement.texts.append(record.at(83, 125))
            statement.held = replace(
                statement.held,
                counterparty_iban=account if _IBAN.fullmatch(account) else "",
                counterparty_name=record.at(48, 82).strip(),
            )
        case "31" | "32" | "33":
            _add_information(record, statement)
        case code if code[0] == "8":
            yield from _released(statement)
            yield from _master(statement)
            yield from _closed(record, statement)
        case code if code[0] == "9":
            yield from _totals(record, statement)


def _movement(record: _Record, statement: _Statement) -> StatementLine:
    amount = record.money(32, statement.header.currency)
    booked_on, valued_on = record.day(116), record.day(48)
    if booked_on is None:
        raise ValueError("the movement has no entry date")
    master = record.at(7, 10) == _MASTER
    if master:
        statement.sums.add(closing=amount)
        statement.debit += -min(amount.amount, 0)
        statement.credit += max(amount.amount, 0)
    return StatementLine(
        line=record.line,
        amount=amount if master else Money(0, amount.currency),
        booked_on=booked_on,
        valued_on=valued_on,
        bank_reference=record.at(11, 31).strip(),
        batch="" if master else record.at(3, 6),
        code=record.at(54, 61).strip(),
    )


def _add_information(record: _Record, statement: _Statement) -> None:
    """What 3.x says belongs to the movement before it: its counterparty's name, or more text."""
    if statement.held is None:
        return
    first, last = (41, 113) if record.at(2, 2) == "1" else (11, 115) if record.at(2, 2) == "2" else (11, 100)
    text = record.at(first, last)
    if record.at(2, 2) == "1" and record.at(40, 40) == "1":
        text = text[3:]  # 001 and the like: which kind of information it is
    statement.texts.append(f" {text}")


def _released(statement: _Statement) -> Iterator[Record]:
    """The movement whose records have all come; a master waits for its details."""
    line, statement.held = statement.held, None
    if line is None:
        return
    line = replace(line, remittance=_communication(statement))
    if line.batch:
        yield line
    else:
        yield from _master(statement)
        statement.master = line


def _master(statement: _Statement) -> Iterator[Record]:
    if statement.master is not None:
        yield statement.master
    statement.master = None


def _communication(statement: _Statement) -> str:
    text = "".join(statement.texts)
    payment = _STRUCTURED.match(text) if statement.structured else None
    if payment is not None:
        text = f"+++{payment[1]}/{payment[2]}/{payment[3]}+++{text[payment.end() :]}"
    return " ".join(text.split())[:LONGEST_TEXT]


def _closed(record: _Record, statement: _Statement) -> Iterator[Record]:
    closing = record.money(42, statement.header.currency)
    for difference in statement.sums.differences(closing=closing):
        detail = f"Statement {statement.header.sequence}: {difference}. Fetch it again from the bank."
        yield Problem(record.line, "sums_differ", detail)
    yield StatementTrailer(record.line, closing, record.day(58))


def _totals(record: _Record, statement: _Statement) -> Iterator[Record]:
    """What left and what came in, each as one sum."""
    stated = [record.at(23, 37), record.at(38, 52)]
    exponent = EXPONENTS[statement.header.currency]
    made = [Decimal(one).scaleb(3 - exponent) for one in (statement.debit, statement.credit)]
    if not all(digits.isdigit() for digits in stated):
        raise ValueError("the totals (record 9) are no amounts")
    if [Decimal(digits) for digits in stated] != made:
        detail = "The totals of record 9 are not what its movements make. Fetch it again from the bank."
        yield Problem(record.line, "sums_differ", detail)
