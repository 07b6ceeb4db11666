"""The post of a provider: its webhooks, sent late, twice, shuffled and forged, until they are taken."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

SENDERS: Final = 8
REPEATED_AFTER: Final = 0.3  # seconds


def _is_2xx(answer: httpx.Response) -> bool:
    return answer.is_success


@dataclass(frozen=True, slots=True)
class Letter:
    """One webhook. `sign`: its headers at the moment of sending. `taken`: what this provider counts as received."""

    url: str
    body: bytes
    sign: Callable[[], Mapping[str, str]]
    taken: Callable[[httpx.Response], bool] = _is_2xx


@dataclass(slots=True)
class Mischief:
    """How badly the post behaves: shares between 0 and 1, and seconds."""

    late: float = 0.0
    twice: float = 0.0
    forged: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))


class Post:
    """Sends each letter until it is taken, and each forgery until somebody refuses or takes it."""

    def __init__(self, mischief: Mischief, *, patience: float = 30) -> None:
        self.mischief = mischief
        self.counts: Counter[str] = Counter()  # sent, twice, forged; forged_taken is what must stay 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="fake-post")
        # Reading the machine's certificates takes longer than most tests that have a fake; none is met on loopback.
        self._http = httpx.Client(trust_env=False, timeout=patience, verify=False)

    def send(self, letter: Letter, forge: Callable[[random.Random], Letter] | None = None) -> None:
        """Something happened. `forge` makes a letter that the provider never sent."""
        with self._lock:
            chance = self.mischief.chance
            copies = 2 if chance.random() < self.mischief.twice else 1
            lies = [forge(chance)] if chance.random() < self.mischief.forged and forge is not None else []
            delays = [chance.uniform(0, self.mischief.late) for _ in range(copies + len(lies))]
            self._under_way += len(delays)
            self.counts.update(sent=1, twice=copies - 1, forged=len(lies))
        for delay in delays[:copies]:
            self._later(delay, self._send, letter)
        for lie in lies:
            self._later(delays[-1], self._lie, lie)

    def quiet(self) -> bool:
        """Whether everything has been taken."""
        with self._lock:
            return self._under_way == 0

    def close(self) -> None:
        """Send no more."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _later(self, delay: float, send: Any, letter: Letter) -> None:
        timer = threading.Timer(delay, self._submit, (send, letter))
        timer.daemon = True
        timer.start()

    def _submit(self, send: Any, letter: Letter) -> None:
        if not self._ended.is_set():
            self._pool.submit(send, letter)

    def _send(self, letter: Letter) -> None:
        answer = self._post(letter)
        if answer is not None and letter.taken(answer):
            self._done()
        else:
            self._later(REPEATED_AFTER, self._send, letter)

    def _lie(self, letter: Letter) -> None:
        answer = self._post(letter)
        if answer is None or answer.status_code >= 500:  # nobody was there to refuse it
            self._later(REPEATED_AFTER, self._lie, letter)
            return
        with self._lock:
            refused = answer.status_code == 400
            self.counts.update(forged_refused=int(refused), forged_taken=int(not refused))
        self._done()

    def _post(self, letter: Letter) -> httpx.Response | None:
        try:
            return self._http.post(letter.url, content=letter.body, headers=dict(letter.sign()))
        except httpx.HTTPError:
            return None

    def _done(self) -> None:
        with self._lock:
            self._under_way -= 1
