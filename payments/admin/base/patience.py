"""How long a page may think about one question."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, transaction

from payments.admin.base.sql import is_canceled, limit_statement

PATIENCE: Final = 5_000  # milliseconds


class TooMuchToReadError(Exception):
    """It would take too long."""


@contextmanager
def patience(milliseconds: int = PATIENCE) -> Iterator[None]:
    """Cancel a statement that takes longer.

    Raises:
        TooMuchToReadError: one did.
    """
    try:
        with transaction.atomic():
            limit_statement(milliseconds)
            yield
    except OperationalError as error:
        if is_canceled(error):
            raise TooMuchToReadError from error
        raise
