"""Many at once, over real HTTP: one key has one effect, whoever sends it how often."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.names import reference
from tests.stack import Client, Shop, Stack


@dataclass
class Race:
    """What came of it: `doubled` names a key with more than one effect, `lost` one without, `wrong` anything else."""

    cases: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def keys(stack: Stack, *, count: int, at_once: int, patience: float = 120.0) -> Race:
    """Send each of `count` keys `at_once` times at the same moment; all must get one answer, about one payment."""
    shop, race = Shop(stack), Race()
    token = shop.api.http.headers["Authorization"].removeprefix("Bearer ")
    clients = [Client(stack.url, token) for _ in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        for number in range(count):
            key = reference()
            body = {"order_reference": key, "amount": 1000 + number, "currency": "EUR", "method": "card"}
            start = threading.Barrier(at_once)

            def send(client: Client, key: str = key, body: Any = body, start: threading.Barrier = start) -> str:
                start.wait(60)
                return _insist(lambda: client.post("/v1/payments", body | {"channel": shop.web}, key=key), patience)

            answers = set(pool.map(send, clients))
            race.cases += at_once
            race.wrong += [f"{key}: {len(answers)} different answers"] if len(answers) != 1 else []
            _count(shop, key, race)
    return race


def _insist(send: Callable[[], httpx.Response], patience: float) -> str:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            answer = send()
        except httpx.HTTPError:
            continue
        if answer.status_code != 409:
            return f"{answer.status_code} {answer.text}"
        time.sleep(0.2)
    return "never answered"


def _count(shop: Shop, key: str, race: Race) -> None:
    made = shop.api.get("/v1/payments", order_reference=key)["data"]
    race.lost += [] if made else [key]
    race.doubled += [key] if len(made) > 1 else []
