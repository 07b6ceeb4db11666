"""Where a person is signed in: one row a browser, listed for its owner and ended at once when something changes."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class SignIn(models.Model):
    """One session of one person. A browser's session without such a row, or with an ended one, is nobody's."""

    OBJECT: ClassVar[str] = "sign_in"
    RETENTION: ClassVar[timedelta] = timedelta(days=90)
    RETENTION_WHY: ClassVar[str] = "Long enough to tell an address that is known from a new one."

    class Ended(models.TextChoices):
        SIGNED_OUT = "signed_out", _("signed out")
        EXPIRED = "expired", _("idle or too old")
        BY_PERSON = "by_person", _("ended by its owner")
        BY_MANAGER = "by_manager", _("ended by a manager")
        PASSWORD = "password", _("password changed")
        FACTOR = "factor", _("second factor changed")
        ROLE = "role", _("role changed")
        RESTORED = "restored", _("restored from a backup")

    id = IdField(primary_key=True, default=id_factory("sgn"), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    created_at = models.DateTimeField(_("signed in at"), default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(_("last seen at"), default=timezone.now)
    second_factor_at = models.DateTimeField(null=True)  # when a second factor was last proved in it
    address = models.CharField(_("address"), max_length=45, db_collation="C")
    browser = models.CharField(_("browser"), max_length=200)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    ended_because = models.CharField(_("ended because"), max_length=10, choices=Ended, default="", db_default="")

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        indexes = [
            models.Index(fields=["user", "-id"], name="sign_in_of_user"),
            models.Index(fields=["address"], name="sign_in_of_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.created_at:%Y-%m-%d %H:%M}"
