"""One tender towards an order."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant, ProviderAccount
from payments.models.order import Order
from payments.people.models import Customer


class PaymentStatus(models.TextChoices):
    """What may happen next (`payments.states`)."""

    REQUIRES_ACTION = "requires_action", _("waits for the customer")
    PROCESSING = "processing", _("processing")
    AUTHORIZED = "authorized", _("authorized")
    CAPTURED = "captured", _("captured")
    DECLINED = "declined", _("declined")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    REVERSED = "reversed", _("reversed")
    UNKNOWN = "unknown", _("outcome unknown")


class Origin(models.TextChoices):
    """Where the customer stood."""

    ONLINE = "online", _("online")
    IN_STORE = "in_store", _("in store")
    REMOTE = "remote", _("remote")


class Method(models.TextChoices):
    """The ways to pay that the API names."""

    CARD = "card", _("card")
    IDEAL = "ideal", "iDEAL"
    BANCONTACT = "bancontact", "Bancontact"
    SEPA_DEBIT = "sepa_debit", _("SEPA direct debit")
    KLARNA = "klarna", "Klarna"
    PAYPAL = "paypal", "PayPal"
    BANK_TRANSFER = "bank_transfer", _("bank transfer")
    CASH = "cash", _("cash")
    VOUCHER = "voucher", _("voucher")
    EXTERNAL = "external", _("external")


class Payment(ApiObject):
    """One tender. Amounts say how much; the status says what may follow."""

    OBJECT: ClassVar[str] = "payment"

    id = IdField(primary_key=True, default=id_factory("pay"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="payments")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", db_index=False, verbose_name=_("provider account")
    )
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    item = models.BigIntegerField(unique=True, editable=False)  # its open item in the ledger
    status = models.CharField(_("status"), max_length=16, choices=PaymentStatus, default=PaymentStatus.PROCESSING)
    origin = models.CharField(_("origin"), max_length=8, choices=Origin)
    method = models.CharField(_("method"), max_length=16, choices=Method, null=True, blank=True)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    tip = AmountField(_("tip"), default=0)
    cashback = AmountField(_("cashback"), default=0)
    manual_capture = models.BooleanField(_("captured by hand"), default=False)
    amount_authorized = AmountField(_("authorized"), default=0)
    amount_captured = AmountField(_("captured"), default=0)
    amount_released = AmountField(_("released"), default=0)  # authorized, and given up uncaptured
    # Of what is authorized, what captures and cancellations without a final answer may still take
    # (`services/invariants.py`).
    amount_under_way = AmountField(_("being captured or released"), default=0, db_default=0)
    amount_refunded = AmountField(_("refunded"), default=0)
    refund_reserved = AmountField(_("reserved for refunds"), default=0)
    amount_charged_back = AmountField(_("charged back"), default=0)
    provisional = models.BooleanField(_("provisional"), default=False)  # approved offline, not yet seen settled
    confirmed_at = models.DateTimeField(null=True, blank=True)  # when a provisional sale was seen settled
    offline_declined_at = models.DateTimeField(null=True, blank=True)  # or when the issuer's decline was reported
    provider_reference = models.CharField(_("reference at the provider"), max_length=255, null=True, blank=True)
    redirect_url = models.TextField(blank=True, default="")
    return_url = models.TextField(blank=True, default="")
    failure_code = models.CharField(_("failure"), max_length=64, blank=True, default="")
    failure_detail = models.TextField(blank=True, default="")
    card_brand = models.CharField(_("card brand"), max_length=32, null=True, blank=True)
    card_last4 = models.CharField(_("last four digits"), max_length=4, null=True, blank=True)
    card_fingerprint = models.CharField(max_length=255, null=True, blank=True)
    card_par = models.CharField(max_length=35, null=True, blank=True)
    entry_mode = models.CharField(_("entry mode"), max_length=16, null=True, blank=True)
    verification = models.CharField(_("verification"), max_length=16, null=True, blank=True)
    terminal_id = IdField(_("terminal"), null=True, blank=True)  # terminals stand a floor higher: a plain column
    terminal_label = models.CharField(_("terminal"), max_length=100, blank=True, default="")
    receipt_number = models.CharField(_("receipt number"), max_length=40, null=True, blank=True)
    received = AmountField(_("cash received"), null=True, blank=True)
    change = AmountField(_("change given"), null=True, blank=True)
    rounding = AmountField(_("cash rounding"), default=0)  # what the till took more (or less) than the amount
    voucher = models.ForeignKey(
        "payments.Voucher", models.PROTECT, null=True, blank=True, related_name="payments", db_index=False
    )
    # JSON {"iban", "name"} of the account that it came from, where the method tells it; forgotten as a refund's is.
    payer_account = EncryptedTextField(null=True, blank=True, editable=False)
    description = models.TextField(_("description"), blank=True, default="")
    vat: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    metadata: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    business_day = models.DateField(_("business day"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)  # a redirect or an authorization

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PaymentStatus.values), name="payment_status"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="payment_origin"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                # Not "refunded at most captured": facts may exceed it, and then stand as the order's `excess`.
                condition=Q(amount_captured__gte=0)
                & Q(amount_refunded__gte=0)
                & Q(refund_reserved__gte=0)
                & Q(amount_charged_back__gte=0)
                & Q(amount_authorized__gte=F("amount_released")),
                name="payment_amounts_not_negative",
            ),
            models.UniqueConstraint(
                fields=["provider_account", "provider_reference"],
                # A report that names it can mean one payment only.
                name="payment_provider_reference",
                condition=Q(provider_reference__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["merchant", "receipt_number"],
                # Typed at a counter to find the payment: within a merchant it must mean only one.
                name="payment_receipt_number",
                condition=Q(receipt_number__isnull=False),
            ),
        ]
        indexes = [
            # Every list is a keyset page, newest first: each filter has its index ending in -id, so that none sorts.
            models.Index(fields=["merchant", "-id"], name="payment_list"),
            models.Index(fields=["merchant", "channel", "-id"], name="payment_by_channel"),
            models.Index(fields=["merchant", "status", "-id"], name="payment_by_status"),
            models.Index(fields=["merchant", "method", "-id"], name="payment_by_method"),
            models.Index(fields=["merchant", "business_day", "-id"], name="payment_by_day"),
            # As a person's list is sorted; without the merchant, for those who see several.
            models.Index(fields=["-business_day", "-occurred_at", "-id"], name="payment_by_time"),
            models.Index(fields=["provider_account", "-id"], name="payment_by_account"),
            # Whose payer's account is to be forgotten one day.
            models.Index(fields=["id"], name="payment_payer", condition=Q(payer_account__isnull=False)),
            models.Index(fields=["customer", "-id"], name="payment_by_customer", condition=Q(customer__isnull=False)),
            # Partial, as those below: most payments have none of these, and an index of nulls is only written.
            models.Index(fields=["voucher"], name="payment_by_voucher", condition=Q(voucher__isnull=False)),
            models.Index(fields=["merchant", "amount", "-id"], name="payment_by_amount"),
            models.Index(
                fields=["merchant", "card_last4", "-id"],
                name="payment_by_last4",
                condition=Q(card_last4__isnull=False),
            ),
            models.Index(
                fields=["merchant", "card_fingerprint"],
                name="payment_by_card",
                condition=Q(card_fingerprint__isnull=False),
            ),
            models.Index(fields=["merchant", "card_par"], name="payment_by_par", condition=Q(card_par__isnull=False)),
            models.Index(
                fields=["terminal_id", "-id"], name="payment_by_terminal", condition=Q(terminal_id__isnull=False)
            ),
            models.Index(
                # What stands in the way of a day's closing: few at any time.
                fields=["merchant", "business_day"],
                name="payment_provisional",
                condition=Q(provisional=True),
            ),
            # Counted on every page of the admin, for who sees all merchants too.
            models.Index(fields=["merchant"], name="payment_unknown", condition=Q(status="unknown")),
            models.Index(
                fields=["expires_at"],
                # Only what may still expire: the sweep's question stays cheap however many payments there are.
                name="payment_expiring",
                condition=Q(status__in=["requires_action", "authorized", "processing"]),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def amount_capturable(self) -> int:
        """What may be captured or released now, in minor units; captures and cancellations under way are subtracted."""
        if self.status not in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED) or not self.manual_capture:
            return 0
        return max(0, self.amount_held - self.amount_under_way)

    @property
    def amount_held(self) -> int:
        """What is authorized and neither captured nor released, in minor units."""
        return max(0, self.amount_authorized - self.amount_captured - self.amount_released)

    @property
    def open_until(self) -> datetime | None:
        """When a payment that waits for its customer, or for its capture, ends by itself; None of any other."""
        waits = self.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.AUTHORIZED)
        return self.expires_at if waits else None

    @property
    def refundable(self) -> int:
        """What may still be refunded of this tender, in minor units, before the order's own limit."""
        return max(0, self.amount_captured - self.amount_refunded - self.refund_reserved - self.amount_charged_back)

    @property
    def over_returned(self) -> int:
        """How much more was given back of it than was paid with it, in minor units."""
        returned = self.amount_refunded + self.refund_reserved + self.amount_charged_back
        return max(0, returned - self.amount_captured)
