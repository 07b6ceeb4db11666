"""A decision to give money back on an order, in parts over its payments."""

from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Channel, Merchant
from payments.models.order import Order
from payments.models.payment import Method, Payment
from payments.models.transfer_batch import TransferBatch


class RefundStatus(models.TextChoices):
    """Of a refund as a whole."""

    REQUIRES_APPROVAL = "requires_approval", _("waits for a second person")
    PENDING = "pending", _("pending")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


class PartStatus(models.TextChoices):
    """Of one part."""

    REQUIRES_APPROVAL = "requires_approval", _("waits for a second person")
    QUEUED = "queued", _("queued")
    PENDING = "pending", _("pending")
    UNKNOWN = "unknown", _("outcome unknown")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


class Route(models.TextChoices):
    """How a part travels."""

    ORIGINAL = "original", _("original method")
    TERMINAL = "terminal", _("card on a terminal")
    BANK = "bank", _("bank transfer")
    VOUCHER = "voucher", _("voucher")
    CASH = "cash", _("cash")


class CardVerdict(models.TextChoices):
    """What a terminal's refund says of its card, held against the one that had paid."""

    SAME = "same", _("the same card")
    ALIKE = "alike", _("a card with the same brand and last digits")
    OTHER = "other", _("another card")
    UNKNOWN = "unknown", _("not known: nothing to compare")


# Codes among a part's reasons that say it was abandoned.
GIVEN_UP: Final = frozenset({"replanned", "canceled"})


class Refund(ApiObject):
    """A decision to give money back. `channel` is where the goods came back."""

    OBJECT: ClassVar[str] = "refund"

    id = IdField(primary_key=True, default=id_factory("ref"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    exchange_for = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="+")
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    status = models.CharField(_("status"), max_length=20, choices=RefundStatus)
    reason = models.CharField(_("reason"), max_length=200)
    reason_code = models.CharField(_("reason code"), max_length=40, blank=True, default="", db_default="")
    requested_by = models.CharField(_("requested by"), max_length=100)
    operator = models.CharField(_("operator"), max_length=100, blank=True, default="")
    reported = models.BooleanField(_("made elsewhere"), default=False)  # a fact, not our decision
    metadata: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    business_day = models.DateField(_("business day"))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="refund_list"),
            models.Index(fields=["-business_day", "-occurred_at", "-id"], name="refund_by_time"),
        ]

    def __str__(self) -> str:
        return self.id


class RefundPart(models.Model):
    """What one payment gives back, by one route; without a payment it is a refund that no sale is known for.

    Retention of the bank account: until the transfer is final and its contest window is over (13 months), since a
    returned transfer must be made again.
    """

    OBJECT: ClassVar[str] = "refund_part"

    id = IdField(primary_key=True, default=id_factory("prt"), editable=False)
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="parts")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="refund_parts")
    item = models.BigIntegerField(unique=True, editable=False)  # its open item in the ledger
    position = models.PositiveSmallIntegerField()
    amount = AmountField(_("amount"))
    tip = AmountField(_("tip"), default=0)
    route = models.CharField(_("route"), max_length=8, choices=Route)
    status = models.CharField(_("status"), max_length=20, choices=PartStatus)
    terminal_id = IdField(_("terminal"), null=True, blank=True)
    bank_account = EncryptedTextField(blank=True, default="", editable=False)  # JSON {"iban", "name"}
    iban_hash = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    voucher = models.ForeignKey("payments.Voucher", models.PROTECT, null=True, blank=True, related_name="+")
    rounding = AmountField(_("cash rounding"), default=0)
    expected_at = models.DateTimeField(_("expected at"), null=True, blank=True)
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)  # of a bank transfer
    batch = models.ForeignKey(
        TransferBatch, models.PROTECT, null=True, blank=True, related_name="parts", db_index=False, editable=False
    )
    reasons: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    # Of a refund on a card: {verdict, by}, the card that was shown held against the one that had paid.
    card_match: models.JSONField[Any, Any] = models.JSONField(_("card"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund part")
        verbose_name_plural = _("refund parts")
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PartStatus.values), name="refund_part_status"),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="refund_part_route"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_part_amount_positive"),
            # Parts are shown in the order in which they were planned.
            models.UniqueConstraint(fields=["refund", "position"], name="refund_part_position"),
        ]
        indexes = [
            # What stands in the way of a day's closing: few at any time.
            models.Index(fields=["refund"], name="refund_part_unknown", condition=Q(status="unknown")),
            models.Index(fields=["iban_hash"], name="refund_part_to_iban", condition=~Q(iban_hash="")),
            models.Index(fields=["batch"], name="refund_part_of_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def in_cash(self) -> bool:
        """Whether it comes out of a till: by that route, or because the sale was paid so."""
        by_origin = self.route == Route.ORIGINAL and self.payment is not None and self.payment.method == Method.CASH
        return self.route == Route.CASH or by_origin

    @property
    def times_given_up(self) -> int:
        """How often it was abandoned; what left all the same stands again."""
        return sum(reason["code"] in GIVEN_UP for reason in self.reasons)


class _Transfers(models.Manager[Any]):
    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(route=Route.BANK)


class BankTransfer(RefundPart):
    """A part that goes back by bank transfer: made by hand, and released by a person."""

    objects: ClassVar[models.Manager[Any]] = _Transfers()

    class Meta:
        proxy = True
        verbose_name = _("bank transfer")
        verbose_name_plural = _("bank transfers")
