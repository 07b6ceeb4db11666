"""Slow down who guesses passwords and codes: by account and by address, in all processes together, before any hashing.

An attempt is counted before it is looked at, so that many at once are no way around. Who knows the account's device or
address is counted apart: strangers never lock its owner out. The counts live in Redis; while it does not answer, each
process counts by itself. A block is remembered by the process until it ends, and then costs next to nothing.
"""

import hashlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import redis
from django.conf import settings

from payments.runtime import throttling

WINDOW_SECONDS: Final = 600
FIRST_WAIT: Final = 60  # seconds, doubled with every further block of a day
LONGEST_WAIT: Final = 900
STRIKES_SECONDS: Final = 86_400
REMEMBERED: Final = 10_000  # blocks and local counts, so that guessers cannot fill the memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted together, and how many attempts of a window are free."""

    name: str
    free: int


@dataclass(frozen=True, slots=True)
class Block:
    """Wait so long; `begins`: this very attempt is the one that was too many."""

    seconds: int
    begins: bool


class _Memory:
    """What this process remembers: until when a bucket is blocked, and counts while Redis is away."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: dict[str, float] = {}
        self._counts: dict[str, tuple[int, float]] = {}

    def left(self, name: str) -> int:
        """Seconds that a bucket is still blocked; 0: it is not, as far as is known here."""
        left = self._until.get(name, 0.0) - time.monotonic()
        return int(left) + 1 if left > 0 else 0

    def block(self, name: str, seconds: float) -> None:
        with self._lock:
            if len(self._until) >= REMEMBERED:
                self._until.clear()
            self._until[name] = time.monotonic() + seconds

    def count(self, name: str) -> int:
        now = time.monotonic()
        with self._lock:
            if len(self._counts) >= REMEMBERED:
                self._counts.clear()
            count, until = self._counts.get(name, (0, 0.0))
            count, until = (count + 1, until) if now < until else (1, now + WINDOW_SECONDS)
            self._counts[name] = count, until
        return count

    def forget(self, name: str) -> None:
        with self._lock:
            self._counts.pop(name, None)


_memory: Final = _Memory()


def account(name: str) -> str:
    """Return how an account is called here, whether it exists or not: what was typed may have been a password."""
    return hashlib.sha256(name.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def blocked(buckets: Iterable[Bucket]) -> int:
    """Seconds to wait that this process knows of, without asking anybody; 0: none."""
    return max((_memory.left(_key(bucket)) for bucket in buckets), default=0)


def attempt(buckets: list[Bucket]) -> Block | None:
    """Count an attempt in each bucket; a block where it is one too many in any of them."""
    if seconds := blocked(buckets):
        return Block(seconds, begins=False)
    found = None
    for bucket in buckets:
        found = _attempt(bucket) or found
    return found


def succeeded(buckets: Iterable[Bucket]) -> None:
    """Forget the attempts before a right one."""
    for bucket in buckets:
        _memory.forget(_key(bucket))
        try:
            throttling.client().delete(_key(bucket))
        except redis.RedisError:
            logger.warning("Redis does not answer; attempts to sign in are counted by each process.")


def _attempt(bucket: Bucket) -> Block | None:
    key = _key(bucket)
    try:
        with throttling.client().pipeline(transaction=False) as pipe:
            pipe.set(key, 0, ex=WINDOW_SECONDS, nx=True)
            pipe.incr(key)
            pipe.ttl(f"{key}:wait")
            _, count, left = pipe.execute()
        seconds, begins = (left, False) if left > 0 else (_wait(bucket, count), True)
    except redis.RedisError:
        logger.warning("Redis does not answer; attempts to sign in are counted by each process.")
        seconds, begins = (FIRST_WAIT if _memory.count(key) > bucket.free else 0), True
    if seconds <= 0:
        return None
    _memory.block(key, seconds)
    return Block(seconds, begins)


def _wait(bucket: Bucket, count: int) -> int:
    """The seconds that this attempt blocks the bucket for; 0 while attempts are free."""
    if count <= bucket.free:
        return 0
    key = _key(bucket)
    strikes = int(throttling.client().incr(f"{key}:strikes"))
    seconds: int = min(FIRST_WAIT << min(strikes - 1, 10), LONGEST_WAIT)
    with throttling.client().pipeline(transaction=False) as pipe:
        pipe.expire(f"{key}:strikes", STRIKES_SECONDS)
        pipe.set(f"{key}:wait", 1, ex=seconds)
        pipe.delete(key)
        pipe.execute()
    return seconds


def _key(bucket: Bucket) -> str:
    return f"{settings.REDIS_PREFIX}sign_in:{bucket.name}"
