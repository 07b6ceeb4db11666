"""Accounting periods, days of channels and months of merchants: each closing and reopening is a row that stays."""

from datetime import date, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory
from payments.models import Channel, Merchant
from payments.models.base import ApiObject


class Period(ApiObject):
    """A day of a channel, or (without a channel) a month of a merchant, made when it is first closed or asked about.

    What it may take is decided by the ledger's lock of days; here stands who closed it, over which checklist.
    """

    OBJECT: ClassVar[str] = "period"

    id = IdField(primary_key=True, default=id_factory("prd"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False, verbose_name=_("merchant"))
    channel = models.ForeignKey(
        Channel, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("channel")
    )
    first = models.DateField(_("first day"))

    class Meta:
        verbose_name = _("period")
        verbose_name_plural = _("periods")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel", "first"], name="period_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first if self.channel_id is not None else last_of_month(self.first)

    @property
    def name(self) -> str:
        """`YYYY-MM-DD`, or `YYYY-MM` of a month."""
        return self.first.isoformat() if self.channel_id is not None else f"{self.first:%Y-%m}"


class PeriodChange(models.Model):
    """One closing or reopening of a period, with what was checked. Rows are only added."""

    class Status(models.TextChoices):
        CLOSED = "closed", _("closed")
        REOPENED = "reopened", _("reopened")

    id = models.BigAutoField(primary_key=True)
    period = models.ForeignKey(Period, models.PROTECT, related_name="changes", db_index=False)
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=8, choices=Status)
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor = models.CharField(_("by"), max_length=100)  # who asked
    approved_by = models.CharField(_("approved by"), max_length=100, blank=True, default="")
    approval = IdField(_("approval"), null=True, blank=True)
    operator = models.CharField(_("operator"), max_length=100, blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    # Each check as it was: {check, passed, detail, message, count}.
    checklist: models.JSONField[Any, Any] = models.JSONField(_("checklist"), default=list, blank=True)

    class Meta:
        verbose_name = _("closing or reopening")
        verbose_name_plural = _("closings and reopenings")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["period", "number"], name="period_change_number"),
            models.CheckConstraint(
                condition=Q(status="closed") | Q(status="reopened", approval__isnull=False),
                name="period_change_reopened_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period_id} {self.status}"


def last_of_month(first: date) -> date:
    """The last day of a month, given its first."""
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
