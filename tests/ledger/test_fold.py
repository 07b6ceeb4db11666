"""The fold: checkpoints say what the postings say, and no transaction is skipped, however slow."""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import transaction
from django.db.models import Sum

from payments.ledger import audit, balances
from payments.ledger.fold import age, fold
from payments.ledger.models import BalanceCheckpoint, FoldCursor, OpenItem, Posting
from payments.ledger.posting import credit, debit, post
from payments.ledger.tasks import fold as fold_task
from tests.ledger.books import (
    NOON,
    PAYABLE,
    RECEIVABLE,
    RETURNS,
    TAKINGS,
    book,
    entry,
    fold_everything,
    new_merchant,
    sale,
)
from tests.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def merchant() -> str:
    return new_merchant()


def folded() -> int:
    return BalanceCheckpoint.objects.aggregate(total=Sum("postings"))["total"] or 0


def nothing_wrong() -> None:
    with audit.one_moment():
        assert list(audit.violations()) == []


def test_a_balance_is_the_same_before_and_after_the_fold(merchant: str) -> None:
    book(merchant, 100, 200)
    assert balances.balance(merchant, RECEIVABLE) == 300
    fold_everything()
    assert folded() == 4
    assert balances.balance(merchant, RECEIVABLE) == 300
    book(merchant, 50)
    assert balances.balance(merchant, RECEIVABLE) == 350
    assert balances.balance(merchant, TAKINGS) == -350
    assert folded() == 4
    nothing_wrong()


def test_checkpoints_are_kept_per_account_and_book_date(merchant: str) -> None:
    post([sale(merchant, 100), sale(merchant, 200), sale(merchant, 50, at=NOON + timedelta(days=1))])
    fold_task()
    fold_everything()
    rows = BalanceCheckpoint.objects.filter(account__code=RECEIVABLE.code).order_by("book_date")
    assert list(rows.values_list("amount", "postings")) == [(300, 2), (50, 1)]


def test_folding_in_small_steps_folds_whole_transactions(merchant: str) -> None:
    for _ in range(5):
        book(merchant, 100, 200)
    seen = set()
    while (before := folded()) < 20:
        assert fold(limit=1) in {0, 1}
        seen.add(folded() - before)
    assert seen <= {0, 4}
    assert fold() == 0
    nothing_wrong()


def test_a_slow_transaction_is_waited_for_and_not_skipped(merchant: str) -> None:
    book(merchant, 1)
    fold_everything()
    written, may_end = Event(), Event()

    def slow() -> None:
        with transaction.atomic():
            book(merchant, 1000)
            written.set()
            may_end.wait(30)

    thread = in_thread(slow)
    assert written.wait(60)
    book(merchant, 20)  # begins after the slow one, and ends before it
    assert fold() == 0, "what began after the slow transaction waits with it"
    assert balances.balance(merchant, RECEIVABLE) == 21
    may_end.set()
    thread.join(60)
    assert balances.balance(merchant, RECEIVABLE) == 1021
    fold_everything()
    assert balances.balance(merchant, RECEIVABLE) == 1021
    nothing_wrong()


def test_what_was_rolled_back_is_not_folded(merchant: str) -> None:
    with suppress(RuntimeError), transaction.atomic():
        book(merchant, 1000)
        raise RuntimeError
    book(merchant, 20)
    fold_everything()
    assert balances.balance(merchant, RECEIVABLE) == 20
    nothing_wrong()


def test_folds_at_the_same_time_fold_once(merchant: str) -> None:
    for amount in range(1, 60):
        book(merchant, amount)
    start = Barrier(6)

    def run() -> None:
        start.wait(60)
        for _ in range(40):
            fold(limit=5)

    for thread in [in_thread(run) for _ in range(6)]:
        thread.join(120)
    fold_everything()
    assert folded() == 118
    nothing_wrong()


