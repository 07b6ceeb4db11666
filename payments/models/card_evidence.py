"""What a terminal can prove about a card transaction."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant
from payments.models.operation import Operation
from payments.models.payment import Payment


class CardEvidence(ApiObject):
    """One transaction as the device posted it, receipts masked.

    Retention: seven years, with the books it proves (Dutch fiscal law); no cardholder's name is in it.
    """

    OBJECT: ClassVar[str] = "transaction"

    id = IdField(primary_key=True, default=id_factory("txn"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="evidence")
    operation = models.ForeignKey(Operation, models.PROTECT, null=True, blank=True, related_name="evidence")
    terminal_id = IdField(_("terminal"))
    series = models.PositiveIntegerField(_("series"))
    sequence = models.PositiveBigIntegerField(_("sequence"))
    type = models.CharField(_("type"), max_length=8)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    occurred_at = models.DateTimeField(_("occurred at"))
    rrn = models.CharField("RRN", max_length=40, null=True, blank=True)
    stan = models.CharField("STAN", max_length=20, null=True, blank=True)
    authorization_code = models.CharField(_("authorization code"), max_length=20, null=True, blank=True)
    acquirer_tid = models.CharField("TID", max_length=40, null=True, blank=True)
    acquirer_mid = models.CharField("MID", max_length=40, null=True, blank=True)
    posted: models.JSONField[Any, Any] = models.JSONField()  # the whole transaction, as posted
    # What was found out later of a refund or reversal that the device did not know: approved or declined.
    settled = models.CharField(_("outcome found out later"), max_length=8, null=True, blank=True)

    class Meta:
        verbose_name = _("card evidence")
        verbose_name_plural = _("card evidence")
        # A transaction that is posted twice has one piece of evidence.
        constraints = [models.UniqueConstraint(fields=["terminal_id", "series", "sequence"], name="evidence_sequence")]
        indexes = [
            # By what acquirers print in settlements, and customers bring on slips.
            models.Index(fields=["merchant", "rrn"], name="evidence_rrn"),
            models.Index(fields=["merchant", "authorization_code"], name="evidence_authorization"),
        ]

    def __str__(self) -> str:
        return f"{self.terminal_id} {self.series}/{self.sequence}"
