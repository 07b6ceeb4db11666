"""An address at which a customer pays, sent through any channel."""

import secrets
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant
from payments.models.order import Order
from payments.models.payment import Payment
from payments.people.models import Customer


def new_token() -> str:
    """192 random bits: who was not given the address does not find it."""
    return secrets.token_urlsafe(24)


class PaymentLink(ApiObject):
    """What is to be paid, for what, until when. Its status follows from its payments and its order (`queries.links`).

    `amount` is fixed, or bounded by `amount_min` and `amount_max`, or (all null) whatever is still due on the order. A
    link without an order can be used again: each of its payments makes an order of its own.
    """

    OBJECT: ClassVar[str] = "payment_link"

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAID = "paid", _("paid")
        EXPIRED = "expired", _("expired")
        CANCELED = "canceled", _("canceled")

    # As `queries.links` reads them: what was captured (or is held) by it, and what follows from that.
    taken: int
    status: str

    id = IdField(primary_key=True, default=id_factory("lnk"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="links")
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, blank=True, related_name="+")
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    amount = AmountField(_("amount"), null=True, blank=True)
    amount_min = AmountField(_("at least"), null=True, blank=True)
    amount_max = AmountField(_("at most"), null=True, blank=True)
    currency = CurrencyField(_("currency"))
    description = models.TextField(_("description"))
    methods: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)  # empty: all that are served
    reusable = models.BooleanField(_("may be used again"), default=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    canceled_at = models.DateTimeField(_("canceled at"), null=True, blank=True)
    metadata: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("payment link")
        verbose_name_plural = _("payment links")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gt=0, amount_min__isnull=True, amount_max__isnull=True),
                name="link_amount",
            ),
            models.CheckConstraint(
                condition=Q(amount_min__isnull=True, amount_max__isnull=True)
                | Q(amount_min__gt=0, amount_max__gte=F("amount_min")),
                name="link_bounds",
            ),
            models.CheckConstraint(condition=Q(order__isnull=False) | Q(reusable=True), name="link_order"),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="link_list")]

    def __str__(self) -> str:
        return self.description[:60]


class LinkPayment(models.Model):
    """A payment made by a link. `attempt` comes with the form: sent twice, it makes one payment."""

    link = models.ForeignKey(PaymentLink, models.PROTECT, related_name="uses")
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="by_link")
    attempt = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "attempt"], name="link_attempt")]

    def __str__(self) -> str:
        return f"{self.link_id} {self.payment_id}"
