"""One event on its way to one endpoint."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.notify.models.endpoint import WebhookEndpoint
from payments.notify.models.event import Event


class WebhookDelivery(models.Model):
    """A queue entry: pending until a 2xx, or until the schedule ends.

    Its foreign keys have no database constraint: an endpoint deleted meanwhile must never make a payment fail at its
    commit, and no payment waits for an endpoint's row. The sweep clears what such an endpoint leaves behind.
    """

    OBJECT: ClassVar[str] = "webhook_delivery"

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")

    id = IdField(primary_key=True, default=id_factory("dlv"), editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", db_constraint=False, db_index=False
    )
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", db_constraint=False)
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    earlier_attempts = models.PositiveIntegerField(default=0)  # before it was last resent: the schedule starts again
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)  # an attempt is under way
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    failure = models.CharField(_("failure"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(status="pending", next_attempt_at__isnull=False)
                | Q(status__in=["succeeded", "failed"], next_attempt_at__isnull=True),
                name="webhook_delivery_status",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"], name="webhook_delivery_pending", condition=Q(status="pending")
            ),
            models.Index(fields=["endpoint"], name="webhook_delivery_leased", condition=Q(lease_until__isnull=False)),
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_list"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.endpoint_id}"
