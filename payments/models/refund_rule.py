"""What a merchant allows in refunds, as rows: rights, limits, blocked accounts; and the reasons that it counts."""

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant
from payments.people.models import Role


class RefundRule(ApiObject):
    """One rule; nothing of it is changed but that it ends. It binds whom it names: a role, a person or key, a channel.

    An amount is in minor units of the merchant's currency. Of a blocked account only a keyed hash and its end are kept.
    """

    OBJECT: ClassVar[str] = "refund_rule"

    class Kind(models.TextChoices):
        FREE = "free", _("may give back in every way")
        ORIGINAL_ONLY = "original_only", _("gives back only the way the money came")
        OWN_SALE = "own_sale", _("gives back only what its own channel sold")
        PER_REFUND = "per_refund", _("limit of one refund")
        PER_PERSON = "per_person", _("limit of one person on a day")
        PER_CHANNEL = "per_channel", _("limit of a channel on a day")
        PER_IBAN = "per_iban", _("limit to one bank account in 35 days")
        PER_TERMINAL = "per_terminal", _("limit on cards at one terminal on a day")
        PER_OPERATOR = "per_operator", _("limit on cards by one operator on a day")
        BLOCKED_IBAN = "blocked_iban", _("bank account that gets nothing")

    class Beyond(models.TextChoices):
        """What happens to a refund that passes a limit."""

        REFUSE = "refuse", _("is refused")
        SECOND_PERSON = "second_person", _("waits for a second person")

    id = IdField(primary_key=True, default=id_factory("rrl"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="refund_rules", verbose_name=_("merchant"))
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    role = models.CharField(_("role"), max_length=13, choices=Role.Name, blank=True, default="")
    person_id = IdField(_("person or key"), null=True, blank=True)
    channel = models.ForeignKey(
        Channel, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("channel")
    )
    amount = AmountField(_("at most"), null=True, blank=True)
    beyond = models.CharField(_("a refund beyond it"), max_length=13, choices=Beyond, blank=True, default="")
    iban_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    iban_end = models.CharField(_("account ends in"), max_length=4, blank=True, default="", editable=False)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("refund rule")
        verbose_name_plural = _("refund rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("free", "original_only", "own_sale", "per_refund"),
                        *("per_person", "per_channel", "per_iban", "blocked_iban"),
                        *("per_terminal", "per_operator"),
                    ]
                ),
                name="refund_rule_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind__startswith="per_", amount__gte=0, beyond__in=["refuse", "second_person"])
                | (~Q(kind__startswith="per_") & Q(amount__isnull=True, beyond="")),
                name="refund_rule_limit_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind="blocked_iban") ^ Q(iban_hash=""), name="refund_rule_account_when_blocked"
            ),
        ]
        indexes = [models.Index(fields=["merchant"], name="refund_rule_active", condition=Q(active=True))]

    def __str__(self) -> str:
        return self.name


RIGHTS: Final = frozenset({RefundRule.Kind.FREE, RefundRule.Kind.ORIGINAL_ONLY, RefundRule.Kind.OWN_SALE})
LIMITS: Final = frozenset(
    {
        RefundRule.Kind.PER_REFUND,
        RefundRule.Kind.PER_PERSON,
        RefundRule.Kind.PER_CHANNEL,
        RefundRule.Kind.PER_IBAN,
        RefundRule.Kind.PER_TERMINAL,
        RefundRule.Kind.PER_OPERATOR,
    }
)


class RefundReason(ApiObject):
    """Why things come back, by a code that requests name, with words for both languages; refunds are counted by it."""

    OBJECT: ClassVar[str] = "refund_reason"

    id = IdField(primary_key=True, default=id_factory("rrs"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="refund_reasons", verbose_name=_("merchant"))
    code = models.CharField(_("code"), max_length=40)
    english = models.CharField(_("in English"), max_length=100)
    dutch = models.CharField(_("in Dutch"), max_length=100)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("refund reason")
        verbose_name_plural = _("refund reasons")
        constraints = [models.UniqueConstraint(fields=["merchant", "code"], name="refund_reason_once")]

    def __str__(self) -> str:
        return self.dutch if (get_language() or "").startswith("nl") else self.english
