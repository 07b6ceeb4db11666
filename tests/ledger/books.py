"""The ledger's own small cast: accounts of one shop, and what is booked on them."""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import count
from time import monotonic, sleep

import psycopg

from payments.core.ids import new_id
from payments.ledger.fold import age, fold_all
from payments.ledger.posting import AccountSpec, Entry, Line, credit, debit, post

ZONE = "Europe/Amsterdam"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FRIDAY = date(2026, 11, 20)

RECEIVABLE = AccountSpec("receivable:pac_web", "asset", "EUR", item_required=True)
PAYABLE = AccountSpec("refunds_payable", "liability", "EUR", item_required=True)
TAKINGS = AccountSpec("takings:chn_web", "income", "EUR")
RETURNS = AccountSpec("returns:chn_web", "income", "EUR")
FEES = AccountSpec("fees:pac_web", "expense", "EUR")
DOLLARS = AccountSpec("exchange", "asset", "USD")
DOLLAR_TAKINGS = AccountSpec("takings:chn_web", "income", "USD")

_numbers = count(1)


def new_merchant() -> str:
    return new_id("mer")


def entry(merchant: str, *lines: Line, key: str | None = None, at: datetime = NOON, **more: str) -> Entry:
    return Entry(
        key=key or f"test:{next(_numbers)}:{merchant}",
        event=more.pop("event", "captured"),
        merchant_id=merchant,
        occurred_at=at,
        timezone=ZONE,
        lines=lines,
        **more,
    )


def sale(merchant: str, amount: int = 1250, *, item: int = 1, key: str | None = None, at: datetime = NOON) -> Entry:
    return entry(merchant, debit(RECEIVABLE, amount, item), credit(TAKINGS, amount), key=key, at=at)


def book(merchant: str, *amounts: int, item: int = 1) -> list[str]:
    """Book one sale of each amount and return the ids of the entries."""
    return [posted.id for posted in post([sale(merchant, amount, item=item) for amount in amounts])]


def fold_everything(limit: int = 1000) -> None:
    """Fold until nothing is left: whoever writes anywhere on the server, in other databases too, is waited for."""
    deadline = monotonic() + 60
    while age() > 0:
        assert monotonic() < deadline, "somebody's transaction never ends"
        if not fold_all(limit):
            sleep(0.01)


def tampering(*statements: str) -> None:
    """Change the books as nobody may: as the owner of the tables, with every guard switched off."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        tables = ["ledger_account", "ledger_journalentry", "ledger_posting", "ledger_bookday"]
        _each(owner, "ALTER TABLE {} DISABLE TRIGGER USER", tables)
        _each(owner, "{}", statements)
        _each(owner, "ALTER TABLE {} ENABLE TRIGGER USER", tables)


def as_owner(statement: str) -> None:
    """Run a statement as the owner of the tables, with the guards in place."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(statement)


def _each(connection: psycopg.Connection, statement: str, values: Iterable[str]) -> None:
    for value in values:
        connection.execute(statement.replace("{}", value))
