"""The columns that every object of the API shares.

A foreign key has no index of its own (`db_index=False`) where others begin with it, or where its parent is never
removed and nothing is looked up by it alone: each index costs every insert, and misleads a planner that has not
counted yet into reading a whole merchant.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ApiObject(models.Model):
    """An object with an id of its own."""

    OBJECT: ClassVar[str]

    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        abstract = True
