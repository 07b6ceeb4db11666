"""What people keep of the lists they work with: views with a name, the columns they look at, and files of rows."""

from datetime import timedelta
from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory

FOLDER: Final = "lists"
LONGEST_NAME: Final = 60


def stored_at(file: "ListFile", name: str) -> str:
    """Where a file of a list is stored: by our own id."""
    return f"{FOLDER}/{file.user_id}/{file.id}"


class SavedView(models.Model):
    """A list as somebody filtered and sorted it, for themselves or for everybody at a merchant who sees that list."""

    OBJECT: ClassVar[str] = "saved_view"

    id = IdField(primary_key=True, default=id_factory("svw"), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views", db_index=False)
    merchant_id = IdField(null=True, blank=True)  # with whose people it is shared; None: it is one's own
    page = models.CharField(max_length=80, db_collation="C")  # which list, as payments.payment
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    query = models.TextField(blank=True, default="")  # the parameters of its address
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="saved_view_named_once"),
        ]
        indexes = [
            models.Index(
                fields=["merchant_id", "page"], name="saved_view_shared", condition=Q(merchant_id__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.name


class ListColumns(models.Model):
    """Which columns of a list a person looks at; without a row, those that the list shows everybody."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    page = models.CharField(max_length=80, db_collation="C")
    columns: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=60))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "page"], name="list_columns_once")]

    def __str__(self) -> str:
        return self.page


class ListFile(models.Model):
    """The rows of a filtered list as a file that a worker writes. The rows are the work: `processing` is to be done."""

    OBJECT: ClassVar[str] = "list_file"
    RETENTION: ClassVar[timedelta] = timedelta(days=7)
    RETENTION_WHY: ClassVar[str] = "A copy of rows that may name customers: long enough to fetch it, and made again."

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"

    class Status(models.TextChoices):
        PROCESSING = "processing", _("processing")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    id = IdField(primary_key=True, default=id_factory("lfl"), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    page = models.CharField(max_length=80, db_collation="C")
    query = models.TextField(blank=True, default="")
    columns: ArrayField[list[str], list[str]] = ArrayField(models.CharField(max_length=60))
    format = models.CharField(_("format"), max_length=4, choices=Format)
    language = models.CharField(max_length=5)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PROCESSING)
    written = models.IntegerField(default=0)  # rows so far
    rows = models.IntegerField(null=True, blank=True)  # rows in all, as far as they are counted
    file = models.FileField(upload_to=stored_at, max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)  # when the sweep looks at it; None: nothing is left to do
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("file of a list")
        verbose_name_plural = _("files of lists")
        constraints = [
            models.CheckConstraint(condition=Q(format__in=["csv", "xlsx"]), name="list_file_format"),
            models.CheckConstraint(condition=Q(status__in=["processing", "ready", "failed"]), name="list_file_status"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="list_file_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["created_at"], name="list_file_age"),
        ]

    def __str__(self) -> str:
        return f"{self.page} {self.format}"
