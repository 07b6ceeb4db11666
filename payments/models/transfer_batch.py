"""Bank transfers of refunds that go to the bank as one file."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant


class TransferBatch(ApiObject):
    """One payment order to one of the merchant's banks: its parts are `RefundPart.batch`, each in one batch at most."""

    OBJECT: ClassVar[str] = "transfer_batch"
    RETENTION: ClassVar[timedelta] = timedelta(days=396)
    RETENTION_WHY: ClassVar[str] = (
        "The file names customers and their accounts; it is emptied when no transfer can be contested any more, "
        "after 13 months. Its sums and digest stay with the books."
    )

    class Status(models.TextChoices):
        REQUIRES_APPROVAL = "requires_approval", _("waits for a second person")
        RELEASED = "released", _("released")
        CANCELED = "canceled", _("canceled")

    id = IdField(primary_key=True, default=id_factory("trb"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    iban = models.CharField(_("from account"), max_length=34)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    count = models.PositiveIntegerField(_("transfers"))
    execute_on = models.DateField(_("to be executed on"))
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.REQUIRES_APPROVAL)
    created_by = models.CharField(_("made by"), max_length=100)
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    content = EncryptedTextField(blank=True, default="", editable=False)  # the file, from the release on
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    downloaded_at = models.DateTimeField(_("downloaded at"), null=True, blank=True)
    downloaded_by = models.CharField(_("downloaded by"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("transfer batch")
        verbose_name_plural = _("transfer batches")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["requires_approval", "released", "canceled"]), name="transfer_batch_status"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0) & Q(count__gt=0), name="transfer_batch_amount_positive"),
            models.CheckConstraint(
                condition=Q(status="released", released_at__isnull=False)
                | (~Q(status="released") & Q(released_at__isnull=True, downloaded_at__isnull=True)),
                name="transfer_batch_file_when_released",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="transfer_batch_list")]

    def __str__(self) -> str:
        return self.id
