"""Stored value that a shop owes to the holder of a code."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant
from payments.models.order import Order


class Voucher(ApiObject):
    """A code worth money. Only a keyed hash of the code is kept; the code is shown once."""

    OBJECT: ClassVar[str] = "voucher"

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SPENT = "spent", _("spent")
        EXPIRED = "expired", _("expired")
        CANCELED = "canceled", _("canceled")

    class Purpose(models.TextChoices):
        SINGLE = "single", _("single purpose (VAT at sale)")
        MULTI = "multi", _("multi purpose (VAT at use)")

    id = IdField(primary_key=True, default=id_factory("vch"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="+", verbose_name=_("channel"))
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="vouchers")
    item = models.BigIntegerField(unique=True, editable=False)  # its open item in the ledger
    code_hash = models.CharField(max_length=64, editable=False)
    code_end = models.CharField(_("code ends in"), max_length=4)
    amount = AmountField(_("amount"))
    balance = AmountField(_("balance"))
    currency = CurrencyField(_("currency"))
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.ACTIVE)
    purpose = models.CharField(_("purpose"), max_length=6, choices=Purpose, default=Purpose.MULTI)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers")
        constraints = [
            # Also what finds a voucher by its code: the hash is keyed, so that the code cannot be guessed from it.
            models.UniqueConstraint(fields=["merchant", "code_hash"], name="voucher_code"),
            # Behind the row's lock: money cannot be spent twice, nor more put back than was ever on it.
            models.CheckConstraint(condition=Q(balance__gte=0) & Q(balance__lte=F("amount")), name="voucher_balance"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="voucher_amount_positive"),
        ]

    def status_at(self, now: datetime) -> str:
        """Its status; expired from the moment on, whenever that is booked."""
        over = self.expires_at is not None and self.expires_at <= now
        return str(self.Status.EXPIRED if over and self.status == self.Status.ACTIVE else self.status)

    def __str__(self) -> str:
        return f"…{self.code_end}"
