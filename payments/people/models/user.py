"""A person who signs in."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class User(AbstractUser):
    """A person who signs in. What they may do stands in their roles (`payments.people.permissions`)."""

    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = "People who moved money must be named as long as the books are kept: 7 years."

    id = IdField(primary_key=True, default=id_factory("usr"), editable=False)
    language = models.CharField(
        _("language"),
        max_length=5,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        help_text=_("Empty: as the browser asks."),
    )

    # When this person last proved a second factor in the session they act from (`payments.people.middleware`); None
    # for anybody known from elsewhere. It belongs to the session, not to the row.
    second_factor_at: datetime | None = None
    sign_in_id: str | None = None

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
