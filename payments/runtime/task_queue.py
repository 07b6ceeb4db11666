"""Enqueue a task once the transaction is committed. The rows are the work: a lost message only costs seconds.

A dead broker must never slow or break a request: publishing has connections of its own, which wait half a second and
try once, and after a failure none is sent for a while. The sweeps find the work of tasks that were never sent.
"""

import logging
import time
from functools import cache, partial
from typing import Any, Final

from celery import current_app
from django.db import transaction
from kombu.pools import ProducerPool, producers

from payments.runtime.fail_points import fail_point

WAIT_SECONDS: Final = 0.5
REST_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)
_resting_until = 0.0


def enqueue_on_commit(task_name: str, *args: str) -> None:
    """Have a worker run `task_name` with these ids after the commit; at once where no transaction is open."""
    # robust: a broker that fails must not make the request fail whose rows are committed.
    transaction.on_commit(partial(_publish, task_name, args), robust=True)


def _publish(task_name: str, args: tuple[str, ...]) -> None:
    global _resting_until
    # Half a second lost at every request would be worse than seconds until the sweep.
    if time.monotonic() < _resting_until:
        return
    try:
        fail_point("enqueue.started")
        with _producers(current_app.conf.broker_write_url).acquire(block=True, timeout=WAIT_SECONDS) as producer:
            current_app.send_task(task_name, args=args, producer=producer, retry=False, ignore_result=True)
        fail_point("enqueue.sent")
    except Exception as error:  # noqa: BLE001 (no error of the broker may fail the request)
        _resting_until = time.monotonic() + REST_SECONDS
        logger.warning("The broker does not take %s%s; the sweep will find it. %r", task_name, args, error)


@cache
def _producers(url: str) -> ProducerPool:
    """Connections that give up soon, kept open; one per thread that enqueues at the same moment."""
    options: dict[str, Any] = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": WAIT_SECONDS,
        "socket_connect_timeout": WAIT_SECONDS,
        "max_retries": 0,
    }
    pool: ProducerPool = producers[current_app.connection_for_write(url, transport_options=options)]
    return pool
