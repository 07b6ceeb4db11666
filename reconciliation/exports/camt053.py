"""A CAMT.053 bank statement (version 001.02, which every package reads) of one account of ours."""

from collections.abc import Iterator
from typing import IO, ClassVar, Final

from reconciliation.exports.base import Books, Entry, major
from reconciliation.exports.markup import DECLARATION, element, optional
from reconciliation.exports.statement import account_of, kind_of, moved, statement_id
from reconciliation.exports.text import one_line

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
END_TO_END: Final = 35
INVOICE: Final = 35
NONE: Final = "NOTPROVIDED"


class Camt053:
    """One statement, with its opening and closing balance; each entry has one transaction with its own amount."""

    code: ClassVar[str] = "camt053"
    suffix: ClassVar[str] = "xml"
    media_type: ClassVar[str] = "application/xml"
    profiles: ClassVar[tuple[str, ...]] = ()
    of_one_account: ClassVar[bool] = True
    by_channel: ClassVar[bool] = False
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        out.write("".join(_head(books)).encode())
        for entry in entries:
            out.write(_entry(books, entry).encode())
        out.write(b"</Stmt></BkToCstmrStmt></Document>\n")


def _head(books: Books) -> Iterator[str]:
    account, name = account_of(books), statement_id(books, 35)
    # The statement's own day, not the clock's: importers date it by this.
    made = element("CreDtTm", f"{books.last.isoformat()}T23:59:59")
    yield f'{DECLARATION}<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
    yield f"<GrpHdr>{element('MsgId', name)}{made}</GrpHdr><Stmt>{element('Id', name)}"
    yield f"{element('ElctrncSeqNb', f'{books.last:%y%j}')}{made}<FrToDt>"
    yield element("FrDtTm", f"{books.first.isoformat()}T00:00:00") + element("ToDtTm", f"{books.last}T23:59:59")
    yield f"</FrToDt><Acct><Id><Othr>{element('Id', account.number, 34)}</Othr></Id>{element('Ccy', books.currency)}"
    yield f"{optional('Nm', one_line(account.name), 70)}<Ownr>{element('Nm', one_line(books.company.name), 70)}</Ownr>"
    yield "</Acct>"
    yield _balance(books, "OPBD", account.opening, books.first.isoformat())
    yield _balance(books, "CLBD", account.closing, books.last.isoformat())
    yield f"<TxsSummry><TtlNtries>{element('NbOfNtries', books.totals.entries)}</TtlNtries></TxsSummry>"


def _balance(books: Books, code: str, amount: int, day: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry>{element('Cd', code)}</CdOrPrtry></Tp>{_amount(books, amount)}{_side(amount)}"
        f"<Dt>{element('Dt', day)}</Dt></Bal>"
    )


def _entry(books: Books, entry: Entry) -> str:
    amount, day = moved(entry), f"{element('Dt', entry.book_date.isoformat())}"
    reference, text = one_line(entry.reference), one_line(entry.text)
    given = reference if 0 < len(reference) <= END_TO_END else NONE  # half a reference would be another's
    details = (
        f"<Refs>{element('AcctSvcrRef', entry.id)}{element('EndToEndId', given)}</Refs>"
        f"<AmtDtls><TxAmt>{_amount(books, amount)}</TxAmt></AmtDtls>"
        f"<RmtInf>{element('Ustrd', text, 140)}{_invoice(entry)}</RmtInf>"
    )
    return (
        f"<Ntry>{element('NtryRef', entry.id)}{_amount(books, amount)}{_side(amount)}{element('Sts', 'BOOK')}"
        f"<BookgDt>{day}</BookgDt><ValDt>{day}</ValDt>{element('AcctSvcrRef', entry.id)}"
        f"<BkTxCd><Prtry>{element('Cd', f'N{kind_of(entry)}')}{element('Issr', 'SWIFT')}</Prtry></BkTxCd>"
        f"<NtryDtls><TxDtls>{details}</TxDtls></NtryDtls>{optional('AddtlNtryInf', text, 500)}</Ntry>"
    )


def _invoice(entry: Entry) -> str:
    """The invoice as structured remittance, whole or not at all."""
    number = one_line(entry.invoice)
    if not 0 < len(number) <= INVOICE:
        return ""
    kind = f"<Tp><CdOrPrtry>{element('Cd', 'CINV')}</CdOrPrtry></Tp>"
    return f"<Strd><RfrdDocInf>{kind}{element('Nb', number)}</RfrdDocInf></Strd>"


def _amount(books: Books, amount: int) -> str:
    return f'<Amt Ccy="{books.currency}">{major(abs(amount), books.exponent)}</Amt>'


def _side(amount: int) -> str:
    return element("CdtDbtInd", "CRDT" if amount >= 0 else "DBIT")
