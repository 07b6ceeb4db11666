"""Which part of which bank line is which payout: several lines may be one payout, and one line several."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField
from reconciliation.models.payout import Payout
from reconciliation.models.resolution_step import ResolutionStep
from reconciliation.models.statement import BankStatementLine


class PayoutAllocation(models.Model):
    """One part of a bank line that is one payout. It is never deleted: one that was wrong is `undone_at`."""

    bank_line = models.ForeignKey(
        BankStatementLine, models.PROTECT, related_name="allocations", verbose_name=_("bank line")
    )
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="allocations", verbose_name=_("payout"))
    amount = AmountField(_("amount"))
    entry_key = models.CharField(max_length=200)  # of what it booked, together with the line's other parts
    state_before = models.CharField(max_length=8, blank=True, default="")  # of the line; none: it was just imported
    item_before = models.BigIntegerField(null=True, blank=True)
    step = models.ForeignKey(  # of the person who decided it; None: it was found by a rule
        ResolutionStep, models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("part of a bank line")
        verbose_name_plural = _("parts of bank lines")
        constraints = [
            models.UniqueConstraint(
                fields=["bank_line", "payout"], name="payout_allocation_once", condition=Q(undone_at=None)
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="payout_allocation_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.bank_line_id} {self.payout_id}"
