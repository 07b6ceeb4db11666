"""An announced payout at a provider, to be read there, and the result of reading it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField
from payments.models import Merchant, ProviderAccount
from reconciliation.models.settlement_file import SettlementFile


class Announcement(models.Model):
    """One announcement; several may be about the same payout. `due_at` None: nothing is left to do."""

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    reference = models.CharField(_("reference"), max_length=255)
    event_id = IdField(null=True, blank=True, unique=True)  # the provider event; None where we found out by asking
    file = models.ForeignKey(
        SettlementFile, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("file")
    )
    detail = models.TextField(_("detail"), blank=True, default="")
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("announcement of a payout")
        verbose_name_plural = _("announcements of payouts")
        constraints = [
            models.UniqueConstraint(
                fields=["provider_account", "reference"], name="announcement_found_once", condition=Q(event_id=None)
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="announcement_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["provider_account", "reference"], name="announcement_payout"),
        ]

    def __str__(self) -> str:
        return self.reference
