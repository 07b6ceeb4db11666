"""The audit: clean books are proven, and each tampered row is named, though every guard was walked past."""

import json
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import Settings

from payments.ledger import audit, days
from payments.ledger.audit import Violation
from payments.ledger.fold import fold_all
from payments.ledger.models import Account, BalanceCheckpoint, FoldCursor, JournalEntry, OpenItem, Posting
from payments.ledger.posting import post
from payments.ledger.queries import entries_about
from payments.ledger.reversing import Reversal, reverse
from tests.ledger.books import (
    FRIDAY,
    NOON,
    RECEIVABLE,
    TAKINGS,
    ZONE,
    as_owner,
    book,
    fold_everything,
    new_merchant,
    sale,
    tampering,
)
from tests.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


class Books:
    """Three sales, the first of which was taken back, all folded."""

    def __init__(self) -> None:
        self.merchant = new_merchant()
        self.first, self.second, self.third = book(self.merchant, 1250, 300, 70)
        key = JournalEntry.objects.get(id=self.first).key
        [undone] = reverse([Reversal(key, f"reversal:{key}", "reversed", NOON, ZONE)])
        self.reversal = undone.id
        fold_everything()
        self.receivable = Account.objects.get(merchant_id=self.merchant, code=RECEIVABLE.code)
        self.takings = Account.objects.get(merchant_id=self.merchant, code=TAKINGS.code)


@pytest.fixture
def books() -> Books:
    return Books()


def found() -> dict[str, list[str]]:
    """The subjects named, by rule."""
    named: dict[str, list[str]] = {}
    with audit.one_moment():
        for violation in audit.violations():
            named.setdefault(violation.rule, []).append(violation.subject)
    return named


def test_clean_books_have_no_violations(books: Books) -> None:
    with audit.one_moment():
        assert audit.counts() == (4, 8)
    assert found() == {}


def test_a_changed_amount(books: Books) -> None:
    tampering(f"UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = '{books.second}' AND line = 1")
    named = found()
    assert named["entry_unbalanced"] == [books.second]
    assert named["entry_seal_broken"] == [books.second]
    assert named["checkpoint_wrong"] == [f"checkpoint {RECEIVABLE.code} {FRIDAY}"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_posting SET amount = amount * 2 WHERE entry_id = '{second}'",
        "UPDATE ledger_posting SET item = item + 1 WHERE entry_id = '{second}' AND item IS NOT NULL",
        "UPDATE ledger_posting SET account_id = {takings} WHERE entry_id = '{second}'",
        "UPDATE ledger_posting SET amount = -amount WHERE entry_id = '{second}'",
        "UPDATE ledger_posting SET xid = xid - 1 WHERE entry_id = '{second}'",
        "UPDATE ledger_journalentry SET key = 'other' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET event = 'other' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET book_date = book_date + 1 WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET occurred_at = occurred_at - interval '1 us' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET booked_at = booked_at - interval '1 us' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET merchant_id = 'mer_other' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET reverses_id = '{third}' WHERE id = '{second}'",
        "UPDATE ledger_journalentry SET reverses_id = NULL WHERE id = '{second}' OR id = '{reversal}'",
        "UPDATE ledger_journalentry SET seal = sha256('') WHERE id = '{second}'",
    ],
)
def test_whatever_is_changed_in_an_entry_or_its_postings_breaks_its_seal(books: Books, change: str) -> None:
    names = {"second": books.second, "third": books.third, "reversal": books.reversal}
    tampering(change.format(takings=books.takings.number, **names))
    broken = {books.reversal} if "NULL" in change and "reversal" in change else {books.second}
    assert set(found()["entry_seal_broken"]) == broken


def test_a_removed_posting(books: Books) -> None:
    tampering(f"DELETE FROM ledger_posting WHERE entry_id = '{books.second}' AND line = 2")
    named = found()
    assert named["entry_incomplete"] == [books.second]
    assert named["entry_unbalanced"] == [books.second]
    assert named["checkpoint_wrong"] == [f"checkpoint {TAKINGS.code} {FRIDAY}"]


def test_removed_postings_and_their_entry_left(books: Books) -> None:
    tampering(f"DELETE FROM ledger_posting WHERE entry_id = '{books.second}'")
    assert found()["entry_incomplete"] == [books.second]


def test_a_removed_entry(books: Books) -> None:
    tampering(f"DELETE FROM ledger_journalentry WHERE id = '{books.second}'")
    assert sorted(found()["posting_without_entry"]) == [f"{books.second} line 1", f"{books.second} line 2"]


def test_an_entry_removed_with_all_of_its_postings(books: Books) -> None:
    tampering(
        f"DELETE FROM ledger_posting WHERE entry_id = '{books.second}'",
        f"DELETE FROM ledger_journalentry WHERE id = '{books.second}'",
    )
    assert sorted(found()["checkpoint_wrong"]) == [
        f"checkpoint {RECEIVABLE.code} {FRIDAY}",
        f"checkpoint {TAKINGS.code} {FRIDAY}",
    ]


