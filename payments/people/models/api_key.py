"""The keys that programs sign in with: stored as a hash, shown once."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class ApiKey(models.Model):
    """One key of one merchant, maybe tied to one channel. Of its text only the SHA-256 and the last characters stay."""

    OBJECT: ClassVar[str] = "api_key"

    class Mode(models.TextChoices):
        TEST = "test", _("test")
        LIVE = "live", _("live")

    id = IdField(primary_key=True, default=id_factory("key"), editable=False)
    merchant_id = IdField(_("merchant"))
    channel_id = IdField(_("channel"), null=True, blank=True, help_text=_("Empty: not tied to one channel."))
    mode = models.CharField(_("mode"), max_length=4, choices=Mode, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    last_characters = models.CharField(_("ends in"), max_length=4, editable=False)
    scopes: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=32), verbose_name=_("scopes"))
    label = models.CharField(_("label"), max_length=100, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=100, editable=False)
    predecessor_id = IdField(null=True, blank=True, editable=False)  # the key that this one was rolled from
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)  # to the hour

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=["test", "live"]), name="api_key_mode"),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="api_key_has_scopes"),
        ]
        indexes = [models.Index(fields=["merchant_id", "-id"], name="api_key_list")]

    def __str__(self) -> str:
        return f"{self.label or self.id} (ot_{self.mode}_…{self.last_characters})"

    def usable_at(self, moment: datetime) -> bool:
        """Tell whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)
