"""The lease that makes one process the deliverer."""

from django.db import models


class Lease(models.Model):
    """A named lease that one process holds at a time and keeps renewing; a migration makes the row.

    A row rather than an advisory lock of the session: it works behind a pooler, and a process that froze loses it.
    """

    name = models.CharField(primary_key=True, max_length=20)
    holder = models.CharField(max_length=64, blank=True, default="")
    taken_until = models.DateTimeField()

    class Meta:
        db_table = "notify_seat"  # its first name: a renamed table would break the version that still runs

    def __str__(self) -> str:
        return self.name
