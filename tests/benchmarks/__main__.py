"""Run the benchmarks and print one JSON object a line; with `--table`, the README's table on stderr after them."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Final

from tests.benchmarks import server
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import FULL, Figure, Size
from tests.benchmarks.table import table
from tests.stack import Shop

ON_THE_DATABASE: Final = {
    "a": "post_single",
    "b": "hot_account",
    "c": "post_batch",
    "d": "balance_check",
    "e": "balance_read",
    "f": "device_batches",
    "t": "shift_totals",
    "n": "matching",
    "p": "peers_posting",
    "x": "book_exports",
}
OVER_HTTP: Final = {
    "h": "payments_over_http",
    "g": "terminals_over_http",
    "i": "refunds_over_http",
    "l": "event_listeners",
    "q": "long_polls",
    "w": "webhooks_in",
    "j": "growth",
}
# Measured apart, in the same run.
FLOORS: Final = {"g.device_batches_over_http": "f.device_batches_to_raw"}


def main(arguments: list[str]) -> int:
    letters = [argument for argument in arguments if argument != "--table"]
    figures: dict[str, Figure] = {}
    for figure in _figures(letters or [*ON_THE_DATABASE, *OVER_HTTP], FULL):
        floor = figures.get(FLOORS.get(figure.bench, ""))
        figures[figure.bench] = figure if floor is None else replace(figure, floor=floor.value)
        print(figures[figure.bench].as_json(), flush=True)
    if "--table" in arguments:
        print(table(figures.values()), file=sys.stderr)
    return 0


def _figures(letters: list[str], size: Size) -> Iterator[Figure]:
    """Modules are imported when their server runs: Django reads its settings then."""
    print(f"Load before: {_load()}", file=sys.stderr)
    with server.database() as home:
        wanted = [name for letter, name in ON_THE_DATABASE.items() if letter in letters]
        with server.raw_tables(), Clients(size.clients) as clients:
            for name in wanted:
                yield from import_module(f"tests.benchmarks.{name}").run(size, clients)
        server.stop_database(home)
        wanted = [name for letter, name in OVER_HTTP.items() if letter in letters]
        if wanted:
            with server.installation() as stack, Clients(size.clients) as clients:
                for name in wanted:
                    yield from import_module(f"tests.benchmarks.{name}").run(size, clients, Shop(stack))
    print(f"Load after: {_load()}", file=sys.stderr)


def _load() -> str:
    return "{:.1f} {:.1f} {:.1f} (1, 5, 15 minutes)".format(*os.getloadavg())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
