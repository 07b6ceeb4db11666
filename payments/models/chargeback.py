"""A sale that the cardholder's bank takes back."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant
from payments.models.order import Order
from payments.models.payment import Payment


class Chargeback(ApiObject):
    """One dispute, through all of its stages. An inquiry moves no money; opened, won and lost do."""

    OBJECT: ClassVar[str] = "chargeback"

    class Status(models.TextChoices):
        INQUIRY = "inquiry", _("inquiry")
        OPEN = "open", _("open")
        WON = "won", _("won")
        LOST = "lost", _("lost")

    class Stage(models.TextChoices):
        INQUIRY = "inquiry", _("inquiry")
        CHARGEBACK = "chargeback", _("chargeback")
        PRE_ARBITRATION = "pre_arbitration", _("pre-arbitration")
        ARBITRATION = "arbitration", _("arbitration")

    id = IdField(primary_key=True, default=id_factory("cbk"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, models.PROTECT, related_name="chargebacks")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="chargebacks")
    item = models.BigIntegerField(unique=True, editable=False)  # its open item in the ledger
    provider_reference = models.CharField(_("reference at the provider"), max_length=255)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    stage = models.CharField(_("stage"), max_length=15, choices=Stage)
    status = models.CharField(_("status"), max_length=8, choices=Status)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    respond_by = models.DateTimeField(_("respond by"), null=True, blank=True)  # until when evidence may be sent

    class Meta:
        verbose_name = _("chargeback")
        verbose_name_plural = _("chargebacks")
        constraints = [
            # A dispute keeps its name through all stages: reports in any order meet one row.
            models.UniqueConstraint(fields=["payment", "provider_reference"], name="chargeback_provider_reference"),
            models.CheckConstraint(
                condition=Q(status__in=["inquiry", "open", "won", "lost"]), name="chargeback_status"
            ),
            models.CheckConstraint(
                condition=Q(stage="inquiry", status__in=["inquiry", "won"])
                | Q(stage__in=["chargeback", "pre_arbitration", "arbitration"], status__in=["open", "won", "lost"]),
                name="chargeback_stage",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="chargeback_list")]

    def __str__(self) -> str:
        return self.id


class ChargebackStep(models.Model):
    """One reported step of a dispute, stored once. Its status follows from all steps, in whatever order they came."""

    id = models.BigAutoField(primary_key=True)
    chargeback = models.ForeignKey(Chargeback, models.PROTECT, related_name="steps")
    stage = models.CharField(_("stage"), max_length=15, choices=Chargeback.Stage)
    status = models.CharField(_("status"), max_length=8, choices=Chargeback.Status)
    at = models.DateTimeField(_("at"))
    respond_by = models.DateTimeField(_("respond by"), null=True, blank=True)

    class Meta:
        verbose_name = _("step of a chargeback")
        verbose_name_plural = _("steps of chargebacks")
        constraints = [
            # Each step once, however often a provider reports it.
            models.UniqueConstraint(fields=["chargeback", "stage", "status"], name="chargeback_step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.chargeback_id}: {self.stage}, {self.status}"