def test_folding_while_many_post_to_hot_accounts_loses_nothing(merchant: str) -> None:
    book(merchant, 1)
    done = Event()

    def sell() -> None:
        for amount in range(1, 51):
            book(merchant, amount, item=amount)

    def keep_folding() -> None:
        while not done.is_set():
            fold(limit=7)

    sellers = [in_thread(sell) for _ in range(8)]
    folder = in_thread(keep_folding)
    readings = [balances.balance(merchant, RECEIVABLE) + balances.balance(merchant, TAKINGS) for _ in range(3)]
    for thread in sellers:
        thread.join(120)
    done.set()
    folder.join(60)
    assert len(readings) == 3
    assert balances.balance(merchant, RECEIVABLE) == 1 + 8 * sum(range(1, 51))
    fold_everything()
    assert balances.balance(merchant, RECEIVABLE) == 1 + 8 * sum(range(1, 51))
    nothing_wrong()


def test_an_item_is_open_until_it_nets_to_zero(merchant: str) -> None:
    accepted = entry(merchant, debit(RETURNS, 500), credit(PAYABLE, 500, 77))
    paid = entry(merchant, debit(PAYABLE, 500, 77), credit(RECEIVABLE, 500, 1), at=NOON + timedelta(hours=1))
    post([sale(merchant, 1250, item=1), accepted])
    fold_everything()

    def open_amounts() -> dict[tuple[str, int], int]:
        return {(row.code, row.item): row.amount for row in balances.open_items(merchant)}

    assert open_amounts() == {(RECEIVABLE.code, 1): 1250, (PAYABLE.code, 77): -500}
    post([paid])
    expected = {(RECEIVABLE.code, 1): 750}
    assert open_amounts() == expected, "with the payment in the tail"
    fold_everything()
    assert open_amounts() == expected, "and with all of it folded"
    assert OpenItem.objects.count() == 1
    assert balances.open_items(merchant)[0].since == NOON
    nothing_wrong()


def test_what_opened_and_closed_between_two_folds_leaves_no_trace(merchant: str) -> None:
    post([sale(merchant, 100, item=5), entry(merchant, debit(TAKINGS, 100), credit(RECEIVABLE, 100, 5))])
    fold_everything()
    assert not OpenItem.objects.exists()
    post([sale(merchant, 100, item=5)])
    fold_everything()
    assert [row.amount for row in OpenItem.objects.all()] == [100]


def test_the_age_is_that_of_the_oldest_posting_not_folded(merchant: str) -> None:
    assert age() == 0
    book(merchant, 1)
    assert 0 < age() < 60
    fold_everything()
    assert age() == 0


def test_a_database_restored_on_another_server_is_folded_anew(merchant: str) -> None:
    fold()
    # What a logical restore brings along: transaction numbers far ahead of this server's, and another's identity.
    FoldCursor.objects.update(shift=1_000_000)
    book(merchant, 100)
    fold_everything()
    before = FoldCursor.objects.get()
    far = Posting.objects.latest("xid").xid
    here = before.cluster
    FoldCursor.objects.update(shift=0, cluster="another server")
    fold()
    after = FoldCursor.objects.get()
    assert (after.epoch, after.cluster) == (before.epoch + 1, here)
    book(merchant, 20)
    assert Posting.objects.latest("xid").xid > far
    assert balances.balance(merchant, RECEIVABLE) == 120
    fold_everything()
    assert folded() == 4
    assert balances.balance(merchant, RECEIVABLE) == 120
    nothing_wrong()


def test_a_new_epoch_waits_for_who_is_posting(merchant: str) -> None:
    book(merchant, 100)
    fold_everything()
    FoldCursor.objects.update(cluster="another server")
    with transaction.atomic():
        book(merchant, 20)
        folding = in_thread(fold)
        folding.join(0.3)
        assert folding.is_alive()
    folding.join(60)
    fold_everything()
    assert folded() == 4
    nothing_wrong()
