"""What a device says it did between two closings, and what the books say of the same numbers."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models import Channel, Merchant
from payments.models.base import ApiObject
from terminals.models.terminal import Terminal


class Shift(ApiObject):
    """One shift of one series, by the label that the device gave it.

    `totals` are the device's, as it first sent them: `[{brand, type, count, amount, currency}]`, amounts in minor
    units. `differences` are what the last comparison with the books found, as the API shows them. `content` is a hash
    of the report: the same shift again is a repetition, another content a `ShiftConflict`. A correction that agrees
    with the books counts in place of the first report (`corrected_by`); both stay.

    Retention: seven years, with the books it was compared with; no personal data is in it.
    """

    OBJECT: ClassVar[str] = "shift"

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        AGREES = "agrees", _("agrees")
        DIFFERS = "differs", _("differs")

    id = IdField(primary_key=True, default=id_factory("shf"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"), db_index=False)
    terminal = models.ForeignKey(
        Terminal, models.PROTECT, related_name="shifts", verbose_name=_("terminal"), db_index=False
    )
    series = models.PositiveIntegerField(_("series"))
    label = models.CharField(_("shift"), max_length=64)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    # Of its closing, while it is open of its opening; on the merchant's calendar.
    business_day = models.DateField(_("business day"))
    first_sequence = models.PositiveBigIntegerField(_("first sequence"))
    # One less than the first where nothing was done; none while the shift is open.
    last_sequence = models.PositiveBigIntegerField(_("last sequence"), null=True, blank=True)
    totals: models.JSONField[Any, Any] = models.JSONField(_("totals"), default=list, blank=True)
    content = models.BinaryField(max_length=32, null=True, blank=True)
    differences: models.JSONField[Any, Any] = models.JSONField(_("differences"), default=list, blank=True)
    overlaps: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)  # ids of earlier shifts
    corrected_by = models.ForeignKey(
        "terminals.ShiftConflict", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    judged_at = models.DateTimeField(_("compared at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        constraints = [
            models.UniqueConstraint(fields=["terminal", "series", "label"], name="shift_once"),
            models.CheckConstraint(condition=Q(status__in=["open", "agrees", "differs"]), name="shift_status"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None, last_sequence=None)
                | (~Q(status="open") & Q(closed_at__isnull=False, last_sequence__isnull=False)),
                name="shift_closed_with_its_end",
            ),
            models.CheckConstraint(
                condition=Q(last_sequence=None) | Q(last_sequence__gte=F("first_sequence") - 1),
                name="shift_ends_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="shift_list"),
            models.Index(fields=["merchant", "business_day"], name="shift_by_day"),
            # How far closed shifts reach is asked with each request of the device.
            models.Index(fields=["terminal", "series", "last_sequence"], name="shift_reach"),
            models.Index(fields=["merchant", "status"], name="shift_unfinished", condition=~Q(status="agrees")),
        ]

    def __str__(self) -> str:
        return self.label


class ShiftConflict(models.Model):
    """Another content under a shift's label: kept beside the first, and told to finance.

    Retention: seven years, with the shift it contradicts.
    """

    id = models.BigAutoField(primary_key=True)
    shift = models.ForeignKey(Shift, models.PROTECT, related_name="conflicts", db_index=False)
    content = models.BinaryField(max_length=32)
    posted: models.JSONField[Any, Any] = models.JSONField(_("as posted"))  # as `Shift` keeps the first
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    class Meta:
        verbose_name = _("conflict of a shift")
        verbose_name_plural = _("conflicts of shifts")
        constraints = [models.UniqueConstraint(fields=["shift", "content"], name="shift_conflict_once")]

    def __str__(self) -> str:
        return str(self.shift_id)
