"""The accountant's software: who is connected, and the outbox of what it gets.

A **document** is what is sent as one: a journal, the entries of one book date summed up per account and side, a
statement of one account, or a sale that pays an invoice. It names its entries (`ConnectorEntry`, one row each), so that
no entry is sent twice and each can be asked what became of it.
"""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import CurrencyField, IdField, id_factory
from payments.models import Merchant
from payments.models.base import ApiObject


class Connector(ApiObject):
    """A merchant's administration at one package. A row that was removed stays, empty of secrets, with its outbox.

    `credentials` are what people entered, `tokens` what the package gave for them: only who holds the lease (`holder`)
    or signs in anew writes these.
    """

    OBJECT: ClassVar[str] = "connector"
    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = "It shows what the accountant was given, and is kept as long as the books: 7 years."

    class Status(models.TextChoices):
        CONNECTED = "connected", _("connected")
        NEEDS_SIGN_IN = "needs_sign_in", _("needs to sign in")
        FAILING = "failing", _("failing")
        OFF = "off", _("switched off")

    class Sends(models.TextChoices):
        JOURNALS = "journals", _("a journal of each day")
        STATEMENTS = "statements", _("statements of what providers owe")

    class Days(models.TextChoices):
        FINISHED = "finished", _("when the day is over")
        CLOSED = "closed", _("when the day is closed")

    id = IdField(primary_key=True, default=id_factory("con"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    kind = models.CharField(_("package"), max_length=40)
    name = models.CharField(_("name"), max_length=100)
    settings: models.JSONField[Any, Any] = models.JSONField(_("settings"), default=dict)
    sends = models.CharField(
        _("what is sent"), max_length=10, choices=Sends, default=Sends.JOURNALS, db_default="journals"
    )
    days = models.CharField(_("sent"), max_length=8, choices=Days, default=Days.FINISHED)
    starts_on = models.DateField(_("from the book date"))
    credentials = EncryptedTextField(blank=True, default="", editable=False)
    tokens = EncryptedTextField(blank=True, default="", editable=False)
    status = models.CharField(_("status"), max_length=13, choices=Status)
    administration = models.CharField(_("administration"), max_length=200, blank=True, default="")  # in its own words
    error_code = models.CharField(_("error"), max_length=40, blank=True, default="")
    error_detail = models.CharField(_("in its own words"), max_length=400, blank=True, default="")
    last_run_at = models.DateTimeField(_("last run at"), null=True, blank=True)
    filled_at = models.DateTimeField(null=True, blank=True, editable=False)  # the outbox holds what was booked by then
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # it rests until then
    holder = models.CharField(max_length=32, blank=True, default="", editable=False)  # the one process that may write
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    # A sign-in that was begun: a hash of its state, by whom, and until when it may end.
    sign_in_state = models.CharField(max_length=64, blank=True, default="", editable=False)
    sign_in_by = IdField(blank=True, default="", editable=False)
    sign_in_until = models.DateTimeField(null=True, blank=True, editable=False)
    removed_at = models.DateTimeField(_("removed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["connected", "needs_sign_in", "failing", "off"]), name="connector_status"
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="connector_list")]

    def __str__(self) -> str:
        return self.name


class ConnectorDocument(ApiObject):
    """What is sent as one, under a `key` that people see in the package. `pending` is still to be sent."""

    OBJECT: ClassVar[str] = "connector_document"

    class Kind(models.TextChoices):
        JOURNAL = "journal", _("journal")
        STATEMENT = "statement", _("statement")
        PAYMENT = "payment", _("payment of an invoice")

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    id = IdField(primary_key=True, default=id_factory("cdo"), editable=False)
    connector = models.ForeignKey(
        Connector, models.PROTECT, related_name="documents", db_index=False, verbose_name=_("connector")
    )
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    account = models.CharField(_("account"), max_length=100, blank=True, default="", db_collation="C")
    invoice = models.CharField(_("invoice"), max_length=64, blank=True, default="", db_default="")  # that is paid
    book_date = models.DateField(_("book date"))
    currency = CurrencyField(_("currency"))
    number = models.PositiveIntegerField(_("number"))  # of that date; later ones hold what was booked on it afterwards
    key = models.CharField(_("key"), max_length=25)
    entries = models.PositiveIntegerField(_("entries"))
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.PENDING)
    remote_id = models.CharField(_("id there"), max_length=100, blank=True, default="")
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    error_code = models.CharField(_("error"), max_length=40, blank=True, default="")
    error_detail = models.CharField(_("in its own words"), max_length=400, blank=True, default="")
    # An attempt of which nobody knows yet whether it was accepted began then.
    asked_at = models.DateTimeField(_("unanswered since"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("document for the accountant")
        verbose_name_plural = _("documents for the accountant")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "failed"], sent_at__isnull=True)
                | (Q(status="sent", sent_at__isnull=False) & ~Q(remote_id="")),
                name="connector_document_status",
            ),
            models.UniqueConstraint(
                fields=["connector", "kind", "account", "book_date", "currency", "number"],
                name="connector_document_once",
            ),
            models.UniqueConstraint(fields=["connector", "key"], name="connector_document_key"),
        ]
        indexes = [
            models.Index(fields=["connector", "-id"], name="connector_document_list"),
            models.Index(fields=["connector", "book_date"], name="connector_document_due", condition=~Q(status="sent")),
        ]

    def __str__(self) -> str:
        return self.key


class ConnectorEntry(models.Model):
    """One entry of the books in one document."""

    OBJECT: ClassVar[str] = "connector_entry"

    id = IdField(primary_key=True)
    connector = models.ForeignKey(Connector, models.PROTECT, related_name="+", db_index=False)
    document = models.ForeignKey(ConnectorDocument, models.PROTECT, related_name="rows")
    entry_id = IdField(_("entry"))
    currency = CurrencyField(_("currency"))
    account = models.CharField(max_length=100, blank=True, default="", db_collation="C")

    class Meta:
        verbose_name = _("entry for the accountant")
        verbose_name_plural = _("entries for the accountant")
        constraints = [
            models.UniqueConstraint(
                fields=["connector", "entry_id", "currency", "account"], name="connector_entry_once"
            ),
        ]
        indexes = [models.Index(fields=["connector", "-id"], name="connector_entry_list")]

    def __str__(self) -> str:
        return self.entry_id
