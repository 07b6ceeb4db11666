"""What the ISO 20022 bank-to-customer messages share: statement (053), report (052), notification (054).

Namespaces differ by version and most paths do not; where they do, both are looked for. Amounts are unsigned beside
`CdtDbtInd`, which tells the real direction even of a reversal. A batch entry counts by its transactions, never by its
total; together with the charges that it or they state they must make that total, and the charges are a line of their
own. Where a bank tells a batch's total alone that is one line, and its transactions are kept beside it with names and
references, without an amount.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO, Final

from lxml.etree import QName
from lxml.etree import _Element as Element

from payments.core.money import EXPONENTS, Money
from reconciliation.formats import camt_elements as at
from reconciliation.formats.base import (
    Problem,
    Record,
    StatementHeader,
    StatementLine,
    StatementTrailer,
    Sums,
    Unreadable,
)
from reconciliation.formats.camt_transaction import details_of, own_amount
from reconciliation.formats.markup import events, free, line_of
from reconciliation.formats.text import head_text

OPENING: Final = ("OPBD", "PRCD", "ITBD")
CLOSING: Final = ("CLBD", "ITBD")
LONGEST_TEXT: Final = 2000
# Austrian and Swiss banks send the same message in namespaces of their own, which name it too.
_NAMESPACE: Final = re.compile(r"xmlns(?::[\w.-]+)?\s*=\s*[\"'][^\"']*?(camt\.[0-9]{3}\.[0-9]{3}\.[0-9]{2})")
# A schema and a manual name the same namespace, but neither is a message.
_MESSAGE: Final = re.compile(r"\ufeff?\s*(?=<).*?<(?:[A-Za-z_][\w.-]*:)?Document[\s>]", re.DOTALL)


def declared(head: bytes) -> str:
    """The message a file's head declares by its namespace, as "camt.053.001.08", else an empty string."""
    text = head_text(head)
    match = _NAMESPACE.search(text) if _MESSAGE.match(text) else None
    return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class Message:
    """How one of the messages names its parts."""

    root: str  # BkToCstmrStmt …
    part: str  # Stmt, Rpt, Ntfctn
    balances: bool  # whether opening and entries must make closing


def read(stream: BinaryIO, message: Message) -> Iterator[Record]:
    """Yield every statement of the file.

    Raises:
        Unreadable: what is no XML of this message, or is cut off.
    """
    reader = _Reader(message)
    before = 0
    for event, element in events(stream, ("Document", message.root, message.part, "Ntry", "TxDtls")):
        if event == "start":
            continue
        try:
            name = QName(element).localname
            yield from reader.end(name, element)
            if name == "Document" and reader.parts == before:
                detail = f"A document has no {message.part} within {message.root}: it is none of this format."
                raise Unreadable(line_of(element), "xml_invalid", detail)
            before = reader.parts if name == "Document" else before
        except ValueError as fault:
            reader.faulty = True  # that the sums differ follows from it, and is not named beside it
            yield Problem(line_of(element), "record_invalid", f"Line {line_of(element)}: {fault}.")
    if not reader.parts:
        raise Unreadable(None, "xml_invalid", f"The file has no {message.part} within {message.root}.")


@dataclass(slots=True)
class _Part:
    """One statement while its entries stream by."""

    header: StatementHeader
    closing: Money | None
    closed_on: date | None
    made_on: date | None  # the day of an entry that names none
    sums: Sums


@dataclass(slots=True)
class _Entry:
    """One `Ntry` while its transactions stream by. Charges are signed: what the bank took is negative."""

    line: StatementLine
    charges: int
    booked: bool
    charges_of_transactions: int = 0
    seen: int = 0
    without_amount: int = 0
    total: int = 0
    held: StatementLine | None = None  # the first transaction: alone, it may take the entry's amount and text
    texts: str = ""  # of transactions without an amount, by which their total may be recognized

    def is_explained(self, rest: int) -> bool:
        """Whether what the transactions leave of the entry is nothing, or the charges that were stated."""
        own, theirs = self.charges, self.charges_of_transactions
        return rest in (0, own, theirs, own + theirs)


