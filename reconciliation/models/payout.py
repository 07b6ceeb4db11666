"""A provider's transfer to the bank: announced by a settlement, seen on a statement."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models import Merchant, ProviderAccount
from payments.models.base import ApiObject
from reconciliation.models.settlement import Settlement


class Payout(ApiObject):
    """One transfer; negative where the merchant owes the provider."""

    OBJECT: ClassVar[str] = "payout"

    class Status(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        RECEIVED = "received", _("received")
        FAILED = "failed", _("failed")  # the bank sent it back: the provider owes it again

    id = IdField(primary_key=True, default=id_factory("pyo"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    settlement = models.ForeignKey(Settlement, models.PROTECT, related_name="payouts", verbose_name=_("settlement"))
    item = models.BigIntegerField(_("item"), unique=True, editable=False)  # its open item in the ledger
    reference = models.CharField(_("reference"), max_length=255)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ANNOUNCED)
    expected_on = models.DateField(_("expected on"), null=True, blank=True)
    amount_received = AmountField(_("received"), default=0)
    received_on = models.DateField(_("received on"), null=True, blank=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["announced", "received", "failed"]), name="payout_status"),
            models.UniqueConstraint(fields=["provider_account", "reference", "currency"], name="payout_once"),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="payout_list"),
            models.Index(fields=["merchant", "id"], name="payout_on_its_way", condition=Q(status="announced")),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def owed(self) -> int:
        """What the bank has not shown of it yet."""
        return self.amount - self.amount_received
