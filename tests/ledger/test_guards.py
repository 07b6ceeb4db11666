"""What PostgreSQL itself refuses, whoever asks: the application's role by its rights, the owner by triggers."""

from collections.abc import Callable

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from payments.core.ids import new_id
from payments.ledger import accounts, days, posting
from payments.ledger.errors import BooksRefused, DayClosed
from payments.ledger.models import Account, JournalEntry, Posting
from payments.ledger.posting import credit, debit, post
from tests.ledger.books import (
    DOLLAR_TAKINGS,
    FRIDAY,
    RECEIVABLE,
    TAKINGS,
    as_owner,
    book,
    entry,
    new_merchant,
)

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = """
    WITH e AS (
        INSERT INTO ledger_journalentry (id, key, event, merchant_id, book_date, occurred_at, booked_at, lines, seal)
        VALUES ('{id}', '{id}', 'forged', '{merchant}', '{day}', now(), now(), {lines}, '')
    )
    INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id) VALUES {postings}
"""


class Books:
    """One booked sale, and the numbers that statements need."""

    def __init__(self) -> None:
        self.merchant = new_merchant()
        [self.entry] = book(self.merchant, 1250)
        self.receivable = self.number(RECEIVABLE.code)
        self.takings = self.number(TAKINGS.code)

    def number(self, code: str, currency: str = "EUR") -> int:
        return Account.objects.get(merchant_id=self.merchant, code=code, currency=currency).number

    def insert(self, *postings: tuple[int | None, int, int, int], lines: int | None = None, day: str = "") -> str:
        """The statement that inserts an entry with these (item, amount, line, account) postings, past `post()`."""
        id_ = new_id("jrn")
        values = ", ".join(
            f"(pg_current_xact_id()::text::bigint, {item or 'NULL'}, {amount}, {line}, {account}, '{id_}')"
            for item, amount, line, account in postings
        )
        count = len(postings) if lines is None else lines
        return BOTH.format(id=id_, merchant=self.merchant, day=day or FRIDAY, lines=count, postings=values)


@pytest.fixture
def books() -> Books:
    return Books()


