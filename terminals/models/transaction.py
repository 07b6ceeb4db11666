"""What became of each sequence number a device used."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField
from terminals.models.terminal import Terminal


class TerminalTransaction(models.Model):
    """One number of one series, taken once. The transaction itself, as posted, is payments' CardEvidence.

    `content` is a hash of the transaction after masking: a hash of the unmasked one would let a card number be
    guessed from it. A row `waiting` is kept, and applied when what it refers to arrives; `waits_for` is the sequence
    in this series it waits for, none where it waits for an order that any device may bring.
    """

    class Status(models.TextChoices):
        RECORDED = "recorded", _("recorded")
        WAITING = "waiting", _("waits for its original")

    id = models.BigAutoField(primary_key=True)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="transactions", db_index=False)
    series = models.PositiveIntegerField(_("series"))
    sequence = models.PositiveBigIntegerField(_("sequence"))
    type = models.CharField(_("type"), max_length=8)
    content = models.BinaryField(max_length=32)
    status = models.CharField(_("status"), max_length=8, choices=Status)
    waits_for = models.PositiveBigIntegerField(_("waits for sequence"), null=True, blank=True)
    # Plain columns: a foreign key would lock the payment again on the busiest path; the audit checks them.
    payment_id = IdField(_("payment"), null=True, blank=True)
    refund_id = IdField(_("refund"), null=True, blank=True)
    discrepancies: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)  # [{id, kind}] as answered
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    to_tell = models.BooleanField(default=False, db_default=False)  # waited, applied, not yet reported

    class Meta:
        verbose_name = _("terminal transaction")
        verbose_name_plural = _("terminal transactions")
        constraints = [
            models.UniqueConstraint(fields=["terminal", "series", "sequence"], name="terminal_transaction_once"),
            models.CheckConstraint(condition=Q(status__in=["recorded", "waiting"]), name="terminal_transaction_status"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="terminal_transaction_sequence_from_one"),
        ]
        indexes = [
            models.Index(fields=["terminal"], name="terminal_transaction_waiting", condition=Q(status="waiting")),
            models.Index(fields=["terminal"], name="terminal_transaction_to_tell", condition=Q(to_tell=True)),
        ]

    def __str__(self) -> str:
        return f"{self.terminal_id} {self.series}/{self.sequence}"


class SequenceConflict(models.Model):
    """Another content under a number that was taken: kept beside the first, and shown to finance.

    Retention: seven years, with the evidence it contradicts.
    """

    id = models.BigAutoField(primary_key=True)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="conflicts", db_index=False)
    series = models.PositiveIntegerField(_("series"))
    sequence = models.PositiveBigIntegerField(_("sequence"))
    content = models.BinaryField(max_length=32)
    posted: models.JSONField[Any, Any] = models.JSONField(_("as posted"))  # card numbers masked
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    class Meta:
        verbose_name = _("sequence conflict")
        verbose_name_plural = _("sequence conflicts")
        constraints = [
            models.UniqueConstraint(fields=["terminal", "series", "sequence", "content"], name="sequence_conflict_once")
        ]

    def __str__(self) -> str:
        return f"{self.terminal_id} {self.series}/{self.sequence}"
