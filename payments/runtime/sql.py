"""The list of work that failed (`payments.models.WorkFailure`): raw SQL, since sweeps are a layer below the models."""

from datetime import datetime

from django.db import connection


def failed(work: str) -> list[tuple[str, datetime | None]]:
    """Return (item, when it is tried again) of items that failed and have not succeeded since; None: not by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject, due_at FROM payments_workfailure WHERE work = %s", [work])
        return list(cursor.fetchall())


def note(work: str, subject: str, merchant_id: str | None, error: str) -> int:
    """Count a failure, and return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_workfailure AS f
                (work, subject, merchant_id, attempts, error, first_failed_at, last_failed_at)
            VALUES (%s, %s, %s, 1, %s, clock_timestamp(), clock_timestamp())
            ON CONFLICT (work, subject) DO UPDATE
                SET attempts = f.attempts + 1, error = excluded.error, last_failed_at = excluded.last_failed_at
            RETURNING attempts
            """,
            [work, subject, merchant_id, error],
        )
        return int(cursor.fetchone()[0])


def rest(work: str, subject: str, due_at: datetime | None) -> None:
    """Set when an item is tried again; None: only at a person's request."""
    with connection.cursor() as cursor:
        statement = "UPDATE payments_workfailure SET due_at = %s WHERE work = %s AND subject = %s"
        cursor.execute(statement, [due_at, work, subject])


def forget(work: str, subject: str) -> None:
    """Forget the failures of an item that succeeded."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_workfailure WHERE work = %s AND subject = %s", [work, subject])