@dataclass(slots=True)
class _Reader:
    message: Message
    parts: int = 0
    part: _Part | None = None
    entry: _Entry | None = None
    faulty: bool = False
    skipping: Element | None = None  # an entry that was found wrong is named once

    def end(self, name: str, element: Element) -> Iterator[Record]:
        if name == "TxDtls":
            yield from self._transaction(element, next(element.iterancestors("{*}Ntry")))
            free(element)
        elif name == "Ntry":
            yield from self._entry(element)
            free(element)
        elif name == self.message.part:
            yield from self._part(element)
            free(element)

    def _transaction(self, element: Element, entry: Element) -> Iterator[Record]:
        yield from self._open(entry)
        if self.entry is not None:
            yield from _transaction(element, self.entry)

    def _entry(self, element: Element) -> Iterator[Record]:
        yield from self._open(element)
        entry, self.entry, self.skipping = self.entry, None, None
        if entry is not None and entry.booked and self.part is not None:
            self.part.sums.add(closing=entry.line.amount)
            yield from _closed(entry, at.text(element, "AddtlNtryInf"))

    def _part(self, element: Element) -> Iterator[Record]:
        yield from self._begin(element)
        part, self.part = self.part, None
        if part is not None:
            yield from () if self.faulty else _checked(part, self.message)
            self.faulty = False
            yield StatementTrailer(line_of(element), part.closing, part.closed_on)

    def _open(self, element: Element) -> Iterator[Record]:
        """Begin an entry when the first of its transactions, or its end, has come by."""
        parent = element.getparent()
        if self.entry is None and self.skipping is not element and parent is not None:
            yield from self._begin(parent)
            self.skipping = element
            self.entry = _entry(element, self.part, self.message) if self.part else None

    def _begin(self, element: Element) -> Iterator[Record]:
        if self.part is None:
            self.parts += 1
            self.part = _part(element, self.message)
            yield self.part.header


def _part(element: Element, message: Message) -> _Part:
    try:
        opening, closing = _balances(element)
        if message.balances and (opening is None or closing is None):
            detail = "A statement lacks its booked opening (OPBD) or closing (CLBD) balance and cannot be checked."
            raise Unreadable(line_of(element), "balance_missing", detail)
        header = _header(element, opening if message.balances else None)
        closed_on = at.day(closing, "Dt") if closing is not None else None
        return _Part(
            header=header,
            closing=at.signed(closing) if message.balances and closing is not None else None,
            closed_on=closed_on,
            made_on=closed_on or at.moment_day(element, "CreDtTm"),
            sums=Sums(header.currency),
        )
    except ValueError as fault:
        raise Unreadable(line_of(element), "record_invalid", f"Line {line_of(element)}: {fault}.") from None


