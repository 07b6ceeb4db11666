"""What of the books is handed to the accountant's software: exports, the accountant's codes, and what is due when."""

from datetime import date, timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models import Merchant
from payments.models.base import ApiObject

FOLDER: Final = "exports"


def stored_at(export: "Export", name: str) -> str:
    """Return where an export's file is stored: by our own id."""
    return f"{FOLDER}/{export.merchant_id}/{export.id}"


class ExportSchedule(ApiObject):
    """An export that is made again every day or month, and where it is handed over."""

    OBJECT: ClassVar[str] = "export_schedule"

    class Every(models.TextChoices):
        DAY = "day", _("every day, of the day before")
        MONTH = "month", _("every month, of the month before")

    class Delivery(models.TextChoices):
        FOLDER = "folder", _("into the server's export folder")
        MAIL = "mail", _("by e-mail")
        SFTP = "sftp", _("to a server, by SFTP")

    id = IdField(primary_key=True, default=id_factory("exs"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    every = models.CharField(_("how often"), max_length=5, choices=Every)
    delivery = models.CharField(_("handed over"), max_length=6, choices=Delivery)
    email = models.EmailField(_("e-mail address"), max_length=254, blank=True, default="")
    host = models.CharField(_("server"), max_length=253, blank=True, default="", db_default="")
    port = models.PositiveIntegerField(_("port"), null=True, blank=True)
    user = models.CharField(_("user name"), max_length=100, blank=True, default="", db_default="")
    folder = models.CharField(_("folder"), max_length=255, blank=True, default="", db_default="")
    # The server's, as a person has confirmed it: no other is signed in to.
    host_key = models.TextField(_("host key"), blank=True, default="", db_default="", editable=False)
    sign_in = EncryptedTextField(null=True, blank=True, editable=False)  # password or private key
    kind = models.CharField(_("kind"), max_length=20)
    profile = models.CharField(_("profile"), max_length=20, blank=True, default="")
    currency = CurrencyField(_("currency"))
    account = models.CharField(_("account"), max_length=100, blank=True, default="")
    active = models.BooleanField(_("active"), default=True)
    made_until = models.DateField(_("made until"), null=True, blank=True)  # the last day of the newest export

    class Meta:
        verbose_name = _("export schedule")
        verbose_name_plural = _("export schedules")
        constraints = [
            models.CheckConstraint(condition=Q(every__in=["day", "month"]), name="export_schedule_every"),
            models.CheckConstraint(
                condition=Q(delivery="folder", email="", host="")
                | (Q(delivery="mail", host="") & ~Q(email=""))
                | (Q(delivery="sftp", email="", port__gt=0) & ~Q(host="") & ~Q(host_key="")),
                name="export_schedule_handed_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.get_every_display()}"


class Export(ApiObject):
    """One export and its file. The rows are the work: `processing` is still to be done."""

    OBJECT: ClassVar[str] = "export"
    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = "It shows what the accountant was given, and is kept as long as the books: 7 years."

    class Status(models.TextChoices):
        PROCESSING = "processing", _("processing")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    id = IdField(primary_key=True, default=id_factory("exp"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    schedule = models.ForeignKey(
        ExportSchedule, models.SET_NULL, null=True, blank=True, related_name="exports", verbose_name=_("schedule")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PROCESSING)
    kind = models.CharField(_("kind"), max_length=20)
    profile = models.CharField(_("profile"), max_length=20, blank=True, default="")
    first = models.DateField(_("from"))
    last = models.DateField(_("to"))
    currency = CurrencyField(_("currency"))
    account = models.CharField(_("account"), max_length=100, blank=True, default="")  # its code in the ledger
    channel_id = IdField(_("channel"), null=True, blank=True)
    file = models.FileField(_("file"), upload_to=stored_at, max_length=200, blank=True)
    size = models.BigIntegerField(_("size"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, default="")
    # Which entries it holds: how many, the first and last in the order of the books, and a digest of all their ids.
    entries = models.IntegerField(_("entries"), null=True, blank=True)
    postings = models.IntegerField(_("postings"), null=True, blank=True)
    first_entry = IdField(_("first entry"), null=True, blank=True)
    last_entry = IdField(_("last entry"), null=True, blank=True)
    entries_sha256 = models.CharField(_("digest of the entries"), max_length=64, blank=True, default="")
    opening = AmountField(_("opening balance"), null=True, blank=True)
    closing = AmountField(_("closing balance"), null=True, blank=True)
    debit = AmountField(_("debit"), null=True, blank=True)
    credit = AmountField(_("credit"), null=True, blank=True)
    problems: models.JSONField[Any, Any] = models.JSONField(_("problems"), default=list, blank=True)
    actor = models.CharField(_("by"), max_length=100)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True, blank=True)  # when the sweep looks at it; None: nothing is left to do
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    # When it is to be put onto a server (None: not, or not any more), how often that failed, and why the last time.
    delivery_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    delivery_attempts = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    delivery_error = models.CharField(
        _("not handed over"), max_length=40, blank=True, default="", db_default="", editable=False
    )

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["processing", "ready", "failed"]), name="export_status"),
            models.CheckConstraint(condition=Q(first__lte=models.F("last")), name="export_span"),
            # A span of a schedule is made once, however many processes look.
            models.UniqueConstraint(fields=["schedule", "first"], name="export_of_schedule_once"),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="export_list"),
            models.Index(fields=["due_at"], name="export_due", condition=Q(due_at__isnull=False)),
            models.Index(
                fields=["delivery_due_at"], name="export_delivery_due", condition=Q(delivery_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.first}/{self.last}"

    @property
    def span(self) -> tuple[date, date]:
        """Its first and last day."""
        return self.first, self.last


class AccountMapping(ApiObject):
    """How one account of the ledger is called in the accountant's software; without a row, by default.

    A row without `code` is a mapping that was emptied: nothing that has postings there is exported.
    """

    OBJECT: ClassVar[str] = "account_mapping"

    id = IdField(primary_key=True, default=id_factory("acm"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    account = models.CharField(_("account"), max_length=100, db_collation="C")  # its code in the ledger
    code = models.CharField(_("code"), max_length=16, blank=True, default="")
    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    journal = models.CharField(_("journal"), max_length=6, blank=True, default="")
    vat_code = models.CharField(_("VAT code"), max_length=20, blank=True, default="")
    number = models.CharField(_("number on statements"), max_length=34, blank=True, default="")

    class Meta:
        verbose_name = _("account mapping")
        verbose_name_plural = _("account mappings")
        constraints = [models.UniqueConstraint(fields=["merchant", "account"], name="account_mapping_once")]

    def __str__(self) -> str:
        return f"{self.account} {self.code}"
