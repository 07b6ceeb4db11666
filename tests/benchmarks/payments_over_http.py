"""(h) `POST /v1/payments` with a provider that answers after 5 ms, against a view that does nothing.

The clients run on the same machine and take their share of it.
"""

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx

from tests.benchmarks import server
from tests.benchmarks.clients import Act, Clients, Done
from tests.benchmarks.measure import Figure, Size, percentile
from tests.names import reference
from tests.simulator import eventually
from tests.stack import Shop

ANSWERS_AFTER_MS = 5
NOOP_PORT = 3  # beyond the installation's first


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    httpx.post(f"{shop.stack.simulator_url}/faults", json={"delay_ms": ANSWERS_AFTER_MS}, trust_env=False)
    port = shop.stack.port + NOOP_PORT
    key = shop.api.http.headers["Authorization"]
    with server.granian("tests.benchmarks.noop_wsgi:application", port, shop.stack.environment):
        eventually(lambda: answers(port), within=60)
        for warming in (port, shop.stack.port):  # each connection prepares its statements after some requests
            clients.work(size.warm_seconds, payer, warming, key, shop.web)
        floor, paid = [], []
        for _ in range(size.rounds):
            floor.append(clients.work(size.seconds, payer, port, key, shop.web))
            paid.append(clients.work(size.seconds, payer, shop.stack.port, key, shop.web))
    yield from _figures(_all(paid), _all(floor))


def payer(number: int, port: int, key: str, channel: str) -> Act:
    """Pays a new order with every call, over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    body = {"amount": 1250, "currency": "EUR", "method": "card", "channel": channel}

    def pay() -> None:
        name = reference()
        headers = {"Authorization": key, "Idempotency-Key": name, "Content-Type": "application/json"}
        connection.request("POST", "/v1/payments", json.dumps(body | {"order_reference": name}), headers)
        answer = connection.getresponse()
        response = answer.read()
        assert answer.status == 201, response

    return pay


def _all(rounds: list[Done]) -> tuple[float, list[float]]:
    """The median round's rate, and every time."""
    rates = sorted(each.rate for each in rounds)
    return rates[len(rates) // 2], [one for each in rounds for one in each.times]


def _figures(paid: tuple[float, list[float]], floor: tuple[float, list[float]]) -> Iterator[Figure]:
    yield Figure("h.payments", paid[0], "requests/s", floor[0])
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Figure(f"h.payments_{name}", percentile(paid[1], share), "ms", percentile(floor[1], share))


def answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/v1/payments", json={"currency": "EUR"}, trust_env=False).is_success
    except httpx.HTTPError:
        return False
