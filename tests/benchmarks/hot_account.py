"""(b) Everyone posting to one pair of accounts against everyone spread over many, with the fold at work."""

import contextlib
from collections.abc import Iterator
from threading import Event, Thread

from django.db import connection

from payments.core.ids import new_id
from payments.ledger.audit import one_moment, violations
from payments.ledger.balances import fold_age, fold_all
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn
from tests.benchmarks.post_single import poster

SPREAD = 400  # merchants, with two accounts each
FOLD_EVERY = 0.5  # seconds; in production it is two


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    one, many = [new_id("mer")], [new_id("mer") for _ in range(SPREAD)]
    with _folding():
        measured = in_turn(
            size.rounds,
            spread=lambda: clients.work(size.seconds, poster, many).rate,
            hot=lambda: clients.work(size.seconds, poster, one).rate,
        )
    yield Figure("b.hot_account", measured["hot"], "entries/s", measured["spread"], goal=Goal(0.95))
    yield Figure("b.mismatches_afterwards", _mismatches(), "violations")


@contextlib.contextmanager
def _folding() -> Iterator[None]:
    ending = Event()

    def fold() -> None:
        while not ending.wait(FOLD_EVERY):
            fold_all()
        connection.close()

    thread = Thread(target=fold)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _mismatches() -> int:
    """What the ledger's audit finds, checkpoints and open items included, once all is folded."""
    while fold_age() > 0:
        fold_all()
    with one_moment():
        return len(list(violations()))
