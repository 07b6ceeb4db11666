"""Provider events: stored first, applied once, kept as evidence."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant, ProviderAccount


class ProviderEvent(ApiObject):
    """One webhook as it came in. The same event again only counts up `deliveries`.

    Retention: 18 months, the longest window in which a scheme lets a sale be disputed.
    """

    OBJECT: ClassVar[str] = "provider_event"

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        WAITING = "waiting", _("waits for what it is about")
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("concerns nothing of ours")
        UNREADABLE = "unreadable", _("unreadable")

    id = IdField(primary_key=True, default=id_factory("pev"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", db_index=False, verbose_name=_("provider account")
    )
    event_id = models.CharField(_("event id at the provider"), max_length=255)
    body = models.BinaryField()
    announces = models.CharField(_("payout"), max_length=255, blank=True, default="")  # there is news of it
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    detail = models.TextField(_("detail"), blank=True, default="")
    deliveries = models.PositiveIntegerField(_("deliveries"), default=1)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        # Providers repeat their events: the second insert finds this, in the same statement.
        constraints = [models.UniqueConstraint(fields=["provider_account", "event_id"], name="provider_event_once")]
        indexes = [
            models.Index(fields=["due_at"], name="provider_event_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["merchant", "-id"], name="provider_event_list"),
            models.Index(fields=["provider_account", "-id"], name="provider_event_of_account"),
            # Few events announce a payout; without it the sweep would read through all that do not.
            models.Index(fields=["id"], name="provider_event_announces", condition=~Q(announces="")),
        ]

    def __str__(self) -> str:
        return self.event_id
