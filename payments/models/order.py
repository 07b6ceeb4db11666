"""What one customer owes: the unit of truth over all channels and tenders."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant
from payments.people.models import Customer


class Order(ApiObject):
    """One order in one currency, and how much of it was paid and given back.

    `authorized` is what is authorized and not yet captured; `excess` is what reported facts took beyond what we
    would have allowed. Only `services.record` raises it.
    """

    OBJECT: ClassVar[str] = "order"

    id = IdField(primary_key=True, default=id_factory("ord"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel"))
    namespace = models.CharField(_("namespace"), max_length=64)
    reference = models.CharField(_("reference"), max_length=64, null=True, blank=True)
    # What the shop's own invoicing calls the invoice that it pays; the accountant's software matches by it.
    invoice_reference = models.CharField(_("invoice"), max_length=64, null=True, blank=True)
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    currency = CurrencyField(_("currency"))
    total = AmountField(_("total"), null=True, blank=True)
    authorized = AmountField(_("authorized"), default=0)
    captured = AmountField(_("captured"), default=0)
    refunded = AmountField(_("refunded"), default=0)
    refund_reserved = AmountField(_("reserved for refunds"), default=0)
    charged_back = AmountField(_("charged back"), default=0)
    # What of it was turned into vouchers: no longer paid for goods, but owed to the holders of their codes.
    vouchers_sold = AmountField(_("sold as vouchers"), default=0, db_default=0)
    excess = AmountField(_("excess"), default=0)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            # In this order of columns it also finds the orders of one reference in every namespace.
            models.UniqueConstraint(fields=["merchant", "reference", "namespace"], name="order_reference"),
            models.CheckConstraint(
                condition=Q(
                    captured__gte=F("refunded")
                    + F("refund_reserved")
                    + F("charged_back")
                    + F("vouchers_sold")
                    - F("excess"),
                ),
                name="order_never_returns_more",
            ),
            models.CheckConstraint(
                condition=Q(authorized__gte=0)
                & Q(captured__gte=0)
                & Q(refunded__gte=0)
                & Q(refund_reserved__gte=0)
                & Q(charged_back__gte=0)
                & Q(excess__gte=0),
                name="order_amounts_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="order_list"),
            models.Index(fields=["customer"], name="order_customer", condition=Q(customer__isnull=False)),
            models.Index(
                fields=["merchant", "invoice_reference", "-id"],
                name="order_invoice",
                condition=Q(invoice_reference__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference or self.id

    @property
    def refundable(self) -> int:
        """What may still be given back: a voucher that was sold on the order is never given back beside it."""
        return max(0, self.kept - self.vouchers_sold)

    @property
    def kept(self) -> int:
        """What was captured and neither given back, nor promised back, nor disputed; below zero after an excess."""
        return self.captured - self.refunded - self.refund_reserved - self.charged_back

    @property
    def unpaid(self) -> int | None:
        """What of the total is neither captured nor held by an authorization, below zero where more was taken.

        None while no total is known. What is due is less by what is being charged (`payments.queries.due`).
        """
        return None if self.total is None else self.total - self.captured - self.authorized
