"""Many at once, with real threads and connections: once is once, and nobody waits for ever."""

import random

import pytest
from django.db import transaction

from payments.ledger import accounts, audit
from payments.ledger.balances import balance, trial_balance
from payments.ledger.errors import KeyReused
from payments.ledger.models import Account, JournalEntry
from payments.ledger.posting import AccountSpec, credit, debit, post
from tests.ledger.books import RECEIVABLE, TAKINGS, book, entry, new_merchant, sale
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def merchant() -> str:
    return new_merchant()


def clean() -> bool:
    with audit.one_moment():
        return list(audit.violations()) == []


def test_fifty_posts_with_one_key_book_once(merchant: str) -> None:
    given = sale(merchant)
    outcomes = at_once(*[lambda: post([given])[0]] * 50)
    assert sum(outcome.new for outcome in outcomes) == 1
    assert len({outcome.id for outcome in outcomes}) == 1
    assert balance(merchant, RECEIVABLE) == 1250


def test_of_two_contents_under_one_key_one_wins_and_the_other_is_told(merchant: str) -> None:
    key = f"capture:{merchant}"
    works = [lambda amount=amount: post([sale(merchant, amount, key=key)])[0] for amount in (100, 200)] * 5
    outcomes = at_once(*works)
    refused = [outcome for outcome in outcomes if isinstance(outcome, KeyReused)]
    assert len(refused) == 5
    assert balance(merchant, RECEIVABLE) in {100, 200}


def test_who_waits_for_a_key_that_is_rolled_back_books_it(merchant: str) -> None:
    given = sale(merchant)

    def give_up() -> None:
        with transaction.atomic():
            post([given])
            transaction.set_rollback(True)

    outcomes = at_once(give_up, lambda: post([given])[0], give_up, lambda: post([given])[0])
    assert sum(outcome.new for outcome in outcomes if outcome is not None) == 1
    assert balance(merchant, RECEIVABLE) == 1250


def test_batches_with_the_same_keys_in_any_order_do_not_deadlock(merchant: str) -> None:
    given = [sale(merchant, amount) for amount in range(1, 101)]
    orders = [random.Random(seed).sample(given, len(given)) for seed in range(6)]
    outcomes = at_once(*[lambda order=order: post(order) for order in orders])
    assert all(isinstance(outcome, list) for outcome in outcomes)
    assert sum(posted.new for outcome in outcomes for posted in outcome) == 100
    assert balance(merchant, RECEIVABLE) == sum(range(1, 101))


def test_many_make_the_same_accounts_at_once(merchant: str) -> None:
    accounts.forget()
    specs = [AccountSpec(f"takings:chn_{number}", "income", "EUR") for number in range(20)]

    def sell(seed: int) -> None:
        accounts.forget()
        order = random.Random(seed).sample(specs, len(specs))
        post([entry(merchant, debit(RECEIVABLE, 1, 1), credit(spec, 1)) for spec in order])

    outcomes = at_once(*[lambda seed=seed: sell(seed) for seed in range(6)])
    assert outcomes == [None] * 6
    assert Account.objects.filter(merchant_id=merchant).count() == 21
    assert clean()


def test_eight_threads_on_hot_accounts_mismatch_nowhere(merchant: str) -> None:
    def sell(seed: int) -> int:
        amounts = [random.Random(f"{seed} {n}").randint(1, 10_000) for n in range(60)]
        for amount in amounts[:30]:
            book(merchant, amount)
        post([sale(merchant, amount) for amount in amounts[30:]])
        return sum(amounts)

    outcomes = at_once(*[lambda seed=seed: sell(seed) for seed in range(8)])
    assert balance(merchant, RECEIVABLE) == sum(outcomes)
    assert balance(merchant, TAKINGS) == -sum(outcomes)
    assert sum(row.amount for row in trial_balance(merchant)) == 0
    assert JournalEntry.objects.count() == 480
    assert clean()
