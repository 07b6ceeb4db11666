"""Stripe's webhooks: signed, and sent late, twice, shuffled and forged, until they are taken."""

import copy
import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.fake_stripe.books import Books, Object

FORGERS_SECRET: Final = "whsec_of_somebody_else"
SENDERS: Final = 8


def body_of(event: Object) -> bytes:
    """An event as it is sent."""
    return json.dumps(event, indent=2).encode()


def signature(secret: str, body: bytes, at: float | None = None) -> str:
    """The `Stripe-Signature` header."""
    moment = int(time.time() if at is None else at)
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def forged(books: Books, event: Object, chance: random.Random) -> tuple[bytes, str]:
    """An event that Stripe never sent: more money than there is, under a signature that is wrong in one of three ways."""
    lie = copy.deepcopy(event)
    lie["id"] = f"evt_forged{chance.getrandbits(48):012x}"
    subject = lie["data"]["object"]
    subject.update(status="succeeded", amount=9_999_99, amount_received=9_999_99)
    body = body_of(lie)
    return chance.choice(
        (
            (body, signature(FORGERS_SECRET, body)),
            (body, signature(books.webhook_secret, body_of(event))),
            (body, signature(books.webhook_secret, body, time.time() - 3600)),
        )
    )


@dataclass(slots=True)
class Mischief:
    """How badly the post behaves: shares between 0 and 1, and seconds."""

    late: float = 0.0
    twice: float = 0.0
    forged: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))


class Post:
    """Sends each event of each account that has an address, until a 2xx."""

    def __init__(self, mischief: Mischief) -> None:
        self.mischief = mischief
        self.counts: Counter[str] = Counter()  # sent, twice, forged; forged_taken is what must stay 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="stripe-post")
        # Reading the machine's certificates takes longer than most tests that have a Stripe; none is met on loopback.
        self._http = httpx.Client(trust_env=False, timeout=30, verify=False)

    def take(self, books: Books, event: Object) -> None:
        """An event happened."""
        if books.webhook_url is None:
            return
        with self._lock:
            chance = self.mischief.chance
            copies = 2 if chance.random() < self.mischief.twice else 1
            lies = [forged(books, event, chance)] if chance.random() < self.mischief.forged else []
            delays = [chance.uniform(0, self.mischief.late) for _ in range(copies + len(lies))]
            self._under_way += len(delays)
            self.counts.update(sent=1, twice=copies - 1, forged=len(lies))
        for delay in delays[:copies]:
            self._later(delay, self._send, books, event)
        for lie in lies:
            self._later(delays[-1], self._lie, books, *lie)

    def quiet(self) -> bool:
        """Whether everything has been taken."""
        with self._lock:
            return self._under_way == 0

    def close(self) -> None:
        """Send no more."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _later(self, delay: float, send: Any, *arguments: Any) -> None:
        timer = threading.Timer(delay, self._submit, (send, arguments))
        timer.daemon = True
        timer.start()

    def _submit(self, send: Any, arguments: tuple[Any, ...]) -> None:
        if not self._ended.is_set():
            self._pool.submit(send, *arguments)

    def _send(self, books: Books, event: Object) -> None:
        body = body_of(event)
        status = self._post(books, body, lambda: signature(books.webhook_secret, body))
        if status is not None and 200 <= status < 300:
            self._done()
        else:
            self._later(0.3, self._send, books, event)

    def _lie(self, books: Books, body: bytes, header: str) -> None:
        status = self._post(books, body, lambda: header)
        if status is None or status >= 500:  # nobody was there to refuse it
            self._later(0.3, self._lie, books, body, header)
            return
        with self._lock:
            self.counts.update(forged_refused=int(status == 400), forged_taken=int(status != 400))
        self._done()

    def _post(self, books: Books, body: bytes, sign: Any) -> int | None:
        headers = {"Stripe-Signature": sign(), "Content-Type": "application/json; charset=utf-8"}
        try:
            return self._http.post(books.webhook_url or "", content=body, headers=headers).status_code
        except httpx.HTTPError:
            return None

    def _done(self) -> None:
        with self._lock:
            self._under_way -= 1
