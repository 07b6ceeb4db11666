"""(q) 500 devices that wait for what they are to do: what they cost at rest, and how soon one of them is woken.

The process of polls and streams is looked at from outside (`/proc`): memory that is its own and CPU time, while every
device asks again whenever its 25 seconds are over. Woken is measured from the till's answer to the device's.
"""

import json
import secrets
import selectors
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import httpx

from terminals import signatures
from tests.benchmarks.clients import Clients
from tests.benchmarks.event_listeners import _cpu, _memory
from tests.benchmarks.measure import Figure, Goal, Size, percentile
from tests.stack import Shop

WAIT = 25
REST_SECONDS = 50  # every device asks twice
WAKINGS = 100
MOST_MEGABYTES, MOST_OF_A_CORE, LATEST_MS = 200.0, 5.0, 100.0  # what is claimed of 500 devices
WITHIN = Goal(1, at_least=False)
PATH = f"/v1/terminal/actions?wait={WAIT}"


class Waiting:
    """One device's connection, and its request that is under way."""

    def __init__(self, port: int, terminal: str, secret: str) -> None:
        self.terminal, self.secret = terminal, secret
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def headers(self, body: bytes) -> dict[str, str]:
        name, moment = secrets.token_hex(8), str(int(time.time()))
        signature = signatures.sign_with_secret(self.secret, signatures.message(name, moment, body), 1)
        return {
            "Terminal-Id": self.terminal,
            "webhook-id": name,
            "webhook-timestamp": moment,
            "webhook-signature": signature,
        }

    def ask(self) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers(b"").items())
        self.socket.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())

    def answer(self) -> bytes:
        """The answer that is there now."""
        received = self.socket.recv(65536)
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(65536)
        return received


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    processes = shop.stack.processes("config.asgi")
    before = _memory(processes)
    with ExitStack() as open_ones:
        devices = [_device(shop) for _ in range(size.listeners)]
        for device in devices:
            open_ones.callback(device.socket.close)
        with selectors.DefaultSelector() as waiting:
            for device in devices:
                waiting.register(device.socket, selectors.EVENT_READ, device)
                device.ask()
            _rest(waiting, 5)
            yield Figure("q.memory", (_memory(processes) - before) / 1024, "MB", MOST_MEGABYTES, goal=WITHIN)
            used, began = _cpu(processes), time.monotonic()
            _rest(waiting, REST_SECONDS if size.listeners > 100 else 3)
            spent = (_cpu(processes) - used) / (time.monotonic() - began)
            yield Figure("q.cpu_at_rest", spent * 100, "% of one core", MOST_OF_A_CORE, goal=WITHIN)
            times = [_woken(shop, waiting, devices) for _ in range(min(WAKINGS, size.listeners * 2))]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        value, is_claimed = percentile(times, share), name == "p99"
        floor, goal = (LATEST_MS, WITHIN) if is_claimed else (None, None)
        yield Figure(f"q.woken_{name}", value, "ms", floor, goal=goal)


def _device(shop: Shop) -> Waiting:
    made = shop.api.post("/v1/terminals", {"channel": shop.store, "label": f"Till {uuid.uuid4().hex[:6]}"}).json()
    paired = httpx.post(
        f"{shop.stack.url}/v1/terminals/pair", json={"pairing_code": made["pairing_code"]}, trust_env=False
    )
    return Waiting(shop.stack.port + 1, made["id"], paired.json()["secret"])


def _rest(waiting: selectors.BaseSelector, seconds: float) -> None:
    """Let devices wait, each asking again when there was nothing."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in waiting.select(min(left, 1.0)):
            device: Waiting = key.data
            assert b" 204 " in device.answer()[:20]
            device.ask()


def _woken(shop: Shop, waiting: selectors.BaseSelector, devices: Sequence[Waiting]) -> float:
    """Milliseconds from the till's answer until its device has the action."""
    device = secrets.choice(devices)
    body = {"type": "sale", "amount": 1000, "currency": "EUR"}
    answer = shop.api.post(f"/v1/terminals/{device.terminal}/actions", body)
    began = time.perf_counter()
    assert answer.status_code == 201, answer.text
    while True:
        for key, _ in waiting.select(30):
            response = key.data.answer()
            took = (time.perf_counter() - began) * 1000
            if key.data is device and b" 200 " in response[:20]:
                _end(shop, device, answer.json()["id"])
                device.ask()
                return took
            key.data.ask()


def _end(shop: Shop, device: Waiting, action: str) -> None:
    """Nobody came with a card: the terminal is free again."""
    content = json.dumps({"outcome": "aborted"}).encode()
    headers = {**device.headers(content), "Content-Type": "application/json"}
    address = f"{shop.stack.url}/v1/terminal/actions/{action}/result"
    assert httpx.post(address, content=content, headers=headers, trust_env=False).status_code == 200