def test_an_added_balanced_pair(books: Books) -> None:
    tampering(
        "INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id) "
        f"SELECT xid, item, 5 * sign(amount), line + 2, account_id, entry_id FROM ledger_posting "
        f"WHERE entry_id = '{books.second}'"
    )
    named = found()
    assert named["entry_incomplete"] == [books.second]
    assert named["entry_seal_broken"] == [books.second]


def test_a_moved_posting(books: Books) -> None:
    tampering(
        f"UPDATE ledger_posting SET entry_id = '{books.third}', line = 3 WHERE entry_id = '{books.second}' AND line = 1"
    )
    named = found()
    assert sorted(named["entry_incomplete"]) == sorted([books.second, books.third])
    assert sorted(named["entry_unbalanced"]) == sorted([books.second, books.third])


def test_a_posting_of_another_transaction(books: Books) -> None:
    tampering(f"UPDATE ledger_posting SET xid = xid - 1 WHERE entry_id = '{books.second}' AND line = 1")
    assert found()["entry_incomplete"] == [books.second]


def test_an_account_that_does_not_exist(books: Books) -> None:
    tampering(f"UPDATE ledger_posting SET account_id = 999999 WHERE entry_id = '{books.second}' AND line = 2")
    assert found()["posting_on_strange_account"] == [f"{books.second} line 2"]


def test_another_merchants_account(books: Books) -> None:
    other = new_merchant()
    book(other, 1)
    strange = Account.objects.get(merchant_id=other, code=TAKINGS.code).number
    tampering(f"UPDATE ledger_posting SET account_id = {strange} WHERE entry_id = '{books.second}' AND line = 2")
    assert found()["posting_on_strange_account"] == [f"{books.second} line 2"]


def test_a_lost_item(books: Books) -> None:
    tampering(f"UPDATE ledger_posting SET item = NULL WHERE entry_id = '{books.second}' AND line = 1")
    assert found()["posting_without_item"] == [f"{books.second} line 1"]


@pytest.mark.parametrize(
    "change",
    [
        "code = 'till:chn_x'",
        "kind = 'expense'",
        "merchant_id = 'mer_x'",
        "item_required = true",
        "created_at = now()",
        "seal = ''",
    ],
)
def test_a_changed_account(books: Books, change: str) -> None:
    tampering(f"UPDATE ledger_account SET {change} WHERE number = {books.takings.number}")
    assert found()["account_seal_broken"] == [books.takings.id]


def test_a_changed_currency(books: Books) -> None:
    tampering(f"UPDATE ledger_account SET currency = 'USD' WHERE number = {books.takings.number}")
    named = found()
    assert named["account_seal_broken"] == [books.takings.id]
    assert set(named["entry_unbalanced"]) == {books.first, books.second, books.third, books.reversal}


def test_a_removed_account(books: Books) -> None:
    tampering(f"DELETE FROM ledger_account WHERE number = {books.takings.number}")
    assert len(found()["posting_on_strange_account"]) == 4


def test_a_reversal_that_is_no_mirror_image(books: Books) -> None:
    tampering(f"UPDATE ledger_posting SET amount = amount / 2 WHERE entry_id = '{books.reversal}'")
    assert found()["reversal_wrong"] == [books.reversal]


def test_a_reversal_of_nothing(books: Books) -> None:
    tampering(f"UPDATE ledger_journalentry SET reverses_id = 'jrn_gone' WHERE id = '{books.reversal}'")
    assert found()["reversal_wrong"] == [books.reversal]


def test_an_entry_put_on_a_closed_day(books: Books) -> None:
    days.close_day(books.merchant, FRIDAY, actor="tests")
    [late] = post([sale(books.merchant)])
    assert found() == {}
    tampering(f"UPDATE ledger_journalentry SET book_date = '{FRIDAY}' WHERE id = '{late.id}'")
    assert found()["entry_on_closed_day"] == [late.id]


def test_a_closing_that_was_moved_back(books: Books) -> None:
    days.close_day(books.merchant, FRIDAY, actor="tests")
    tampering("UPDATE ledger_bookday SET closed_at = closed_at - interval '1 hour'")
    named = found()
    assert named["day_seal_broken"] == [f"book day {FRIDAY} of {books.merchant}"]
    assert set(named["entry_on_closed_day"]) == {books.first, books.second, books.third, books.reversal}


def test_a_wrong_checkpoint(books: Books) -> None:
    BalanceCheckpoint.objects.filter(account=books.takings).update(amount=1)
    assert found() == {"checkpoint_wrong": [f"checkpoint {TAKINGS.code} {FRIDAY}"]}


