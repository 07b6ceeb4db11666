"""A webhook endpoint: the URL, the events it receives, and the secrets that sign them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import IdField, id_factory


class WebhookEndpoint(models.Model):
    """One URL. With a channel it receives that channel's events only; events `["*"]` means all of them."""

    OBJECT: ClassVar[str] = "webhook_endpoint"

    class Status(models.TextChoices):
        ENABLED = "enabled", _("enabled")
        DISABLED = "disabled", _("disabled")

    id = IdField(primary_key=True, default=id_factory("we"), editable=False)
    merchant_id = IdField(_("merchant"))
    channel_id = IdField(_("channel"), null=True, blank=True)
    test_mode = models.BooleanField(_("test mode"))
    url = models.CharField(_("address"), max_length=2048)
    events: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=40), verbose_name=_("events"))
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.ENABLED)
    secret = EncryptedTextField(editable=False)
    previous_secret = EncryptedTextField(null=True, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failed attempts in a row"), default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["enabled", "disabled"]), name="webhook_endpoint_status"),
            models.CheckConstraint(condition=Q(events__len__gt=0), name="webhook_endpoint_has_events"),
        ]
        indexes = [models.Index(fields=["merchant_id", "-id"], name="webhook_endpoint_list")]

    def __str__(self) -> str:
        return self.url
