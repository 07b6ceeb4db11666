"""The Celery app: tasks carry ids, the rows in PostgreSQL are the queue; the request's id is passed on for the logs."""

import logging
import os
import time
from typing import Any, Final

from celery import Celery, Task
from celery.app.log import Logging
from django.db import connections

from config.observability.logging import NOBODY, current_request_id
from payments.runtime.metrics import TASKS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

HEADER = "onetill_request_id"

logger: Final = logging.getLogger("config.tasks")


class TracedTask(Task):  # type: ignore[type-arg]
    """A task that logs under the id of the request that enqueued it, and is measured."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        enqueued_by = self.request.get(HEADER) or NOBODY
        token = current_request_id.set(self.request.id or NOBODY if enqueued_by == NOBODY else enqueued_by)
        began, ended = time.perf_counter(), "badly"
        self._check_sessions()
        try:
            done = self.run(*args, **kwargs)
            ended = "well"
            return done
        except BaseException:
            self._close_sessions()
            raise
        finally:
            self._measure(time.perf_counter() - began, ended, is_sweep=enqueued_by == NOBODY)
            current_request_id.reset(token)

    def _check_sessions(self) -> None:
        """Keep the previous task's database session, unless it is old (CONN_MAX_AGE), closed, or had an error.

        The session is probed at its first statement, as in a web process at each request.
        """
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()

    def _close_sessions(self) -> None:
        """Close the sessions of a failed task, which may have left locks and settings in them."""
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:  # a caller's own, where a task runs within its process
                connection.close()

    def _measure(self, seconds: float, ended: str, *, is_sweep: bool) -> None:
        TASKS.labels(self.name, ended).observe(seconds)
        if not is_sweep:  # a line a second for sweeps that find nothing would bury the others
            about = {"task": self.name, "ended": ended, "milliseconds": round(seconds * 1000, 1)}
            logger.info("task %s ended %s", self.name, ended, extra=about)


class OwnLogging(Logging):
    """Keeps Celery from setting levels and formats of its own; ours are in the settings."""

    def setup_logging_subsystem(self, *args: Any, **options: Any) -> bool:
        """Change nothing. Return True: logging is set up."""
        return True


class Onetill(Celery):
    """Celery that puts the current request's id on every message."""

    log_cls = "config.celery:OwnLogging"

    def send_task(self, name: str, *args: Any, headers: dict[str, Any] | None = None, **options: Any) -> Any:
        return super().send_task(name, *args, headers={HEADER: current_request_id.get()} | (headers or {}), **options)


app = Onetill("onetill", task_cls=TracedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("config.observability.heartbeat:Heart")
