"""(d) What the balance check costs on batches: the floor has its trigger switched off, as only the owner can."""

from collections.abc import Iterator

from tests.benchmarks import server, sql
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn
from tests.benchmarks.post_batch import batches


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    post = batches(size)

    def posting(how: str) -> float:
        _switch(how)
        return post()

    try:
        measured = in_turn(size.rounds, off=lambda: posting("DISABLE"), on=lambda: posting("ENABLE"))
    finally:
        _switch("ENABLE")
    yield Figure("d.balance_check", measured["on"], "entries/s", measured["off"], goal=Goal(0.85))


def _switch(how: str) -> None:
    with server.owner() as connection:
        connection.execute(sql.BALANCE_CHECK.format(how))
