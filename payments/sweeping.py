"""What every sweep over many things has in common: one that fails must not keep it from the others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

logger = logging.getLogger(__name__)


@contextmanager
def guarded(fault: str, *values: object) -> Iterator[None]:
    """Log the fault of one thing, and go on; a connection that was lost with it is lost to this one alone."""
    try:
        yield
    except Exception:
        logger.exception(fault, *values)
        if not connection.in_atomic_block:  # within somebody's transaction the connection is theirs
            connection.close_if_unusable_or_obsolete()
