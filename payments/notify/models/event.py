"""The events that webhooks and streams send."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.notify.sql import CurrentTransaction

EVENT_TYPES: Final = (
    "payment.authorized",
    "payment.captured",
    "payment.declined",
    "payment.canceled",
    "payment.expired",
    "payment.reversed",
    "payment.unknown",
    "payment.capture_declined",
    "payment.cancel_declined",
    "refund.requires_approval",
    "refund.pending",
    "refund.succeeded",
    "refund.failed",
    "refund.canceled",
    "chargeback.inquiry",
    "chargeback.opened",
    "chargeback.won",
    "chargeback.lost",
    "terminal.transaction_recorded",
    "terminal.shift_closed",
    "settlement.imported",
    "payout.announced",
    "payout.received",
    "discrepancy.opened",
    "discrepancy.resolved",
    "day.closed",
    "day.reopened",
    "month.closed",
    "month.reopened",
)


class Event(models.Model):
    """One change, with the object as it was after it. Its id is the `webhook-id` of every delivery."""

    OBJECT: ClassVar[str] = "event"
    RETENTION: ClassVar[timedelta] = timedelta(days=549)
    RETENTION_WHY: ClassVar[str] = (
        "An object's snapshot may name its buyer's order. Receivers fetch what they missed, and disputes need what "
        "was sent, for as long as a sale can be disputed: 18 months."
    )

    id = IdField(primary_key=True, default=id_factory("evt"), editable=False)
    merchant_id = IdField(_("merchant"))  # no foreign key: merchants belong to a layer above
    channel_id = IdField(_("channel"), null=True, blank=True)
    type = models.CharField(_("type"), max_length=40)
    object_type = models.CharField(_("object"), max_length=40)
    object_id = IdField(_("object id"))
    data: models.JSONField[Any, Any] = models.JSONField(_("data"))
    test_mode = models.BooleanField(_("test mode"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    # Ids are given before the commit, so that a slower transaction's event appears behind a reader who goes by them.
    # A reader who goes by (xid, id), below the oldest transaction still open, skips nothing.
    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["merchant_id", "-id"], name="event_list"),
            models.Index(fields=["merchant_id", "xid", "id"], name="event_feed"),
            models.Index(fields=["object_id"], name="event_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"
