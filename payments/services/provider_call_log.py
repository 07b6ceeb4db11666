"""The log line and metric of every call to a provider: how long it took and how it ended, with the request's id."""

import logging
import time
from typing import Final

from payments.models import Operation
from payments.providers.base import Result
from payments.runtime.metrics import PROVIDER_CALLS

FETCH: Final = "fetch"  # the verb of asking what became of an operation

logger: Final = logging.getLogger(__name__)


def note(operation: Operation, verb: str, result: Result, *, began: float) -> None:
    """Measure and log one call that began at `began` (`time.perf_counter`)."""
    seconds = time.perf_counter() - began
    provider, outcome = operation.provider_account.provider, result.outcome.value
    PROVIDER_CALLS.labels(provider, verb, outcome).observe(seconds)
    about = {"provider": provider, "verb": verb, "outcome": outcome, "operation": operation.id}
    logger.info(
        "provider %s, %s: %s",
        provider,
        verb,
        outcome if result.code is None else f"{outcome} ({result.code})",
        extra={**about, "milliseconds": round(seconds * 1000, 1)},
    )
