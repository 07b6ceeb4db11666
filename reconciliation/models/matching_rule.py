"""What a provider account's settlement lines are matched by, where a merchant has chosen other rules than the usual."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, IdField, id_factory
from payments.models import ProviderAccount
from payments.models.base import ApiObject
from reconciliation.models.settlement import SettlementLine


class MatchingRule(ApiObject):
    """One rule of one provider account. An account has all of them or none; without, the usual ones apply.

    A difference of at most `tolerance` (minor units, and `tolerance_basis_points` of what the books have) is booked as
    `reason` says in place of being asked about.
    """

    OBJECT: ClassVar[str] = "matching_rule"

    class Reason(models.TextChoices):
        """What a tolerated difference is, and so to which account it is booked."""

        ROUNDING = "rounding", _("rounding")
        FEE = "fee", _("the provider's fee")
        WRITE_OFF = "write_off", _("written off")

    id = IdField(primary_key=True, default=id_factory("mrl"), editable=False)
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    rule = models.CharField(_("rule"), max_length=16, choices=SettlementLine.Rule)
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
