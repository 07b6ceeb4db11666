"""(l) 500 listeners of the event stream: what they cost while nothing happens, and how soon all of them are told.

The processes of polls and streams are looked at from outside (`/proc`): memory that is theirs alone and CPU time. The
listeners are sockets of this process, of five merchants.
"""

import os
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Size, percentile
from tests.names import reference
from tests.stack import Shop

OF_ONE_MERCHANT = 100
REST_SECONDS = 20  # two heartbeats
TELLING = 20  # sales to be told of


class Listener:
    """One open stream, read without waiting."""

    def __init__(self, port: int, key: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        ask = f"GET /v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {key}\r\n\r\n"
        self.socket.sendall(ask.encode())
        head = b""
        while b"retry:" not in head:
            more = self.socket.recv(65536)
            assert more and b"HTTP/1.1 200" in head + more, head + more
            head += more
        self.socket.setblocking(False)


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    merchants = [shop, *(Shop(shop.stack) for _ in range(1, -(-size.listeners // OF_ONE_MERCHANT)))]
    processes = shop.stack.processes("config.asgi")
    before = _memory(processes)
    with ExitStack() as streams:
        listeners = [_listen(shop.stack.port + 1, merchants[at // OF_ONE_MERCHANT]) for at in range(size.listeners)]
        for listener in listeners:
            streams.callback(listener.socket.close)
        yield Figure("l.memory_per_listener", (_memory(processes) - before) / size.listeners, "kB")
        _drain(listeners)
        used, began = _cpu(processes), time.monotonic()
        time.sleep(REST_SECONDS)
        spent = (_cpu(processes) - used) / (time.monotonic() - began)
        yield Figure("l.cpu_at_rest", spent * 100, "% of one core")
        times = [one for _ in range(TELLING) for one in _heard_after(merchants[0], listeners)]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Figure(f"l.told_{name}", percentile(times, share), "ms")


def _listen(port: int, merchant: Shop) -> Listener:
    return Listener(port, str(merchant.api.http.headers["Authorization"]))


def _heard_after(shop: Shop, listeners: list[Listener]) -> list[float]:
    """Milliseconds from the answer to a sale until each listener of its merchant has heard of it."""
    _drain(listeners)
    body = {"amount": 1250, "currency": "EUR", "method": "card", "channel": shop.web}
    answer = shop.api.post("/v1/payments", body | {"order_reference": reference()})
    assert answer.status_code == 201, answer.text
    began, times = time.perf_counter(), []
    with selectors.DefaultSelector() as waiting:
        for listener in listeners[:OF_ONE_MERCHANT]:
            waiting.register(listener.socket, selectors.EVENT_READ)
        while waiting.get_map() and time.perf_counter() - began < 30:
            for key, _ in waiting.select(1):
                assert isinstance(key.fileobj, socket.socket)
                if b"payment.captured" in key.fileobj.recv(1 << 20):
                    times.append((time.perf_counter() - began) * 1000)
                    waiting.unregister(key.fileobj)
    assert len(times) == len(listeners[:OF_ONE_MERCHANT])
    return times


def _drain(listeners: list[Listener]) -> None:
    for listener in listeners:
        try:
            while listener.socket.recv(1 << 20):
                pass
        except BlockingIOError:
            continue


def _memory(processes: list[int]) -> float:
    """Kilobytes that belong to these processes alone."""
    lines = [line for process in processes for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()]
    return sum(float(line.split()[1]) for line in lines if line.startswith("Private_"))


def _cpu(processes: list[int]) -> float:
    """Seconds that these processes have worked."""
    fields = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in processes]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")