def test_a_lost_checkpoint(books: Books) -> None:
    BalanceCheckpoint.objects.filter(account=books.takings).delete()
    assert found() == {"checkpoint_wrong": [f"checkpoint {TAKINGS.code} {FRIDAY}"]}


def test_a_wrong_open_item(books: Books) -> None:
    OpenItem.objects.update(amount=1)
    assert found() == {"open_item_wrong": [f"open item 1 on {RECEIVABLE.code}"]}


def test_a_cursor_moved_back(books: Books) -> None:
    FoldCursor.objects.update(xid=1)
    named = found()
    assert len(named["checkpoint_wrong"]) == 2
    assert len(named["open_item_wrong"]) == 1


def test_a_cursor_moved_ahead(books: Books) -> None:
    FoldCursor.objects.update(xid=2**60)
    assert found() == {"cursor_ahead": ["fold cursor"]}


@pytest.mark.parametrize(
    ("off", "on", "name"),
    [
        (
            "ALTER TABLE ledger_posting DISABLE TRIGGER ledger_check_postings",
            "ALTER TABLE ledger_posting ENABLE TRIGGER ledger_check_postings",
            "ledger_check_postings",
        ),
        (
            "ALTER TABLE ledger_journalentry DROP CONSTRAINT ledger_entry_key",
            "ALTER TABLE ledger_journalentry ADD CONSTRAINT ledger_entry_key UNIQUE (key)",
            "ledger_entry_key",
        ),
    ],
    ids=["trigger", "key"],
)
def test_a_guard_switched_off(books: Books, off: str, on: str, name: str) -> None:
    as_owner(off)
    try:
        assert found() == {"guard_missing": [name]}
    finally:
        as_owner(on)


def test_a_key_booked_twice_behind_a_dropped_guard(books: Books) -> None:
    key = JournalEntry.objects.get(id=books.second).key
    as_owner("ALTER TABLE ledger_journalentry DROP CONSTRAINT ledger_entry_key")
    tampering(f"UPDATE ledger_journalentry SET key = '{key}' WHERE id = '{books.third}'")
    try:
        assert found()["entry_double"] == [min(books.second, books.third)]
    finally:
        tampering(f"UPDATE ledger_journalentry SET key = 'apart' WHERE id = '{books.third}'")
        as_owner("ALTER TABLE ledger_journalentry ADD CONSTRAINT ledger_entry_key UNIQUE (key)")


def always_wrong() -> Iterator[Violation]:
    """A check of an upper floor."""
    yield Violation("till_empty", "chn_1", "has no money")


def never_wrong() -> Iterator[Violation]:
    yield from ()


def test_the_command_prints_one_object_and_succeeds(
    books: Books, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    settings.LEDGER_AUDITS = [f"{__name__}.never_wrong"]
    call_command("audit_ledger", "--json")
    assert json.loads(capsys.readouterr().out) == {"entries": 4, "postings": 8, "violations": []}


def test_the_command_names_what_is_wrong_and_fails(
    books: Books, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    settings.LEDGER_AUDITS = [f"{__name__}.always_wrong"]
    tampering(f"UPDATE ledger_journalentry SET event = 'other' WHERE id = '{books.second}'")
    with pytest.raises(CommandError) as caught:
        call_command("audit_ledger", "--json")
    assert caught.value.returncode == 1
    violations = json.loads(capsys.readouterr().out)["violations"]
    assert [(row["rule"], row["subject"]) for row in violations] == [
        ("entry_seal_broken", books.second),
        ("till_empty", "chn_1"),
    ]


def test_the_command_speaks_to_people_too(books: Books, capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.LEDGER_AUDITS = [f"{__name__}.always_wrong"]
    with pytest.raises(CommandError):
        call_command("audit_ledger")
    assert "till_empty: chn_1 has no money" in capsys.readouterr().out


def test_it_may_look_within_a_transaction_that_has_begun(books: Books) -> None:
    with transaction.atomic():
        [late] = book(books.merchant, 5)
        with audit.one_moment():
            assert audit.counts().entries == 5
        assert JournalEntry.objects.filter(id=late).exists()


def test_what_is_left_of_a_removed_entry_keeps_nobody_from_reading_the_others(books: Books) -> None:
    item = Posting.objects.get(entry_id=books.second, account=books.receivable).item
    assert item is not None
    tampering(f"DELETE FROM ledger_journalentry WHERE id = '{books.second}'")
    assert books.second not in [row.id for row in entries_about([item])[item]]


def test_the_audit_sees_one_moment_while_others_post_and_fold(books: Books) -> None:
    with audit.one_moment():
        assert audit.counts().entries == 4
        in_thread(lambda: (book(books.merchant, 5), fold_all())).join(60)
        assert audit.counts().entries == 4
        assert list(audit.violations()) == []
    assert JournalEntry.objects.count() == 5
