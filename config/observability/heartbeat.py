"""Heartbeats of the workers and of beat, as keys in the broker.

A key expires, rather than holding a time to compare with, so that two machines' clocks need not be equal.
"""

import logging
import time
from typing import Any, Final

import redis
from celery import bootsteps
from celery.beat import PersistentScheduler
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS: Final = 3.0
LIVES_SECONDS: Final = 20
BEAT: Final = "beat"

logger: Final = logging.getLogger(__name__)


def beat(name: str) -> None:
    """Set a part's heartbeat. Does nothing if the broker is down, which has an alarm of its own."""
    try:
        with broker() as client:
            client.set(_key(name), 1, ex=LIVES_SECONDS)
    except redis.RedisError as error:
        logger.debug("the heartbeat of %s could not be set: %r", name, error)


def alive(names: tuple[str, ...]) -> dict[str, bool]:
    """Return whether each of these parts has a recent heartbeat.

    Raises:
        RedisError: the broker does not answer.
    """
    with broker() as client:
        found: Any = client.mget([_key(name) for name in names])
        return {name: value is not None for name, value in zip(names, found, strict=True)}


class Heart(bootsteps.StartStopStep):
    """A bootstep of a worker's main process: it beats while the worker takes tasks, however long one of them is."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        queues = tuple(consumer.app.amqp.queues.consume_from)
        self._beat(queues)
        self._timer = consumer.timer.call_repeatedly(SECONDS, self._beat, (queues,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self, queues: tuple[str, ...]) -> None:
        for queue in queues:
            beat(queue)


class Scheduler(PersistentScheduler):
    """Celery's scheduler, with a heartbeat at its ticks."""

    _beaten = 0.0

    def tick(self, *args: Any, **options: Any) -> Any:
        if time.monotonic() - self._beaten > SECONDS:
            self._beaten = time.monotonic()
            beat(BEAT)
        return super().tick(*args, **options)


def _key(name: str) -> str:
    return f"{settings.REDIS_PREFIX}onetill:alive:{name}"


def broker() -> redis.Redis:
    """Return a client of the broker without retries and with short timeouts."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=once)
