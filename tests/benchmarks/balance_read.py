"""(e) Reading a hot account's balance, a thousand postings of it not folded yet; the floor adds all postings up."""

from collections.abc import Iterator

from django.db import connection
from django.utils import timezone

from payments.core.ids import new_id
from payments.ledger.balances import balance, fold_age, fold_all
from payments.ledger.models import Account
from payments.ledger.posting import Entry, credit, debit, post
from tests.benchmarks import server, sql
from tests.benchmarks.books import RECEIVABLE, TAKINGS
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn, milliseconds

LINES = 1000  # of one entry, as a settlement's


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    merchant = new_id("mer")
    for _ in range(size.hot_postings // LINES):
        post([_many(merchant)])
    while fold_age() > 0:
        fold_all()
    post([_many(merchant)])
    with server.owner() as owner:
        owner.execute(sql.ANALYZE)
    number = Account.objects.get(merchant_id=merchant, code=TAKINGS.code).number
    measured = in_turn(
        3 * size.rounds,
        sum=lambda: milliseconds(lambda: _sum(number)),
        read=lambda: milliseconds(lambda: balance(merchant, TAKINGS)),
    )
    yield Figure("e.balance_read", measured["read"], "ms", measured["sum"], goal=Goal(0.10, at_least=False))


def _many(merchant: str) -> Entry:
    lines = [debit(RECEIVABLE, 100 * LINES, 1), *(credit(TAKINGS, 100) for _ in range(LINES))]
    key = f"bench:{new_id('op')}"
    return Entry(key, "bench", merchant, timezone.now(), "Europe/Amsterdam", lines)


def _sum(number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SUM, [number])
        return int(cursor.fetchone()[0])
