"""Logging: one line per record, with the request's id and no personal data (`config.observability.redaction`).

On a terminal lines are text, elsewhere JSON objects, unless LOG_FORMAT sets the format.
"""

import logging
import logging.config
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.observability.redaction import scrub

# Python would print a record that cannot be formatted to stderr, unscrubbed.
logging.raiseExceptions = False

# The id of the request (or task) this thread or coroutine works for.
NOBODY: Final = "-"
current_request_id: ContextVar[str] = ContextVar("current_request_id", default=NOBODY)

FORMATS: Final = ("json", "text")
# The fields that a record may have beside its message (`extra=`): kinds, our own ids and figures.
MEMBERS: Final = (
    *("method", "route", "status", "milliseconds"),
    *("provider", "verb", "outcome", "operation"),
    *("task", "ended"),
)
# They write a line for every request, call and task: useful to machines, too many for people.
_ACCESS_LOGGERS: Final = ("config.requests", "config.tasks", "payments.services.provider_call_log")


class ScrubbedFormatter(logging.Formatter):
    """Scrubs the finished line, wherever its parts came from: text, arguments or traceback."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = current_request_id.get()
        return scrub(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": current_request_id.get(),
            "message": scrub(record.getMessage()),
        }
        line |= {name: getattr(record, name) for name in MEMBERS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = scrub(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = scrub(record.stack_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def is_json() -> bool:
    """Return whether lines are JSON: by LOG_FORMAT, else if stderr is no terminal."""
    wanted = env.text("LOG_FORMAT", "text" if sys.stderr.isatty() else "json")
    if wanted not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT must be json or text, not {wanted!r}.")
    return wanted == "json"


def _is_no_probe(record: logging.LogRecord) -> bool:
    """Return False for the errors that health probes get every second: the response has them already."""
    request = getattr(record, "request", None)
    return not (request is not None and request.path.startswith("/health/") and record.exc_info is None)


def configuration() -> dict[str, Any]:
    """Return the setting LOGGING."""
    json = is_json()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "config.observability.logging.JsonFormatter"},
            "text": {
                "()": "config.observability.logging.ScrubbedFormatter",
                "format": "{asctime} {levelname} {name} {request_id} {message}",
                "style": "{",
            },
        },
        "filters": {"no_probe": {"()": "django.utils.log.CallbackFilter", "callback": _is_no_probe}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json" if json else "text"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django.request": {"filters": ["no_probe"]},
            **{name: {"level": "INFO" if json else "WARNING"} for name in _ACCESS_LOGGERS},
            **{name: {"level": "WARNING"} for name in ("httpx", "celery", "kombu")},
        },
    }
