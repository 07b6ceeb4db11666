"""A store's till, and what is counted, paid in, paid out and taken to the bank there."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant


class Till(ApiObject):
    """The cash of one channel: what should be in it is the balance of the account `till:C` in the books.

    Its row is locked, after all others, by whatever takes cash out, so that two cannot take the same notes.
    Its id begins with `drw_` (drawer), as the API calls what is reported of it `til_`; older tills have `til_`, too.
    `float_amount` stays in the drawer overnight, in minor units of the merchant's currency; a deposit leaves it there.
    """

    OBJECT: ClassVar[str] = "till"

    id = IdField(primary_key=True, default=id_factory("drw"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    channel = models.OneToOneField(Channel, models.PROTECT, related_name="till", verbose_name=_("channel"))
    float_amount = AmountField(_("float"), default=0)

    class Meta:
        verbose_name = _("till")
        verbose_name_plural = _("tills")
        constraints = [models.CheckConstraint(condition=Q(float_amount__gte=0), name="till_float_not_negative")]

    def __str__(self) -> str:
        return self.channel.name


class TillMovement(ApiObject):
    """One count, payment in or out, or deposit, as a device or a person reported it; it is never changed.

    `expected` is what the books hold at `occurred_at`: before a count, after anything else. `item` is its open item:
    in suspense of what was paid in or out until finance assigns it, in transit of a deposit until the bank shows it.

    Retention: seven years, with the books it explains; it names the operator who had the till in hands.
    """

    OBJECT: ClassVar[str] = "till_movement"

    class Kind(models.TextChoices):
        COUNT = "count", _("count")
        PAID_IN = "paid_in", _("paid in")
        PAID_OUT = "paid_out", _("paid out")
        DEPOSIT = "deposit", _("deposit to the bank")

    id = IdField(primary_key=True, default=id_factory("til"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    till = models.ForeignKey(Till, models.PROTECT, related_name="movements", db_index=False, verbose_name=_("till"))
    channel_id = IdField(_("channel"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    occurred_at = models.DateTimeField(_("occurred at"))
    business_day = models.DateField(_("business day"))
    operator = models.CharField(_("operator"), max_length=100)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    expected = AmountField(_("expected"))
    difference = AmountField(_("difference"), null=True, blank=True)  # counted less expected
    item = models.BigIntegerField(null=True, blank=True)
    terminal_id = IdField(_("terminal"), null=True, blank=True)
    actor = models.CharField(_("by"), max_length=100)

    class Meta:
        verbose_name = _("till movement")
        verbose_name_plural = _("till movements")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["count", "paid_in", "paid_out", "deposit"]), name="till_movement_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind="count", amount__gte=0, difference__isnull=False, item=None)
                | (~Q(kind="count") & Q(amount__gt=0, difference=None, item__isnull=False)),
                name="till_movement_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["till", "-id"], name="till_movement_list"),
            models.Index(fields=["merchant", "business_day"], name="till_movement_by_day"),
            models.Index(fields=["item"], name="till_movement_item", condition=Q(item__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.business_day}"
