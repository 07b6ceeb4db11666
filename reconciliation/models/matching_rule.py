"""What a provider account's lines and payouts are matched by, where a merchant has other rules than the usual."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, IdField, id_factory
from payments.models import ProviderAccount
from payments.models.base import ApiObject


class MatchingRule(ApiObject):
    """One rule of one provider account. An account has all of them or none; without, the usual ones apply.

    A difference of at most `tolerance` (minor units, and `tolerance_basis_points` of what the books have) is booked as
    `reason` says in place of being asked about.
    """

    OBJECT: ClassVar[str] = "matching_rule"

    class Rule(models.TextChoices):
        """What a line may be matched by; the last five match several at once."""

        OPERATION = "operation", _("by our own number")
        REFERENCE = "reference", _("by the provider's reference")
        CARD_PRESENT = "card_present", _("by the terminal's numbers")
        PAYMENT = "payment", _("by the payment's reference and the amount")
        ORDER = "order", _("by the order's reference and the amount")
        PAYMENT_ONLY = "payment_only", _("by the payment's reference alone")
        AMOUNT_DAY_CARD = "amount_day_card", _("by amount, day and card")
        PARTS = "parts", _("in parts")
        DAY_TOTAL = "day_total", _("as a day's total")
        BATCH = "batch", _("as a batch")
        PAYOUT_SET = "payout_set", _("one transfer for several payouts")
        PAYOUT_PARTS = "payout_parts", _("several transfers for one payout")
        PAYOUT_BATCH = "payout_batch", _("several transfers for several payouts")

    class Reason(models.TextChoices):
        """What a tolerated difference is, and so to which account it is booked."""

        ROUNDING = "rounding", _("rounding")
        FEE = "fee", _("the provider's fee")
        WRITE_OFF = "write_off", _("written off")

    id = IdField(primary_key=True, default=id_factory("mrl"), editable=False)
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    rule = models.CharField(_("rule"), max_length=16, choices=Rule)
    enabled = models.BooleanField(_("on"))
    priority = models.PositiveSmallIntegerField(_("order"))
    window_days = models.PositiveSmallIntegerField(_("days around it"), null=True, blank=True)
    tolerance = AmountField(_("tolerance"), default=0)
    tolerance_basis_points = models.PositiveIntegerField(_("at most, in basis points"), null=True, blank=True)
    reason = models.CharField(_("booked as"), max_length=9, choices=Reason, blank=True, default="")

    class Meta:
        verbose_name = _("matching rule")
        verbose_name_plural = _("matching rules")
        constraints = [
            models.UniqueConstraint(fields=["provider_account", "rule"], name="matching_rule_once"),
            models.CheckConstraint(
                condition=Q(tolerance=0, reason="") | Q(tolerance__gt=0) & ~Q(reason=""), name="matching_rule_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.provider_account_id}"
