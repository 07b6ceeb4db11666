"""(i) Bought in the webshop, given back in the store, from the POST until the refund is booked; and memory meanwhile.

(k) The same counted in processor time: what a refund costs each program to completion, sweeps of an idle one taken off.

One at a time on an idle machine, at 1, 10 and 50 a second, and one at a time while the batch worker imports a large settlement.
Booked is what the ledger says: the moment the entry was written, on this machine's one clock.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from tests.benchmarks import processor_time, settlement_files
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, percentile
from tests.benchmarks.memory import Peak, megabytes
from tests.benchmarks.payments_over_http import ANSWERS_AFTER_MS
from tests.names import reference
from tests.simulator import eventually
from tests.stack import Shop

AT_RATE_SECONDS: Final = 10
MOST_DURING: Final = 300  # refunds while a file is imported
SHARES: Final = (("p50", 0.5), ("p99", 0.99))
IDLE_SECONDS: Final = 10
HEARD: Final = 600.0  # seconds that the slowest import may take


def run(size: Size, clients: Clients, shop: Shop) -> Iterator[Figure]:
    httpx.post(f"{shop.stack.simulator_url}/faults", json={"delay_ms": ANSWERS_AFTER_MS}, trust_env=False)
    idle = [_given_back(shop, payment) for payment in _paid(shop, size.refunds)]
    for name, share in SHARES:
        yield Figure(f"i.refund_booked_{name}", percentile(idle, share), "ms")
    for rate in size.refund_rates:
        at_rate = _at_rate(shop, _paid(shop, rate * AT_RATE_SECONDS), rate)
        for name, share in SHARES:
            yield Figure(f"i.refund_at_{rate}_a_second_{name}", percentile(at_rate, share), "ms")
    yield from _processor_time(shop, _paid(shop, size.refunds))
    yield from _while_importing(size, shop, idle)
    yield Figure("m.web", megabytes(shop.stack.processes("config.wsgi")), "MB")
    yield Figure("m.realtime_worker", megabytes(shop.stack.processes("--queues=realtime")), "MB")


def _while_importing(size: Size, shop: Shop, idle: Sequence[float]) -> Iterator[Figure]:
    """First a tenth of the file, then the file, so that memory that grows with it is seen."""
    peaks, times = [], []
    payments = _paid(shop, MOST_DURING)
    with tempfile.TemporaryDirectory(prefix="onetill-bench-") as folder:
        for lines in (size.import_lines // 10, size.import_lines):
            [seed] = _paid(shop, 1)
            file = settlement_files.written(shop, seed, Path(folder), sales=lines // 5, lines=lines)
            peak = Peak(shop.stack, "--queues=batch")
            with peak.watched():
                began = time.monotonic()
                times = list(_until_imported(shop, settlement_files.sent(shop, file), payments))
                took = time.monotonic() - began
            peaks.append(peak.megabytes)
    for name, share in SHARES:
        value, floor = percentile(times, share), percentile(idle, share)
        goal = Goal(3, at_least=False) if name == "p99" else None
        yield Figure(f"i.refund_during_import_{name}", value, "ms", floor, goal=goal)
    yield Figure("i.import", file.lines / took, "lines/s")
    yield Figure("m.import_peak", peaks[1], "MB", peaks[0], goal=Goal(1.3, at_least=False))


def _processor_time(shop: Shop, payments: Sequence[str]) -> Iterator[Figure]:
    """Asked for one at a time and looked at once, at the end: who asks again and again would be counted, too."""
    idle = _used(shop, lambda: time.sleep(IDLE_SECONDS))
    began = time.monotonic()
    refunds = _used(shop, lambda: _given_back_unwatched(shop, payments))
    took = time.monotonic() - began
    each = {name: (used - idle[name] * took / IDLE_SECONDS) / len(payments) for name, used in refunds.items()}
    for name, used in each.items():
        yield Figure(f"k.refund_{name}", max(0.0, used), "ms")
    yield Figure("k.refund", max(0.0, sum(each.values())), "ms")


def _used(shop: Shop, work: Callable[[], object]) -> dict[str, float]:
    before = processor_time.milliseconds(shop.stack)
    work()
    return {name: used - before[name] for name, used in processor_time.milliseconds(shop.stack).items()}


def _given_back_unwatched(shop: Shop, payments: Sequence[str]) -> None:
    requested = []
    for payment in payments:
        requested.append(_ask(shop, payment)[0])
        time.sleep(0.02)
    time.sleep(1)
    for refund in requested[-1:]:
        eventually(partial(_has_succeeded, shop, refund), within=60)


def _has_succeeded(shop: Shop, refund: str) -> bool:
    return bool(shop.api.get(f"/v1/refunds/{refund}")["status"] == "succeeded")


def _until_imported(shop: Shop, file: str, payments: list[str]) -> Iterator[float]:
    """Refunds, one after the other, for as long as the import runs."""
    end = time.monotonic() + HEARD
    while (state := settlement_files.state(shop, file))["status"] not in settlement_files.ENDED:
        assert time.monotonic() < end, state
        if payments:
            yield _given_back(shop, payments.pop())
        else:
            time.sleep(0.5)
    assert state["status"] == "imported", state["problems"]
    if payments:
        yield _given_back(shop, payments.pop())


def _paid(shop: Shop, count: int) -> list[str]:
    """Payments of the webshop."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: _one_paid(shop), range(count)))


def _one_paid(shop: Shop) -> str:
    body = {"amount": 1250, "currency": "EUR", "method": "card", "channel": shop.web}
    answer = shop.api.post("/v1/payments", body | {"order_reference": reference()})
    assert answer.status_code == 201, answer.text
    payment: str = answer.json()["id"]
    return payment


def _at_rate(shop: Shop, payments: Sequence[str], rate: int) -> list[float]:
    """Asked for at their own pace, however long the answers take; when each was booked is looked up afterwards."""
    began = time.monotonic()
    with ThreadPoolExecutor(rate) as pool:
        requested = []
        for number, payment in enumerate(payments):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            requested.append(pool.submit(_ask, shop, payment))
        refunds = [each.result() for each in requested]
    return [_booked_after(shop, refund, moment) for refund, moment in refunds]


def _given_back(shop: Shop, payment: str) -> float:
    """Milliseconds until booked. The machine rests a little before, as a store does between two customers."""
    time.sleep(0.02)
    return _booked_after(shop, *_ask(shop, payment))


def _ask(shop: Shop, payment: str) -> tuple[str, float]:
    """The refund, and when it was asked for."""
    requested = time.time()
    answer = shop.api.post("/v1/refunds", {"payment": payment, "reason": "Bench", "channel": shop.store})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], requested


def _booked_after(shop: Shop, refund: str, requested: float) -> float:
    eventually(lambda: shop.api.get(f"/v1/refunds/{refund}")["status"] == "succeeded", within=60)
    entries = shop.api.get("/v1/ledger/entries", object=refund)["data"]
    booked = max(datetime.fromisoformat(entry["booked_at"]) for entry in entries)
    return (booked.timestamp() - requested) * 1000
