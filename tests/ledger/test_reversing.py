"""Journal reversals: an entry's mirror image, once."""

from datetime import timedelta

import pytest

from payments.ledger import days
from payments.ledger.balances import balance
from payments.ledger.errors import AlreadyReversed, NoSuchEntry
from payments.ledger.models import JournalEntry, Posting
from payments.ledger.posting import credit, debit, post
from payments.ledger.reversing import Reversal, mirror, reverse
from tests.ledger.books import (
    DOLLAR_TAKINGS,
    DOLLARS,
    FRIDAY,
    NOON,
    RECEIVABLE,
    TAKINGS,
    ZONE,
    entry,
    new_merchant,
    sale,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant() -> str:
    return new_merchant()


def undoing(key: str, new_key: str | None = None) -> Reversal:
    return Reversal(key, new_key or f"reversal:{key}", "reversed", NOON + timedelta(hours=1), ZONE)


def test_a_reversal_is_the_mirror_image_on_the_same_items(merchant: str) -> None:
    lines = [debit(RECEIVABLE, 100, 1), credit(TAKINGS, 100), debit(DOLLARS, 7), credit(DOLLAR_TAKINGS, 7)]
    given = entry(merchant, *lines)
    [booked] = post([given])
    [undone] = reverse([undoing(given.key)])
    stored = JournalEntry.objects.get(id=undone.id)
    assert (stored.reverses_id, stored.event, stored.lines) == (booked.id, "reversed", 4)
    rows = Posting.objects.filter(entry=stored).order_by("line").values_list("account__code", "item", "amount")
    assert list(rows) == [
        (RECEIVABLE.code, 1, -100),
        (TAKINGS.code, None, 100),
        (DOLLARS.code, None, -7),
        (DOLLAR_TAKINGS.code, None, 7),
    ]
    assert balance(merchant, RECEIVABLE) == 0


def test_reversing_twice_under_one_key_is_harmless(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    [first] = reverse([undoing(given.key)])
    [second] = reverse([undoing(given.key)])
    assert first.id == second.id
    assert not second.new


def test_an_entry_is_reversed_once(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    reverse([undoing(given.key)])
    with pytest.raises(AlreadyReversed):
        reverse([undoing(given.key, "another")])


def test_what_was_never_booked_is_not_reversed(merchant: str) -> None:
    with pytest.raises(NoSuchEntry):
        reverse([undoing("capture:op_none")])


def test_an_entry_that_claims_to_reverse_nothing_is_refused(merchant: str) -> None:
    with pytest.raises(NoSuchEntry):
        post([entry(merchant, debit(RECEIVABLE, 1, 1), credit(TAKINGS, 1), reverses="capture:op_none")])


def test_an_entry_and_its_reversal_go_in_one_batch(merchant: str) -> None:
    given = sale(merchant)
    undo = entry(merchant, debit(TAKINGS, 1250), credit(RECEIVABLE, 1250, 1), reverses=given.key, event="reversed")
    booked, undone = post([given, undo])
    assert JournalEntry.objects.get(id=undone.id).reverses_id == booked.id


def test_a_reversal_can_itself_be_reversed(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    reverse([undoing(given.key)])
    reverse([undoing(f"reversal:{given.key}")])
    assert balance(merchant, RECEIVABLE) == 1250


def test_a_reversal_goes_to_an_open_day_and_leaves_the_closed_one_alone(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    days.close_day(merchant, FRIDAY, actor="tests")
    [undone] = reverse([undoing(given.key)])
    assert undone.book_date == FRIDAY + timedelta(days=1)


def test_a_mirror_can_be_posted_along_with_others(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    results = post([mirror(undoing(given.key)), sale(merchant, 99)])
    assert all(result.new for result in results)
    assert balance(merchant, RECEIVABLE) == 99


@pytest.mark.django_db(transaction=True)
def test_of_many_who_reverse_at_once_one_does(merchant: str) -> None:
    given = sale(merchant)
    post([given])
    works = [lambda number=number: reverse([undoing(given.key, f"undo:{merchant}:{number}")]) for number in range(8)]
    outcomes = at_once(*works)
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 7
    assert balance(merchant, RECEIVABLE) == 0
