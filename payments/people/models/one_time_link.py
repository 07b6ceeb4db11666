"""A link that is sent to one address and works once: the only way in for who has no password or factor yet."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class OneTimeLink(models.Model):
    """One link for one person. Of its token only a SHA-256 is kept: it is 256 random bits."""

    OBJECT: ClassVar[str] = "one_time_link"
    RETENTION: ClassVar[timedelta] = timedelta(days=90)
    RETENTION_WHY: ClassVar[str] = "Long enough to answer how a person got access; the audit log answers it afterwards."

    class Purpose(models.TextChoices):
        INVITATION = "invitation", _("invitation")
        RECOVERY = "recovery", _("recovery")
        PASSWORD = "password", _("new password")

    id = IdField(primary_key=True, default=id_factory("otl"), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="one_time_links")
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    address = models.EmailField(_("e-mail address"), max_length=254, blank=True)  # good while it is the person's
    token_hash = models.CharField(max_length=64, unique=True, db_collation="C", editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.CharField(_("by"), max_length=100, editable=False)
    agreed_by = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    expires_at = models.DateTimeField(_("good until"))
    used_at = models.DateTimeField(_("used at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    class Meta:
        verbose_name = _("one-time link")
        verbose_name_plural = _("one-time links")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose__in=["invitation", "recovery", "password"]), name="one_time_link_purpose"
            ),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="one_time_link_of_user")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.id}"

    def good_at(self, moment: datetime) -> bool:
        """Tell whether it still opens anything."""
        return self.used_at is None and self.revoked_at is None and moment < self.expires_at
