"""What processes measure of their own work; `config.observability.metrics` puts it together for a monitoring system.

Labels name kinds of things, never things: no id, no address, nobody.
"""

import os
import socket
from typing import Final

from prometheus_client import Histogram, values

_HOST: Final = socket.gethostname()


def _process() -> str:
    """Names a process among those of all machines (or containers) that share a folder."""
    return f"{_HOST}-{os.getpid()}"


if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # before the first metric is created: that reads which kind it is to be
    values.ValueClass = values.MultiProcessValue(_process)  # type: ignore[no-untyped-call]

REQUESTS: Final = Histogram(
    "onetill_request_seconds",
    "How long requests took, by method, address and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)
PROVIDER_CALLS: Final = Histogram(
    "onetill_provider_call_seconds",
    "How long providers took to answer, by provider, verb (fetch: asked what became of one) and outcome.",
    ["provider", "verb", "outcome"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
TASKS: Final = Histogram(
    "onetill_task_seconds",
    "How long background tasks took, by task and whether they ended well.",
    ["task", "ended"],
    buckets=(0.01, 0.05, 0.25, 1, 5, 30, 90, 600, 3000),
)
