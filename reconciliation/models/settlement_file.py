"""A file that a provider, an acquirer or a bank gave us: booked whole or not at all."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models import Merchant, ProviderAccount
from payments.models.base import ApiObject

FOLDER: Final = "settlement_files"
INCOMING: Final = "incoming"  # as they came, until a worker has masked them


def upload_to(file: "SettlementFile", name: str) -> str:
    """Return where an upload is stored until it is masked: by our own id, never by a name that the sender chose."""
    return f"{INCOMING}/{file.merchant_id}/{file.id}"


def masked_name(file: "SettlementFile") -> str:
    """Return where the masked file is stored."""
    return f"{FOLDER}/{file.merchant_id}/{file.id}"


class SettlementFile(ApiObject):
    """One uploaded file and what became of it. The rows are the work: `processing` is still to be done."""

    OBJECT: ClassVar[str] = "settlement_file"
    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = "It is the evidence of what is booked, kept as long as the books: 7 years."

    class Status(models.TextChoices):
        PROCESSING = "processing", _("processing")
        IMPORTED = "imported", _("imported")
        REFUSED = "refused", _("refused")
        DUPLICATE = "duplicate", _("duplicate")
        RECOGNIZED = "recognized", _("recognized, never booked")

    id = IdField(primary_key=True, default=id_factory("stl"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("provider account")
    )
    channel_id = IdField(null=True, blank=True)  # of the key that sent it, where that is tied to one
    file = models.FileField(_("file"), upload_to=upload_to, max_length=200)
    name = models.CharField(_("name"), max_length=255, blank=True, default="")
    size = models.BigIntegerField(_("size"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    asked_format = models.CharField(max_length=40, blank=True, default="")  # as given by the sender
    format = models.CharField(_("format"), max_length=40, null=True, blank=True)  # what it proved to be
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PROCESSING)
    duplicate_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("duplicate of")
    )
    lines = models.PositiveIntegerField(_("lines"), default=0)
    currency = CurrencyField(_("currency"), null=True, blank=True)
    opening = AmountField(_("opening balance"), null=True, blank=True)
    closing = AmountField(_("closing balance"), null=True, blank=True)
    gross = AmountField(_("gross"), null=True, blank=True)
    fees = AmountField(_("fees with VAT"), null=True, blank=True)
    vat = AmountField(_("VAT on fees"), null=True, blank=True)
    net = AmountField(_("net"), null=True, blank=True)
    problems: models.JSONField[Any, Any] = models.JSONField(_("problems"), default=list, blank=True)
    masked = models.PositiveIntegerField(_("card numbers masked"), default=0)
    # Some of its statements are of accounts that were not known: they are booked when the same file comes again.
    partial = models.BooleanField(default=False, db_default=False)
    actor = models.CharField(_("by"), max_length=100)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True, blank=True)  # when the sweep looks at it; None: nothing is left to do
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("settlement file")
        verbose_name_plural = _("settlement files")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["processing", "imported", "refused", "duplicate", "recognized"]),
                name="settlement_file_status",
            ),
            # A refused file may be sent again once what was wrong around it (an account, say) is put right.
            models.UniqueConstraint(
                fields=["merchant", "sha256"],
                name="settlement_file_once",
                condition=Q(status__in=["processing", "imported", "recognized"], partial=False),
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="settlement_file_list"),
            models.Index(fields=["due_at"], name="settlement_file_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name or self.id
