"""The books: accounts, postings, entries, the trial balance, what is open."""

import re
from typing import Annotated, Any, ClassVar, Final

from django.http import HttpResponse
from rest_framework.request import Request

from payments import object_index, payloads
from payments.api.inputs import Paging, Query
from payments.api.openapi import described
from payments.api.pagination import listing, read_cursor, write_cursor
from payments.api.schemas import (
    CURRENCY,
    DAY,
    ENTRY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    TEXT,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    page_of,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.core.errors import wrong
from payments.core.input_types import Day, Instant, text
from payments.ledger import balances, queries
from payments.ledger.models import Account, JournalEntry
from payments.ledger.queries import Position
from payments.queries import books

Shape = dict[str, Any]

POSTING_PLACE: Final = re.compile(r"\d{1,19}/jrn_[0-9a-z]{26}/\d{1,9}", re.ASCII)
ITEM_PLACE: Final = re.compile(r"\d{1,18}/\d{1,9}", re.ASCII)

ACCOUNT = define(
    "Account",
    record(
        id=identifier("acc"),
        object=word("account"),
        code=TEXT,
        name=TEXT,
        type=words(Account.Kind.values),
        currency=CURRENCY,
        balance=MINOR_UNITS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)
ACCOUNT_POSTING = define(
    "AccountPosting",
    record(
        entry=identifier("jrn"),
        event=TEXT,
        line=WHOLE,
        item=maybe(MINOR_UNITS),
        debit=MINOR_UNITS,
        credit=MINOR_UNITS,
        currency=CURRENCY,
        book_date=DAY,
        occurred_at=INSTANT,
        booked_at=INSTANT,
    ),
)
TRIAL_BALANCE = define(
    "TrialBalance",
    record(
        object=word("trial_balance"),
        date=maybe(DAY),
        known_at=maybe(INSTANT),
        currencies=many(
            record(
                currency=CURRENCY,
                rows=many(
                    record(account=identifier("acc"), code=TEXT, name=TEXT, debit=MINOR_UNITS, credit=MINOR_UNITS)
                ),
                total_debit=MINOR_UNITS,
                total_credit=MINOR_UNITS,
            )
        ),
    ),
)
OPEN_ITEM = define(
    "OpenItem",
    record(
        account=identifier("acc"),
        code=TEXT,
        item=MINOR_UNITS,
        object=maybe(TEXT),
        amount=MINOR_UNITS,
        currency=CURRENCY,
        since=INSTANT,
    ),
)


class EntriesQuery(Paging):
    """What the entries are about."""

    object: Annotated[str, text(64)] | None = None
    """Only entries of which any posting is about this object: the id of a payment, refund, chargeback, settlement
    or payout."""


class TrialBalanceQuery(Query):
    """Up to which book date, and as it was known when."""

    date: Day | None = None
    """Last book date that counts; today when left out."""
    known_at: Instant | None = None
    """The books as they stood at this time; as they are now when left out."""


class OpenItemsQuery(Paging):
    """On which account, by its id or code."""

    account: Annotated[str, text(100)] | None = None
    """Only what is open on this account, by its id or its code, as `customer_credit`."""


class LedgerView(ApiView):
    """The books are the merchant's: a key that may read them reads them for every channel."""

    scopes: ClassVar[dict[str, str]] = {"GET": "ledger:read"}

    def shape(self, row: JournalEntry) -> Shape:
        return books.entry(row, test_mode=self.caller.test_mode)


class Accounts(LedgerView):
    """All accounts with their balances."""

    @described("list_accounts", "Accounts of the ledger", {200: page_of(ACCOUNT)}, query=Paging, tag="Ledger")
    def get(self, request: Request) -> HttpResponse:
        """List the accounts of the ledger with their balances; debit is positive."""
        query = self.query(Paging)
        return self.page_of(books.accounts(self.caller.merchant_id), self._shapes, query)

    def _shapes(self, rows: list[Account]) -> list[Shape]:
        amounts = balances.balances([row.number for row in rows])
        names = books.names(row.code for row in rows)
        return [
            {
                "id": row.id,
                "object": "account",
                "code": row.code,
                "name": names[row.code],
                "type": row.kind,
                "currency": row.currency,
                "balance": amounts.get(row.number, 0),
                "created_at": payloads.instant(row.created_at),
                "test_mode": self.caller.test_mode,
            }
            for row in rows
        ]


class Postings(LedgerView):
    """What was posted to one account."""

    @described(
        "list_postings",
        "An account's postings",
        {200: page_of(ACCOUNT_POSTING)},
        query=Paging,
        refusals=[404],
        tag="Ledger",
    )
    def get(self, request: Request, account_id: str) -> HttpResponse:
        """List what was posted to one account, newest first."""
        query = self.query(Paging)
        account = self.one(books.accounts(self.caller.merchant_id), id=account_id)
        before = _position(query.cursor)
        rows = queries.account_postings(account.number, limit=query.limit + 1, before=before)
        shown = rows[: query.limit]
        place = f"{shown[-1].xid}/{shown[-1].entry_id}/{shown[-1].line}" if len(rows) > len(shown) else None
        data = [books.account_posting(row, account) for row in shown]
        return self.answer(listing(data, write_cursor(place) if place else None))


class Entries(LedgerView):
    """All entries, or those about one object."""

    @described("list_entries", "Journal entries, newest first", {200: page_of(ENTRY)}, query=EntriesQuery, tag="Ledger")
    def get(self, request: Request) -> HttpResponse:
        """List the entries of the journal; with `object`, those of which any posting is about it. What a refund owes
        the customer is booked about the refund, not about its payment: ask for each.
        """
        query = self.query(EntriesQuery)
        if query.object is not None:
            _refuse_unknown(query.object, self.caller.merchant_id)
        rows = books.entries(self.caller.merchant_id, about=query.object)
        return self.page(rows, self.shape, query)


def _refuse_unknown(object_id: str, merchant_id: str) -> None:
    """Refuse an id of which the books have nothing, lest an empty list pass for one without entries.

    Raises:
        ValidationFailed: it is of another kind, or there is no such object.
    """
    kind, known = object_id.partition("_")[0], object_index.booked_kinds()
    if kind not in known:
        raise wrong(
            "object", "invalid_choice", f"Send an id that begins with one of: {', '.join(f'{one}_' for one in known)}."
        )
    if not object_index.exists(kind, object_id, merchant_id=merchant_id):
        raise wrong("object", "not_found", "There is no such object. Check the id and the key's merchant.")


class OneEntry(LedgerView):
    """One entry."""

    @described("get_entry", "One entry", {200: ENTRY}, refusals=[404], tag="Ledger")
    def get(self, request: Request, entry_id: str) -> HttpResponse:
        """Return one entry of the journal with its postings."""
        self.no_query()
        return self.answer(self.shape(self.one(books.entries(self.caller.merchant_id), id=entry_id)))


class TrialBalance(LedgerView):
    """Debit and credit of every account, by currency."""

    @described("trial_balance", "The trial balance", {200: TRIAL_BALANCE}, query=TrialBalanceQuery, tag="Ledger")
    def get(self, request: Request) -> HttpResponse:
        """Return debit and credit of every account, by currency; each currency's totals are equal."""
        query = self.query(TrialBalanceQuery)
        date, known_at = query.date, query.known_at
        rows = balances.trial_balance(self.caller.merchant_id, date, known_at)
        return self.answer(
            {
                "object": "trial_balance",
                "date": payloads.day(date),
                "known_at": payloads.instant(known_at),
                "currencies": [_currency(currency, rows) for currency in sorted({row.currency for row in rows})],
            }
        )


class OpenItems(LedgerView):
    """What is open, on one account or on all."""

    @described("open_items", "What is open", {200: page_of(OPEN_ITEM)}, query=OpenItemsQuery, tag="Ledger")
    def get(self, request: Request) -> HttpResponse:
        """List what is still open on accounts, with the object that it is about."""
        query = self.query(OpenItemsQuery)
        before = _item(query.cursor)
        limit = query.limit
        rows = balances.open_items(self.caller.merchant_id, query.account, limit=limit + 1, before=before)
        shown = rows[:limit]
        objects = object_index.objects_of({row.item for row in shown})
        data = [
            {
                "account": row.account_id,
                "code": row.code,
                "item": row.item,
                "object": objects.get(row.item),
                "amount": row.amount,
                "currency": row.currency,
                "since": payloads.instant(row.since),
            }
            for row in shown
        ]
        place = f"{shown[-1].item}/{shown[-1].number}" if len(rows) > limit else None
        return self.answer(listing(data, write_cursor(place) if place else None))


def _currency(currency: str, rows: list[balances.AccountBalance]) -> Shape:
    own = [row for row in rows if row.currency == currency]
    names = books.names(row.code for row in own)
    return {
        "currency": currency,
        "rows": [
            {
                "account": row.id,
                "code": row.code,
                "name": names[row.code],
                "debit": row.debit,
                "credit": row.credit,
            }
            for row in own
        ],
        "total_debit": sum(row.debit for row in own),
        "total_credit": sum(row.credit for row in own),
    }


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    xid, entry_id, line = read_cursor(cursor, is_place=lambda text: bool(POSTING_PLACE.fullmatch(text))).split("/")
    return Position(int(xid), entry_id, int(line))


def _item(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    item, number = read_cursor(cursor, is_place=lambda text: bool(ITEM_PLACE.fullmatch(text))).split("/")
    return int(item), int(number)
