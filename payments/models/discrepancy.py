"""Two sources that contradict each other, until a person or a later report resolves it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant
from payments.models.payment import Payment


class DiscrepancyKind(models.TextChoices):
    """What differs, and between which sources."""

    MISSING_IN_SETTLEMENT = "missing_in_settlement", _("missing in the settlement")
    MISSING_IN_BOOKS = "missing_in_books", _("missing in the books")
    AMOUNT_DIFFERS = "amount_differs", _("amount differs")
    FEE_DIFFERS = "fee_differs", _("fee differs")
    CURRENCY_DIFFERS = "currency_differs", _("currency differs")
    DUPLICATE = "duplicate", _("duplicate")
    PAYOUT_DIFFERS = "payout_differs", _("payout differs")
    PAYOUT_NOT_RECEIVED = "payout_not_received", _("payout not received")
    SHIFT_DIFFERS = "shift_differs", _("shift differs")
    SEQUENCE_GAP = "sequence_gap", _("gap in the sequence")
    SEQUENCE_CONFLICT = "sequence_conflict", _("conflict in the sequence")
    OUTCOME_UNKNOWN = "outcome_unknown", _("outcome unknown")
    OFFLINE_DECLINED = "offline_declined", _("offline sale declined")
    OVER_RETURNED = "over_returned", _("more returned than paid")
    UNLINKED_REFUND = "unlinked_refund", _("refund without a sale")
    OVERPAID = "overpaid", _("paid twice")
    UNKNOWN_LINE = "unknown_line", _("unknown line")
    STATEMENT_GAP = "statement_gap", _("gap between statements")
    CLOCK_DIFFERS = "clock_differs", _("clock differs")
    SIGN_DIFFERS = "sign_differs", _("sign differs")


class Discrepancy(ApiObject):
    """One contradiction. At most one per `key` is open at a time."""

    OBJECT: ClassVar[str] = "discrepancy"

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        PROPOSED = "proposed", _("waits for a second person")
        RESOLVED = "resolved", _("resolved")

    id = IdField(primary_key=True, default=id_factory("dsc"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    kind = models.CharField(_("kind"), max_length=24, choices=DiscrepancyKind)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.OPEN)
    # What it is about, so that a second finding of the same is the same discrepancy.
    key = models.CharField(max_length=200, editable=False)
    amount = AmountField(_("amount"), null=True, blank=True)
    currency = CurrencyField(_("currency"), null=True, blank=True)
    channel_id = IdField(_("channel"), null=True, blank=True)
    terminal_id = IdField(_("terminal"), null=True, blank=True)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="discrepancies")
    settlement_file_id = IdField(_("settlement file"), null=True, blank=True)  # reconciliation stands a floor higher
    item = models.BigIntegerField(null=True, blank=True)  # the ledger item it is about, where there is one
    sequences: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    detail = models.TextField(_("detail"), blank=True, default="")
    # The text and values of `detail`, see `payments.text.messages`. The column keeps its first name: the
    # version that still runs during an update writes it.
    message: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True, editable=False, db_column="said")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("assigned to"),
    )
    resolution: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)  # {action, note, with, actor}
    wait_until = models.DateTimeField(_("wait until"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolved_by = models.CharField(_("resolved by"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        constraints = [
            models.UniqueConstraint(
                # Only while open: what was resolved may come up again, as another row.
                fields=["merchant", "key"],
                name="discrepancy_open_once",
                condition=~Q(status="resolved"),
            ),
            models.CheckConstraint(condition=Q(kind__in=DiscrepancyKind.values), name="discrepancy_kind"),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="discrepancy_list"),
            # The open ones are what everybody asks for; the resolved ones only grow.
            models.Index(fields=["merchant", "kind", "-id"], name="discrepancy_open", condition=~Q(status="resolved")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"
