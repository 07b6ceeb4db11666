"""(c) `post()` in batches from one process; the floor is raw, with its eight clients."""

from collections.abc import Callable, Iterator

from payments.core.ids import new_id
from payments.ledger.posting import post
from tests.benchmarks import raw
from tests.benchmarks.books import captures
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn, rate


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    measured = in_turn(size.rounds, raw=lambda: raw.rate(size.seconds), post=batches(size))
    yield Figure("c.post_batch", measured["post"], "entries/s", measured["raw"], goal=Goal(1.5))


def batches(size: Size) -> Callable[[], float]:
    """Entries a second, in batches that are a transaction each."""
    merchants = [new_id("mer")] * size.batch
    return lambda: rate(lambda: post(captures(merchants)), size.seconds, each=size.batch)
