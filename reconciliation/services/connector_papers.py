"""What a document says: a journal or a statement as the package takes it, the same at every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Final

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from payments.core.money import EXPONENTS
from payments.models import Merchant
from reconciliation.connectors.base import InvoicePayment, Journal, Line, Refused, Statement, StatementLine
from reconciliation.exports.base import Account, Books, Entry, Totals
from reconciliation.exports.base import Line as ExportLine
from reconciliation.exports.camt053 import Camt053
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import export_texts
from reconciliation.services.account_mapping import MappedAccount, mapped_accounts
from reconciliation.services.export_books import company_of
from reconciliation.sql import connectors as sql

_CAMT: Final = Camt053()
SALE: Final = "captured"  # the event of an entry by which a customer pays


def journal(document: ConnectorDocument, connector: Connector) -> Journal:
    """A day, summed up per account and side.

    Raises:
        Refused: `currency_not_booked`, `account_unmapped`.
    """
    merchant = connector.merchant
    if document.currency != merchant.currency:
        raise Refused("currency_not_booked", document.currency)
    sums, mapped = sql.summed(document.id), mapped_accounts(merchant)
    unmapped = sorted({mapped[one.code].title for one in sums if not mapped[one.code].mapped})
    if unmapped:
        raise Refused("account_unmapped", ", ".join(unmapped))
    return Journal(
        key=document.key,
        date=document.book_date,
        currency=document.currency,
        description=_description(document, merchant),
        lines=[Line(mapped[one.code].code, one.amount, mapped[one.code].name) for one in sums],
    )


def statement(document: ConnectorDocument, connector: Connector) -> Statement:
    """What was booked on one account since the statement before, as lines and as a CAMT.053 file."""
    merchant = connector.merchant
    account = mapped_accounts(merchant)[document.account]
    opening, rows = sql.opening(document.id), sql.changed(document.id)
    with translation.override(merchant.language):
        named = export_texts.named([export_texts.Described(row.id, row.key, row.event, row.items) for row in rows])
        texts = {row.id: export_texts.sentence(row.event, named[row.id]) for row in rows}
    lines = [
        StatementLine(row.id, row.book_date, row.amount, texts[row.id], _paid(row, named[row.id].invoice))
        for row in rows
    ]
    plain = Statement(
        key=document.key,
        account=account.number,
        date=document.book_date,
        currency=document.currency,
        opening=opening,
        closing=opening + sum(row.amount for row in rows),
        lines=lines,
        file=b"",
    )
    return replace(plain, file=_camt(plain, account, merchant, rows, named))


def invoice_payment(document: ConnectorDocument, connector: Connector) -> InvoicePayment:
    """A sale that pays an invoice.

    Raises:
        Refused: as `journal`.
    """
    merchant = connector.merchant
    if document.currency != merchant.currency:
        raise Refused("currency_not_booked", document.currency)
    account = mapped_accounts(merchant)[document.account]
    if not account.mapped:
        raise Refused("account_unmapped", account.title)
    (row,) = sql.changed(document.id)
    with translation.override(merchant.language):
        about = export_texts.named([export_texts.Described(row.id, row.key, row.event, row.items)])[row.id]
        text = export_texts.sentence(row.event, replace(about, invoice=document.invoice))
    return InvoicePayment(
        key=document.key,
        date=document.book_date,
        currency=document.currency,
        account=account.code,
        amount=-row.amount,  # what was sold is credited
        invoice=document.invoice,
        description=text,
    )


def _paid(row: sql.Changed, invoice: str) -> str:
    """The invoice that a sale pays; what goes out of the account, or settles others, pays none."""
    return invoice if row.event == SALE and row.amount > 0 else ""


def _camt(
    plain: Statement,
    mapped: MappedAccount,
    merchant: Merchant,
    rows: Sequence[sql.Changed],
    named: Mapping[str, export_texts.Named],
) -> bytes:
    """The same statement as a bank would tell it."""
    account = mapped.stood(plain.opening, plain.closing)
    entries = (
        Entry(
            id=row.id,
            key=row.key,
            event=row.event,
            book_date=row.book_date,
            journal=mapped.journal,
            reference=named[row.id].reference,
            text=line.description,
            invoice=named[row.id].invoice,
            lines=[ExportLine(account, row.amount)],
        )
        for row, line in zip(rows, plain.lines, strict=True)
    )
    out = BytesIO()
    _CAMT.write(out, _books(plain, account, merchant), entries)
    return out.getvalue()


def _books(plain: Statement, account: Account, merchant: Merchant) -> Books:
    amounts = [line.amount for line in plain.lines]
    return Books(
        company=company_of(merchant),
        currency=plain.currency,
        exponent=EXPONENTS[plain.currency],
        first=min(line.date for line in plain.lines),
        last=plain.date,
        profile="",
        accounts=(account,),
        totals=Totals(
            entries=len(amounts),
            postings=len(amounts),
            debit=sum(amount for amount in amounts if amount > 0),
            credit=-sum(amount for amount in amounts if amount < 0),
            booked_on=None,
        ),
        statement_of=account,
    )


def _description(document: ConnectorDocument, merchant: Merchant) -> str:
    with translation.override(merchant.language):
        day = date_format(document.book_date, "SHORT_DATE_FORMAT")
        if document.number == 1:
            return _("Onetill, day %(day)s") % {"day": day}
        return _("Onetill, day %(day)s, addition %(number)s") % {"day": day, "number": document.number}
