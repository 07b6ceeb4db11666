"""Whose turn it is to deliver."""

from django.db import models


class Seat(models.Model):
    """One place that one process has at a time, by a lease it keeps renewing; the migration makes the row.

    A lease and not a lock of the session: it works behind a pooler, and a process that froze loses it.
    """

    name = models.CharField(primary_key=True, max_length=20)
    holder = models.CharField(max_length=64, blank=True, default="")
    taken_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
