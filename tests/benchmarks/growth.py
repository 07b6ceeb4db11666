"""(j) The payment list's first page, its filters and the statistics, as the shop grows: flat.

The generator makes a year of 10,000 payments over the ledger's door; that year is then copied as sets, within the same
merchant, until there are ten and a hundred times as many. The floor of each figure is the same question at 10,000.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import psycopg

from config.standalone import embedded
from tests.benchmarks import sql
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import FLAT, Figure, Size
from tests.stack import PROJECT, Shop

PATIENCE: Final = 1800  # seconds for the generator, on whatever machine
LIST: Final = "/v1/payments"


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    _generate(shop, size.year)
    with psycopg.connect(embedded.Postgres(shop.stack.home).url(embedded.OWNER), autocommit=True) as owner:
        owner.execute(sql.LEARN)
        requested = _questions(owner, shop)
        at_first = _measured(size, shop, requested)
        copies = 1
        while copies * size.year < size.payments:
            copies = _grow(owner, shop, copies, min(10 * copies, size.payments // size.year))
            for name, value in _measured(size, shop, requested).items():
                yield Figure(f"j.{name}_at_{copies * size.year}", value, "ms", at_first[name], goal=FLAT)


def _generate(shop: Shop, payments: int) -> None:
    options = [f"--merchant={shop.merchant}", f"--payments={payments}", "--no-settlements", "--json"]
    command = [sys.executable, "manage.py", "generate_year", *options]
    environment = {**shop.stack.environment, "PREFER_INDEXES": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr


def _questions(owner: psycopg.Connection, shop: Shop) -> dict[str, tuple[str, dict[str, Any]]]:
    """What finance looks for: what there is much of, and one needle."""
    needle = owner.execute(sql.NEEDLE, {"merchant": shop.merchant}).fetchone()
    assert needle is not None
    names = ("amount", "card_last4", "receipt_number", "business_day", "order_reference")
    needles = dict(zip(names, map(str, needle), strict=True))
    today = datetime.now(UTC).date()
    year = {"from": str(today - timedelta(days=366)), "to": str(today)}
    month = {"from": str(today - timedelta(days=31)), "to": str(today)}
    return {
        "first_page": (LIST, {}),
        "by_status": (LIST, {"status": "declined"}),
        "by_channel": (LIST, {"channel": shop.store}),
        "by_method": (LIST, {"method": "klarna"}),
        "by_period": (LIST, {"created_from": f"{today - timedelta(days=60)}T00:00:00Z"}),
        **{f"by_{name}": (LIST, {name: value}) for name, value in needles.items()},
        "statistics_month": ("/v1/statistics", {**month, "group_by": "channel,business_day"}),
        "statistics_year": ("/v1/statistics", {**year, "group_by": "channel,method"}),
    }


def _measured(size: Size, shop: Shop, requested: Mapping[str, tuple[str, dict[str, Any]]]) -> dict[str, float]:
    """The median time of each, after a few that warm up."""
    times: dict[str, list[float]] = {name: [] for name in requested}
    for number in range(size.questions + 2):
        for name, (path, query) in requested.items():
            began = time.perf_counter()
            shop.api.get(path, **query)
            if number > 1:
                times[name].append((time.perf_counter() - began) * 1000)
    return {name: median(values) for name, values in times.items()}


def _grow(owner: psycopg.Connection, shop: Shop, copies: int, wanted: int) -> int:
    """Copy the first year until there are so many of it; one transaction, since foreign keys look at its end."""
    with owner.transaction():
        for statement in sql.GROW:
            owner.execute(statement, {"merchant": shop.merchant, "first": copies, "last": wanted - 1})
    owner.execute(sql.LEARN)
    return wanted
