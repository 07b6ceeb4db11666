"""(w) A provider's webhook until it is acknowledged, with 32 senders at once, against a view that does nothing.

Half of them tell again what the call was told, as most webhooks do; the other half is news that a worker is rung for.
The senders are threads of this process and take their share of the machine. The goal is 250 ms.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

from standardwebhooks import Webhook

from tests.benchmarks import server
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, percentile
from tests.benchmarks.payments_over_http import NOOP_PORT, answers
from tests.names import reference
from tests.simulator import eventually
from tests.stack import Shop

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" * 2
GOAL_MS = 250.0
Send = Callable[[HTTPConnection], None]


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    account, known = _account(shop), _known(shop)
    port = shop.stack.port + NOOP_PORT
    with server.granian("tests.benchmarks.noop_wsgi:application", port, shop.stack.environment):
        eventually(lambda: answers(port), within=60)
        floor: list[float] = []
        told: list[float] = []
        for _ in range(size.rounds):
            floor += _at_once(size, port, _sender("/v1/payments", account, known, 201))
            path = f"/providers/simulator/{account}/webhooks"
            told += _at_once(size, shop.stack.port, _sender(path, account, known, 200))
    yield Figure("w.webhooks_acknowledged", len(told) / (size.rounds * size.seconds), "requests/s")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Figure(f"w.webhook_{name}", percentile(told, share), "ms", percentile(floor, share))
    yield Figure("w.webhook_p99_of_goal", percentile(told, 0.99), "ms", GOAL_MS, Goal(1, at_least=False))


def _account(shop: Shop) -> str:
    body = {"provider": "simulator", "name": "Benched", "currency": "EUR", "credentials": {"webhook_secret": SECRET}}
    made = shop.api.post("/v1/provider_accounts", body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _known(shop: Shop) -> dict[str, Any]:
    """What the provider would tell once more of a sale that succeeded."""
    body = {"amount": 1250, "currency": "EUR", "method": "card", "channel": shop.web, "order_reference": "bench-w"}
    paid = shop.api.post("/v1/payments", body).json()
    operation = shop.api.get(f"/v1/payments/{paid['id']}", expand="operations")["operations"][0]
    return {
        "fact": "sale",
        "outcome": "succeeded",
        "reference": operation["provider_reference"],
        "amount": 1250,
        "currency": "EUR",
        "operation_id": operation["id"],
    }


def _sender(path: str, account: str, known: dict[str, Any], status: int) -> Send:
    """Sends another event with every call."""
    signer = Webhook(SECRET)

    def send(connection: HTTPConnection) -> None:
        event_id, now = f"evt_{reference()}", datetime.now(UTC)
        data = known | {"account": account} | ({} if now.microsecond % 2 else {"fact": "of another kind"})
        body = json.dumps({"id": event_id, "type": "bench", "created_at": now.isoformat(), "data": data})
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(event_id, now, body),
        }
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        response = answer.read()
        assert answer.status == status, response

    return send


def _at_once(size: Size, port: int, send: Send) -> list[float]:
    """Let every sender send one after the other for a while; return what each took, in milliseconds."""
    together = threading.Barrier(size.senders)

    def repeat(_: int) -> list[float]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        send(connection)  # connects
        together.wait(60)
        times: list[float] = []
        began = last = time.perf_counter()
        while last - began < size.seconds:
            send(connection)
            now = time.perf_counter()
            times.append((now - last) * 1000)
            last = now
        connection.close()
        return times

    with ThreadPoolExecutor(size.senders) as threads:
        return [one for times in threads.map(repeat, range(size.senders)) for one in times]
