"""Workers and the sweeps' clock say that they are there, in the broker they work from.

A key that lives for a while, not a moment to compare with: the clocks of two machines need not agree.
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


def say(name: str) -> None:
    """This part is there; a broker that is not has its own alarm."""
    try:
        with broker() as client:
            client.set(_key(name), 1, ex=LIVES_SECONDS)
    except redis.RedisError as error:
        logger.debug("%s could not say that it is there: %r", name, error)


def heard(names: tuple[str, ...]) -> dict[str, bool]:
    """Which of these parts have said so lately.

    Raises:
        RedisError: the broker does not answer.
    """
    with broker() as client:
        found: Any = client.mget([_key(name) for name in names])
        return {name: value is not None for name, value in zip(names, found, strict=True)}


class Heart(bootsteps.StartStopStep):
    """Part of a worker's main process: it beats while the worker takes tasks, however long one of them is."""

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
            say(queue)


class Scheduler(PersistentScheduler):
    """Celery's own, which says at its ticks that it is there."""

    _said = 0.0

    def tick(self, *args: Any, **options: Any) -> Any:
        if time.monotonic() - self._said > SECONDS:
            self._said = time.monotonic()
            say(BEAT)
        return super().tick(*args, **options)


def _key(name: str) -> str:
    return f"{settings.REDIS_PREFIX}onetill:alive:{name}"


def broker() -> redis.Redis:
    """The broker, asked once and not for long."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=once)
