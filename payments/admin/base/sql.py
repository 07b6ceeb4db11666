"""How long one statement of a page may take."""

from django.db import connection
from psycopg.errors import QueryCanceled


def limit_statement(milliseconds: int) -> None:
    """Cancel the next statements of this transaction that take longer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])


def is_canceled(error: BaseException) -> bool:
    """Tell whether a statement took longer than it may."""
    return isinstance(error.__cause__, QueryCanceled)
