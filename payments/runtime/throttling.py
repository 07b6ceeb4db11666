"""Guessing a short code is slowed, per kind of code and address; who guesses right never waits.

The counts live in Redis: they are worth seconds. Without Redis nobody is slowed, and a short-lived code of forty random
bits is still not guessed.
"""

import logging
from functools import cache
from typing import Final

import redis
from django.conf import settings

FREE: Final = 10  # wrong guesses that are answered at once
WAIT_SECONDS: Final = 10
REMEMBERED_SECONDS: Final = 600

logger = logging.getLogger(__name__)


def record_failure(kind: str, address: str) -> int | None:
    """Count a failed guess; return the seconds its sender has to wait, or None where it may learn that it failed."""
    count = f"{settings.REDIS_PREFIX}guesses:{kind}:{address}"
    wait = f"{count}:wait"
    try:
        left = int(client().ttl(wait))
        if left > 0:
            return left
        guesses = int(client().incr(count))
        if guesses == 1:
            client().expire(count, REMEMBERED_SECONDS)
        if guesses >= FREE:  # a wait resets the count: a device beside a guesser is not shut out for long
            client().set(wait, 1, ex=WAIT_SECONDS)
            client().delete(count)
    except redis.RedisError:
        logger.warning("Redis does not answer; guesses of %s are not slowed.", kind)
    return None


@cache
def client() -> redis.Redis:
    """The connections that this process counts with."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