def as_application(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def refused(statement: str, rule: str, run: Callable[[str], None] = as_application) -> None:
    with pytest.raises((DatabaseError, psycopg.Error)) as caught:
        run(statement)
    fault = caught.value if isinstance(caught.value, psycopg.Error) else caught.value.__cause__
    assert isinstance(fault, psycopg.Error)
    assert fault.diag.constraint_name == rule or rule in str(fault)


WHO = pytest.mark.parametrize("run", [as_application, as_owner], ids=["application", "owner"])


@WHO
def test_a_whole_balanced_entry_passes(books: Books, run: Callable[[str], None]) -> None:
    run(books.insert((5, 100, 1, books.receivable), (None, -100, 2, books.takings)))
    assert Posting.objects.filter(entry__event="forged").count() == 2


@WHO
def test_an_unbalanced_entry_is_refused(books: Books, run: Callable[[str], None]) -> None:
    refused(books.insert((5, 100, 1, books.receivable), (None, -99, 2, books.takings)), "ledger_entry_balances", run)


@WHO
def test_two_currencies_do_not_balance_each_other(books: Books, run: Callable[[str], None]) -> None:
    post([entry(books.merchant, debit(DOLLAR_TAKINGS, 1), credit(DOLLAR_TAKINGS, 1))])
    dollars = books.number(DOLLAR_TAKINGS.code, "USD")
    refused(books.insert((5, 100, 1, books.receivable), (None, -100, 2, dollars)), "ledger_entry_balances", run)


@WHO
def test_an_entry_without_its_postings_is_refused(books: Books, run: Callable[[str], None]) -> None:
    statement = f"""
        INSERT INTO ledger_journalentry (id, key, event, merchant_id, book_date, occurred_at, booked_at, lines, seal)
        VALUES ('{new_id("jrn")}', 'empty', 'forged', '{books.merchant}', '{FRIDAY}', now(), now(), 2, '')
    """
    refused(statement, "ledger_entry_complete", run)


@WHO
@pytest.mark.parametrize(
    ("first", "second", "lines"), [(1, 2, 3), (2, 3, 2), (1, 3, 2), (0, 1, 2)], ids=["fewer", "from 2", "gap", "from 0"]
)
def test_lines_run_from_one_to_their_number(
    books: Books, run: Callable[[str], None], first: int, second: int, lines: int
) -> None:
    statement = books.insert((5, 100, first, books.receivable), (None, -100, second, books.takings), lines=lines)
    refused(statement, "ledger_entry_complete", run)


@WHO
@pytest.mark.parametrize("numbers", [(3, 4), (1, 2)], ids=["further lines", "the same lines"])
def test_a_balanced_pair_is_not_added_to_an_old_entry(
    books: Books, run: Callable[[str], None], numbers: tuple[int, int]
) -> None:
    statement = f"""
        INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id) VALUES
        (1, 5, 100, {numbers[0]}, {books.receivable}, '{books.entry}'),
        (1, NULL, -100, {numbers[1]}, {books.takings}, '{books.entry}')
    """
    refused(statement, "ledger_posting_pkey" if numbers == (1, 2) else "ledger_entry_complete", run)


@WHO
def test_a_posting_of_no_entry_is_refused(books: Books, run: Callable[[str], None]) -> None:
    statement = f"""
        INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id) VALUES
        (1, 5, 100, 1, {books.receivable}, 'jrn_none'), (1, NULL, -100, 2, {books.takings}, 'jrn_none')
    """
    refused(statement, "ledger_posting_entry", run)


@WHO
def test_an_unknown_account_is_refused(books: Books, run: Callable[[str], None]) -> None:
    statement = books.insert((5, 100, 1, books.receivable), (None, -100, 2, 999_999))
    refused(statement, "ledger_posting_account", run)


@WHO
def test_another_merchants_account_is_refused(books: Books, run: Callable[[str], None]) -> None:
    strange = Books().takings
    refused(books.insert((5, 100, 1, books.receivable), (None, -100, 2, strange)), "ledger_posting_account", run)


@WHO
def test_an_account_of_open_items_needs_one(books: Books, run: Callable[[str], None]) -> None:
    statement = books.insert((None, 100, 1, books.receivable), (None, -100, 2, books.takings))
    refused(statement, "ledger_posting_needs_item", run)


@WHO
def test_a_posting_of_nothing_is_refused(books: Books, run: Callable[[str], None]) -> None:
    refused(books.insert((5, 0, 1, books.receivable), (None, 0, 2, books.takings)), "ledger_posting_amount", run)


@WHO
def test_a_closed_day_is_refused(books: Books, run: Callable[[str], None]) -> None:
    days.close_day(books.merchant, FRIDAY, actor="tests")
    refused(books.insert((5, 100, 1, books.receivable), (None, -100, 2, books.takings)), "ledger_day_open", run)


def test_a_refusal_of_the_database_is_told_by_its_name(books: Books) -> None:
    """What Python checks first may be so no more when it is written: a day is closed in between."""
    days.close_day(books.merchant, FRIDAY, actor="tests")
    with pytest.raises(IntegrityError) as caught:
        as_application(books.insert((5, 100, 1, books.receivable), (None, -100, 2, books.takings)))
    with pytest.raises(DayClosed, match=f"the books of {FRIDAY} are closed"):
        posting._translate(caught.value)


def test_a_refusal_that_only_a_defect_can_cause_is_no_answer_to_anybody(books: Books) -> None:
    with pytest.raises(IntegrityError) as caught:
        as_application(books.insert((5, 0, 1, books.receivable), (None, 0, 2, books.takings)))
    known = dict(accounts._remembered)
    with pytest.raises(BooksRefused, match="ledger_posting_amount"):
        posting._translate(caught.value)
    assert known == accounts._remembered


@WHO
def test_a_key_is_booked_once(books: Books, run: Callable[[str], None]) -> None:
    statement = books.insert((5, 100, 1, books.receivable), (None, -100, 2, books.takings))
    key = JournalEntry.objects.get(id=books.entry).key
    forged = statement.split("VALUES ('")[1][:30]
    refused(statement.replace(f"'{forged}', 'forged'", f"'{key}', 'forged'"), "ledger_entry_key", run)


CHANGES = [
    "UPDATE ledger_posting SET amount = amount",
    "UPDATE ledger_posting SET amount = amount WHERE false",
    "DELETE FROM ledger_posting",
    "TRUNCATE ledger_posting",
    "UPDATE ledger_journalentry SET event = event",
    "DELETE FROM ledger_journalentry",
    "TRUNCATE ledger_journalentry",
    "UPDATE ledger_account SET code = code",
    "DELETE FROM ledger_account",
    "TRUNCATE ledger_account",
    "UPDATE ledger_bookday SET day = day",
    "DELETE FROM ledger_bookday",
    "TRUNCATE ledger_bookday",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_applications_role_has_no_right_to_change_what_is_booked(books: Books, statement: str) -> None:
    refused(statement, "permission denied")


@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_is_refused_too(books: Books, statement: str) -> None:
    refused(statement, "ledger_immutable", as_owner)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE ledger_posting DISABLE TRIGGER USER",
        "SET session_replication_role = replica",
        "DROP TRIGGER ledger_check_postings ON ledger_posting",
        "CREATE OR REPLACE FUNCTION ledger_check_postings() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ],
    ids=["disable", "replica", "drop", "replace"],
)
def test_the_applications_role_cannot_lift_the_guards(books: Books, statement: str) -> None:
    with pytest.raises(DatabaseError):
        as_application(statement)


@WHO
def test_a_day_that_a_branch_has_closed_is_refused_to_its_accounts(books: Books, run: Callable[[str], None]) -> None:
    days.close_day(books.merchant, FRIDAY, actor="tests", branch="chn_web")
    refused(books.insert((5, 100, 1, books.receivable), (None, -100, 2, books.takings)), "ledger_day_open", run)
    fits = books.insert((5, 100, 1, books.receivable), (6, -100, 2, books.receivable))
    with connection.cursor() as cursor:
        cursor.execute(fits)
