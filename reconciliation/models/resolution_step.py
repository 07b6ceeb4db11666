"""What was done about a discrepancy, step by step, and what takes each step back."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, IdField
from payments.models import Discrepancy


class ResolutionStep(models.Model):
    """One resolution of a discrepancy, or of a part of it.

    `amount` is what it moved of the open balance, as the ledger signs it; None, where no money was moved. What a match
    closed beside its own discrepancy has a step of its own, which is `part_of` it and is taken back along with it.
    """

    discrepancy = models.ForeignKey(
        Discrepancy, models.PROTECT, related_name="steps", verbose_name=Discrepancy._meta.verbose_name
    )
    number = models.PositiveIntegerField(_("number"))
    part_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="parts")
    action = models.CharField(_("action"), max_length=20)
    amount = AmountField(_("amount"), null=True, blank=True)
    matched: ArrayField[list[str], list[str]] = ArrayField(IdField(), default=list, blank=True)  # objects, by their ids
    entries: ArrayField[list[str], list[str]] = ArrayField(  # keys of what it booked
        models.CharField(max_length=200), default=list, blank=True
    )
    line_before: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)  # of the line that it matched
    approved = models.BooleanField(_("approved"), default=False)  # a second person agreed
    actor = models.CharField(_("actor"), max_length=100)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    undone_by = models.CharField(_("undone by"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("resolution")
        verbose_name_plural = _("resolutions")
        constraints = [models.UniqueConstraint(fields=["discrepancy", "number"], name="resolution_step_number")]
        indexes = [GinIndex(fields=["matched"], name="resolution_step_matched")]

    def __str__(self) -> str:
        return f"{self.action} {self.discrepancy_id}"
