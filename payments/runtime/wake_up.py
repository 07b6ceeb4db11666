"""Wake who waits for a change of some object, once it is committed: through Redis, to every process that has waiters.

The rows are the truth: a message that is lost costs a waiter the rest of its wait, and nothing else.
"""

import logging
import time
from functools import cache, partial
from typing import Final

import redis
from django.conf import settings
from django.db import transaction

CHANNEL: Final = f"{settings.REDIS_PREFIX}wake_up"
WAIT_SECONDS: Final = 0.5
REST_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)
_resting_until = 0.0


def wake_on_commit(*names: str) -> None:
    """Wake the waiters for these ids after the commit."""
    # robust: a Redis that fails must not make the request fail whose rows are committed.
    transaction.on_commit(partial(_publish, names), robust=True)


def _publish(names: tuple[str, ...]) -> None:
    global _resting_until
    # Half a second lost at every request would be worse than a poll that comes back by itself.
    if time.monotonic() < _resting_until:
        return
    try:
        _client().publish(CHANNEL, " ".join(names))
    except redis.RedisError as error:
        _resting_until = time.monotonic() + REST_SECONDS
        logger.warning("Redis does not wake who waits for %s; they look again when their wait ends. %r", names, error)


@cache
def _client() -> redis.Redis:
    """The connections that this process wakes by."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=WAIT_SECONDS, socket_connect_timeout=WAIT_SECONDS)
