"""The bank behind the simulator: CAMT.053.001.02 statements in which its payouts arrive."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec
from lxml import etree

from config.sandbox.psp.names import moment, written
from config.sandbox.psp.sql import Store
from payments.core.errors import NotFound
from payments.core.money import EXPONENTS, Money

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
PAYER: Final = "Simulator Payments B.V."
PAYER_IBAN: Final = "NL91ABNA0417164300"


class BankLine(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One transaction at the bank, signed: money in is positive."""

    amount: int
    name: str
    remittance: str = ""
    iban: str | None = None
    end_to_end_id: str = "NOTPROVIDED"


class StatementRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /statements: the next statement of a bank account, with these payouts and other lines."""

    iban: str
    date: date
    currency: str = "EUR"
    payouts: list[str] = []
    lines: list[BankLine] = []
    opening: int = 0  # of the very first statement; each further one opens where the last one closed

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS or not self.iban.isalnum():
            raise ValueError("currency is an ISO 4217 code, iban letters and digits")


def next_statement(store: Store, request: StatementRequest) -> bytes:
    """Close the account's next statement: it opens where the last one closed, one number on.

    Raises:
        NotFound: a payout that was never announced.
    """
    with store.transaction():
        last = store.last_statement(request.iban)
        sequence, opening = (last["sequence"] + 1, last["closing"]) if last else (1, request.opening)
        lines = [_payout(store, name) for name in request.payouts] + request.lines
        closing = opening + sum(line.amount for line in lines)
        store.add("statements", iban=request.iban, sequence=sequence, closing=closing)
    return statement(
        iban=request.iban, currency=request.currency, day=request.date, sequence=sequence, opening=opening, lines=lines
    )


def statement(*, iban: str, currency: str, day: date, sequence: int, opening: int, lines: Sequence[BankLine]) -> bytes:
    """Write one statement: opening balance, an entry a line, closing balance."""
    root = etree.Element("Document", xmlns=NAMESPACE)  # written out, it is the namespace of all below
    message = etree.SubElement(root, "BkToCstmrStmt")
    created = written(moment())
    _texts(etree.SubElement(message, "GrpHdr"), MsgId=f"{iban[-10:]}-{sequence}", CreDtTm=created)
    part = etree.SubElement(message, "Stmt")
    _texts(part, Id=f"{iban}-{day:%Y%m%d}-{sequence}", ElctrncSeqNb=str(sequence), CreDtTm=created)
    account = etree.SubElement(part, "Acct")
    _texts(etree.SubElement(account, "Id"), IBAN=iban)
    _texts(account, Ccy=currency)
    closing = opening + sum(line.amount for line in lines)
    for code, amount in (("OPBD", opening), ("CLBD", closing)):
        _balance(part, code, Money(amount, currency), day)
    for number, line in enumerate(lines, 1):
        _entry(part, line, currency, day, f"{sequence:05}-{number:05}")
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _payout(store: Store, name: str) -> BankLine:
    row = store.find("settlements", "payout_reference", name)
    if row is None:
        raise NotFound(f"There is no payout {name}.")
    return BankLine(
        amount=row["net"],
        name=PAYER,
        iban=PAYER_IBAN,
        end_to_end_id=name,
        remittance=f"{name} settlement {row['reference']}",
    )


def _balance(part: etree._Element, code: str, amount: Money, day: date) -> None:
    balance = etree.SubElement(part, "Bal")
    _texts(etree.SubElement(etree.SubElement(balance, "Tp"), "CdOrPrtry"), Cd=code)
    _signed(balance, amount)
    _texts(etree.SubElement(balance, "Dt"), Dt=day.isoformat())


def _entry(part: etree._Element, line: BankLine, currency: str, day: date, number: str) -> None:
    entry = etree.SubElement(part, "Ntry")
    _signed(entry, Money(line.amount, currency))
    _texts(entry, Sts="BOOK")
    for name in ("BookgDt", "ValDt"):
        _texts(etree.SubElement(entry, name), Dt=day.isoformat())
    _texts(entry, AcctSvcrRef=number)
    domain = etree.SubElement(etree.SubElement(entry, "BkTxCd"), "Domn")
    _texts(domain, Cd="PMNT")
    _texts(etree.SubElement(domain, "Fmly"), Cd="RCDT" if line.amount >= 0 else "ICDT", SubFmlyCd="ESCT")
    _details(etree.SubElement(etree.SubElement(entry, "NtryDtls"), "TxDtls"), line)


def _details(details: etree._Element, line: BankLine) -> None:
    _texts(etree.SubElement(details, "Refs"), EndToEndId=line.end_to_end_id)
    parties = etree.SubElement(details, "RltdPties")
    party = "Dbtr" if line.amount >= 0 else "Cdtr"
    _texts(etree.SubElement(parties, party), Nm=line.name)
    if line.iban:
        _texts(etree.SubElement(etree.SubElement(parties, f"{party}Acct"), "Id"), IBAN=line.iban)
    if line.remittance:
        _texts(etree.SubElement(details, "RmtInf"), Ustrd=line.remittance)


def _signed(element: etree._Element, amount: Money) -> None:
    shown = etree.SubElement(element, "Amt", Ccy=amount.currency)
    shown.text = f"{abs(amount.to_decimal()):f}"
    _texts(element, CdtDbtInd="CRDT" if amount.amount >= 0 else "DBIT")


def _texts(element: etree._Element, **texts: str) -> None:
    for name, text in texts.items():
        etree.SubElement(element, name).text = text