def _balances(element: Element) -> tuple[Element | None, Element | None]:
    """The balances a statement opens and closes with: of several of one code the earliest and the latest."""
    found: dict[str, list[Element]] = {}
    for balance in at.every(element, "Bal"):
        found.setdefault(at.text(balance, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry"), []).append(balance)
    for balances in found.values():
        balances.sort(key=lambda one: at.day(one, "Dt") or date.min)  # of one day: in the file's order
    opening = next((found[code][0] for code in OPENING if code in found), None)
    closing = next((found[code][-1] for code in CLOSING if code in found), None)
    return (None, None) if opening is closing else (opening, closing)


def _header(element: Element, opening: Element | None) -> StatementHeader:
    account = re.sub(r"\s", "", at.text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id")).upper()
    if not account:
        raise ValueError("the statement does not name its account")
    amount = at.signed(opening) if opening is not None else None
    entry = at.first(element, "Ntry/Amt")
    stated = at.text(element, "Acct/Ccy") or (amount.currency if amount else "")
    currency = stated or (entry.get("Ccy", "") if entry is not None else "")
    if currency and currency not in EXPONENTS:
        raise ValueError(f"{currency!r} is no ISO 4217 currency")
    if amount is not None and amount.currency != currency:
        detail = f"The statement is of an account in {currency} and opens with a balance in {amount.currency}."
        raise Unreadable(line_of(element), "currency_differs", detail)
    return StatementHeader(
        line=line_of(element),
        reference=at.text(element, "Id"),
        account=account,
        sequence=at.text(element, "ElctrncSeqNb", "LglSeqNb"),
        currency=currency,
        opening=amount,
        opened_on=at.day(opening, "Dt") if opening is not None else None,
    )


def _entry(element: Element, part: _Part, message: Message) -> _Entry:
    amount, currency = at.signed(element), part.header.currency
    if amount.currency != currency:
        raise ValueError(f"the entry is in {amount.currency}, the account in {currency}")
    booked_on = at.day(element, "BookgDt") or at.day(element, "ValDt") or part.made_on
    if booked_on is None:
        raise ValueError("the entry has no booking date (BookgDt)")
    line = StatementLine(
        line=line_of(element),
        amount=amount,
        booked_on=booked_on,
        valued_on=at.day(element, "ValDt"),
        reversal=at.text(element, "RvslInd") in ("true", "1"),
        bank_reference=at.text(element, "AcctSvcrRef", "NtryRef"),
        batch=at.text(element, "NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId"),
        code=at.code(element),
    )
    # What is pending is no part of a statement's balance.
    booked = not message.balances or at.text(element, "Sts/Cd", "Sts") in ("", "BOOK")
    return _Entry(line, at.charges(element, currency), booked=booked)


def _transaction(element: Element, entry: _Entry) -> Iterator[Record]:
    amount = own_amount(element, entry.line.amount)
    line = details_of(element, entry.line, amount)
    entry.seen += 1
    entry.total += amount.amount if amount else 0
    entry.charges_of_transactions += at.charges(element, entry.line.amount.currency)
    if amount is None:
        entry.without_amount += 1
        entry.texts = f"{entry.texts} {line.remittance} {line.end_to_end_id}".strip()[:LONGEST_TEXT]
    if entry.seen == 1:
        entry.held = line
    elif entry.booked:
        if entry.seen == 2 and entry.held is not None:
            yield entry.held
        yield line


def _closed(entry: _Entry, remittance: str) -> Iterator[Record]:
    """What an entry's end still brings: a lone transaction, an entry without any, or what a batch leaves over."""
    total = entry.line.amount
    rest = Money(total.amount - entry.total, total.currency)
    if entry.held is not None and entry.seen == 1:
        yield from _lone(entry, entry.held, rest, remittance)
    elif entry.seen == entry.without_amount:
        yield replace(entry.line, remittance=remittance or entry.texts, batch=entry.held.batch if entry.held else "")
    elif entry.without_amount or not entry.is_explained(rest.amount):
        detail = f"the entry is {total} but its transactions make {Money(entry.total, total.currency)}"
        yield Problem(
            entry.line.line, "sums_differ", f"Line {entry.line.line}: {detail}. Fetch it again from the bank."
        )
    elif rest.amount:
        yield replace(entry.line, amount=rest, remittance=remittance)


def _lone(entry: _Entry, only: StatementLine, rest: Money, remittance: str) -> Iterator[Record]:
    """The one transaction of an entry: the entry's amount is what moved, unless charges tell the two apart."""
    line = replace(only, remittance=only.remittance or remittance)
    if entry.without_amount or not rest.amount or not entry.is_explained(rest.amount):
        yield replace(line, amount=entry.line.amount)
    else:
        yield line
        yield replace(entry.line, amount=rest, remittance=remittance)


def _checked(part: _Part, message: Message) -> Iterator[Record]:
    if not message.balances or part.header.opening is None or part.closing is None:
        return
    part.sums.add(closing=part.header.opening)
    for difference in part.sums.differences(closing=part.closing):
        detail = f"Statement {part.header.reference}: {difference}. Fetch it again from the bank."
        yield Problem(part.header.line, "sums_differ", detail)
