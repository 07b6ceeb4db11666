"""Receipts that are to be written: the row is the work, and is gone once its letter is."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.db.fields import IdField


class ReceiptDue(models.Model):
    """One receipt that a worker has to render and send. `to` is empty for the customer's own address.

    Retention: minutes. A sent e-mail stays ninety days; a receipt can be rendered as long as the books are kept.
    """

    OBJECT: ClassVar[str] = "receipt"

    merchant_id = IdField(_("merchant"))
    object_id = IdField(_("about"))  # a payment or a refund
    to = models.EmailField(pgettext_lazy("mail", "to"), max_length=254, blank=True, default="")
    language = models.CharField(_("language"), max_length=2, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)  # None: given up

    class Meta:
        verbose_name = _("receipt to be written")
        verbose_name_plural = _("receipts to be written")
        indexes = [models.Index(fields=["due_at"], name="receipt_due", condition=Q(due_at__isnull=False))]

    def __str__(self) -> str:
        return self.object_id
