"""(a) `post()`, one entry a call, by eight clients, and what it asks PostgreSQL for alone; the floor is raw."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

from payments.core.ids import new_id
from payments.ledger import accounts
from payments.ledger.posting import post
from tests.benchmarks import raw
from tests.benchmarks.books import RECEIVABLE, TAKINGS, captures
from tests.benchmarks.clients import Act, Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn

SCRIPT: Final = Path(__file__).with_name("post.sql")


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    merchant = new_id("mer")
    measured = in_turn(
        size.rounds,
        raw=lambda: raw.rate(size.seconds),
        post=lambda: clients.work(size.seconds, poster, [merchant]).rate,
        sql=lambda: raw.rate(size.seconds, SCRIPT, merchant=merchant, **_accounts(merchant)),
    )
    yield Figure("a.post_single", measured["post"], "entries/s", measured["raw"], goal=Goal(0.40))
    yield Figure("a.post_in_sql", measured["sql"], "entries/s", measured["raw"])


def _accounts(merchant: str) -> dict[str, int]:
    """Of which numbers the accounts are that the clients have posted to."""
    places = {"receivable": (merchant, RECEIVABLE), "takings": (merchant, TAKINGS)}
    numbers = accounts.numbers(set(places.values()))
    return {name: numbers[place] for name, place in places.items()}


def poster(number: int, merchants: Sequence[str]) -> Act:
    """Posts one entry a call, at each of the merchants in turn; their accounts are known before."""
    post(captures(merchants))
    turn = cycle(merchants)
    return lambda: post(captures([next(turn)]))
