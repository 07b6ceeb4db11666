"""(a) `post()`, one entry a call, by eight clients; the floor is raw."""

from collections.abc import Iterator, Sequence
from itertools import cycle

from payments.ids import new_id
from payments.ledger.posting import post
from tests.benchmarks import raw
from tests.benchmarks.books import captures
from tests.benchmarks.clients import Act, Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    merchant = new_id("mer")
    measured = in_turn(
        size.rounds,
        raw=lambda: raw.rate(size.seconds),
        post=lambda: clients.work(size.seconds, poster, [merchant]).rate,
    )
    yield Figure("a.post_single", measured["post"], "entries/s", measured["raw"], goal=Goal(0.40))


def poster(number: int, merchants: Sequence[str]) -> Act:
    """Posts one entry a call, at each of the merchants in turn; their accounts are known before."""
    post(captures(merchants))
    turn = cycle(merchants)
    return lambda: post(captures([next(turn)]))
