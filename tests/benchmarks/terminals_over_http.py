"""(g) Signed transactions from terminals, one at a time from eight, against a bare view that writes as many rows.

The bare view gets the very same requests. Batches of 500 are compared with (f), where the same run measured it. What
one request costs the web processes is counted in processor time too, which other work on the machine changes less.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from statistics import median
from typing import Any, Final

import httpx
import psycopg

from config.standalone import embedded
from tests.benchmarks import processor_time, server, sql
from tests.benchmarks.clients import Act, Clients
from tests.benchmarks.measure import Figure, Goal, Size, percentile, rate
from tests.simulator import eventually
from tests.stack import Shop

BARE_PORT: Final = 4  # beyond the installation's first
PATH: Final = "/v1/terminal/transactions"


@dataclass(frozen=True, slots=True)
class Till:
    """A paired device."""

    terminal: str
    secret: bytes

    def headers(self, body: bytes) -> dict[str, str]:
        """Sign one request."""
        name, now = uuid.uuid4().hex, str(int(time.time()))
        digest = hmac.digest(self.secret, f"{name}.{now}.".encode() + body, hashlib.sha256)
        return {
            "Terminal-Id": self.terminal,
            "webhook-id": name,
            "webhook-timestamp": now,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
            "Content-Type": "application/json",
        }


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    tills = [_paired(shop) for _ in range(size.clients)]
    ours, bare = shop.stack.port, shop.stack.port + BARE_PORT
    with psycopg.connect(embedded.Postgres(shop.stack.home).url(embedded.OWNER), autocommit=True) as owner:
        environment = shop.stack.environment | _floor(owner, shop, tills[0])
    one, floor, many, times, spent = [], [], [], [], []
    with server.granian("tests.benchmarks.bare_wsgi:application", bare, environment):
        eventually(lambda: _answers(bare), within=60)
        clients.work(size.warm_seconds, poster, ours, tills)
        for _ in range(size.rounds):
            floor.append(clients.work(size.seconds, poster, bare, tills, ours).rate)
            used = processor_time.milliseconds(shop.stack)["web"]
            done = clients.work(size.seconds, poster, ours, tills)
            spent.append((processor_time.milliseconds(shop.stack)["web"] - used) / len(done.times))
            one.append(done.rate)
            times += done.times
            batch = _batches(ours, tills[0], size.device_batch)
            batch()
            many.append(rate(batch, size.seconds, each=size.device_batch))
    yield Figure("g.device_one_at_a_time", median(one), "requests/s", median(floor), goal=Goal(0.6))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Figure(f"g.device_one_at_a_time_{name}", percentile(times, share), "ms")
    yield Figure("g.device_one_processor_time", median(spent), "ms")
    yield Figure("g.device_batches_over_http", median(many), "transactions/s", goal=Goal(0.8))


def poster(number: int, port: int, tills: list[Till], asks: int | None = None) -> Act:
    """One device, which goes on where its sequence stands; `asks` is where that can be asked."""
    till = tills[number]
    numbers = count(_next_sequence(asks or port, till))
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def post() -> None:
        body = json.dumps(_sale(next(numbers))).encode()
        connection.request("POST", PATH, body, till.headers(body))
        answer = connection.getresponse()
        response = answer.read()
        assert answer.status == 201, response

    return post


def _batches(port: int, till: Till, length: int) -> Act:
    numbers = count(_next_sequence(port, till))
    connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def post() -> None:
        body = json.dumps({"transactions": [_sale(next(numbers)) for _ in range(length)]}).encode()
        connection.request("POST", PATH, body, till.headers(body))
        answer = connection.getresponse()
        response = answer.read()
        assert answer.status == 200, response

    return post


def _sale(sequence: int) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "type": "sale",
        "amount": 1250,
        "currency": "EUR",
        "outcome": "approved",
        "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "card": {"brand": "maestro", "last4": "4242", "fingerprint": "card_anna"},
        "entry_mode": "contactless",
        "verification": "online_pin",
        "authorization_code": "A1B2C3",
        "rrn": f"{sequence:012d}",
    }


def _next_sequence(port: int, till: Till) -> int:
    body = b"{}"
    url = f"http://127.0.0.1:{port}/v1/terminal/heartbeat"
    answer = httpx.post(url, content=body, headers=till.headers(body), trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["next_sequence"]
    return number


def _paired(shop: Shop) -> Till:
    made = shop.api.post("/v1/terminals", {"channel": shop.store, "label": "Bench"}).json()
    paired = shop.api.http.post("/v1/terminals/pair", json={"pairing_code": made["pairing_code"]}).json()
    return Till(paired["terminal"], base64.b64decode(paired["secret"].removeprefix("whsec_")))


def _floor(owner: psycopg.Connection, shop: Shop, till: Till) -> dict[str, str]:
    """How many rows one transaction writes, and how large they are; for the bare view, in words of the environment."""
    post = _batches(shop.stack.port, till, 1)
    post()
    with owner.transaction():
        tables = [table for (table,) in owner.execute(sql.TABLES).fetchall()]
        found = [owner.execute(sql.SIZE_OF_LAST.format(table)).fetchone() for table in tables]
        sizes = [(rows, size) for rows, size in (row for row in found if row is not None) if rows]
    owner.execute(sql.MAKE_BARE)
    rows, size = sum(rows for rows, _ in sizes), sum(size for _, size in sizes)
    return {
        "BARE_DATABASE_URL": embedded.Postgres(shop.stack.home).url(embedded.OWNER),
        "BARE_ROWS": str(rows),
        "BARE_BYTES": str(int(size) // rows),
    }


def _answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}{PATH}", json={}, trust_env=False).is_success
    except httpx.HTTPError:
        return False
