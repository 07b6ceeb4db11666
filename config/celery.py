"""The doorbell: tasks carry ids, the rows in PostgreSQL are the work; a request's id travels along for the logs."""

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

diary: Final = logging.getLogger("config.tasks")


class TracedTask(Task):  # type: ignore[type-arg]
    """A task that logs under the id of the request that rang for it, and is measured."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        rung_by = self.request.get(HEADER) or NOBODY
        token = current_request_id.set(self.request.id or NOBODY if rung_by == NOBODY else rung_by)
        began, ended = time.perf_counter(), "badly"
        self._look_at_sessions()
        try:
            done = self.run(*args, **kwargs)
            ended = "well"
            return done
        except BaseException:
            self._give_up_sessions()
            raise
        finally:
            self._note(time.perf_counter() - began, ended, is_sweep=rung_by == NOBODY)
            current_request_id.reset(token)

    def _look_at_sessions(self) -> None:
        """Keep the database's session of the task before, unless it is old (CONN_MAX_AGE), was ended, or in doubt.

        Whether the server is still there is asked with the first statement, as in a web process with each request.
        """
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()

    def _give_up_sessions(self) -> None:
        """A task that broke off may leave locks and settings of its session behind: they go with it."""
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:  # a caller's own, where a task runs within its process
                connection.close()

    def _note(self, seconds: float, ended: str, *, is_sweep: bool) -> None:
        TASKS.labels(self.name, ended).observe(seconds)
        if not is_sweep:  # a sweep every second that finds nothing is no news
            about = {"task": self.name, "ended": ended, "milliseconds": round(seconds * 1000, 1)}
            diary.info("task %s ended %s", self.name, ended, extra=about)


class OwnLogging(Logging):
    """Celery would set levels and formats of its own; ours stand in the settings."""

    def setup_logging_subsystem(self, *args: Any, **options: Any) -> bool:
        """Leave everything as it is."""
        return True


class Onetill(Celery):
    """Celery, which puts the current request's id on every message."""

    log_cls = "config.celery:OwnLogging"

    def send_task(self, name: str, *args: Any, headers: dict[str, Any] | None = None, **options: Any) -> Any:
        return super().send_task(name, *args, headers={HEADER: current_request_id.get()} | (headers or {}), **options)


app = Onetill("onetill", task_cls=TracedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("config.observability.heartbeat:Heart")
