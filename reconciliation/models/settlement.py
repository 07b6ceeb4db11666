"""A provider's account of what it owes, and each movement in it."""

from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField
from payments.models import Merchant, ProviderAccount
from reconciliation.formats.base import LineType
from reconciliation.models.settlement_file import SettlementFile

TYPES: Final[dict[str, Any]] = {
    LineType.SALE.value: _("sale"),
    LineType.REFUND.value: _("refund"),
    LineType.REFUND_FAILED.value: _("refund failed"),
    LineType.REVERSAL.value: _("reversal"),
    LineType.CHARGEBACK.value: _("chargeback"),
    LineType.CHARGEBACK_REVERSAL.value: _("chargeback reversal"),
    LineType.FEE.value: _("fee"),
    LineType.RESERVE_HOLD.value: _("reserve hold"),
    LineType.RESERVE_RELEASE.value: _("reserve release"),
    LineType.BALANCE_CARRIED.value: _("balance carried"),
    LineType.ROUNDING.value: _("rounding"),
    LineType.CONVERSION.value: _("currency conversion"),
    LineType.PAYOUT_RETURNED.value: _("payout returned"),
    LineType.CONFIRMED.value: _("confirmed"),
    LineType.DECLINED.value: _("declined"),
}

FEE_PARTS: Final[dict[str, Any]] = {
    "commission": _("commission"),
    "markup": _("markup"),
    "scheme_fees": _("scheme fees"),
    "interchange": _("interchange"),
    "payment_fees": _("payment fees"),
    "dcc_markup": _("DCC markup"),
}


class Settlement(models.Model):
    """One settlement in one currency. Its reference comes once, whatever file brings it."""

    OBJECT: ClassVar[str] = "settlement"

    file = models.ForeignKey(SettlementFile, models.PROTECT, related_name="settlements", verbose_name=_("file"))
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    reference = models.CharField(_("reference"), max_length=255)
    currency = CurrencyField(_("currency"))
    item = models.BigIntegerField(unique=True, editable=False)  # its open item in the ledger
    closed_at = models.DateTimeField(_("closed at"))
    gross = AmountField(_("gross"))
    fee = AmountField(_("fees"))
    vat = AmountField(_("VAT on fees"))
    net = AmountField(_("net"))

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        constraints = [
            models.UniqueConstraint(fields=["provider_account", "reference", "currency"], name="settlement_once"),
            models.CheckConstraint(
                condition=Q(net=models.F("gross") - models.F("fee") - models.F("vat")), name="settlement_net"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class SettlementLine(models.Model):
    """One movement. What it is about stands in plain columns, for a million lines must not lock a million parents."""

    class State(models.TextChoices):
        MATCHED = "matched", _("matched")
        EARLY = "early", _("not in the books yet")  # its payment is known, what happened to it is not
        REPEATED = "repeated", _("settled before")
        UNKNOWN = "unknown", _("unknown")
        PLAIN = "plain", _("about no payment")  # a fee or a reserve

    class Rule(models.TextChoices):
        """By what a line was matched, or why it was left to a person."""

        OPERATION = "operation", _("by our own number")
        REFERENCE = "reference", _("by the provider's reference")
        CARD_PRESENT = "card_present", _("by the terminal's numbers")
        PAYMENT = "payment", _("by the payment's reference and the amount")
        ORDER = "order", _("by the order's reference and the amount")
        PAYMENT_ONLY = "payment_only", _("by the payment's reference alone")
        AMOUNT_DAY_CARD = "amount_day_card", _("by amount, day and card")
        PARTS = "parts", _("in parts")
        BY_HAND = "by_hand", _("by a person")
        AMBIGUOUS = "ambiguous", _("several fit")
        CONTRADICTS = "contradicts", _("contradicts itself")
        SIGN = "sign", _("wrong sign")

    id = models.BigAutoField(primary_key=True)
    settlement = models.ForeignKey(Settlement, models.PROTECT, related_name="lines", verbose_name=_("settlement"))
    number = models.PositiveIntegerField(_("line"))
    type = models.CharField(_("type"), max_length=20, choices=list(TYPES.items()))
    reference = models.CharField(_("reference"), max_length=255, blank=True, default="")
    payment_reference = models.CharField(_("payment reference"), max_length=255, blank=True, default="")
    reported_operation = models.CharField(max_length=30, blank=True, default="")
    rrn = models.CharField("RRN", max_length=255, blank=True, default="")
    tid = models.CharField("TID", max_length=255, blank=True, default="")
    stan = models.CharField("STAN", max_length=255, blank=True, default="")
    authorization_code = models.CharField(_("authorization code"), max_length=255, blank=True, default="")
    order_reference = models.CharField(_("order"), max_length=255, blank=True, default="", db_default="")
    card_last4 = models.CharField(_("card"), max_length=4, blank=True, default="", db_default="")
    occurred_at = models.DateTimeField(_("occurred at"))
    currency = CurrencyField(_("currency"))
    gross = AmountField(_("gross"))
    fee = AmountField(_("fee"))
    vat = AmountField(_("VAT on fee"))
    # What the fee consists of, in minor units (commission, interchange …), where the provider tells.
    fee_parts: models.JSONField[Any, Any] = models.JSONField(_("parts of the fee"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State)
    rule = models.CharField(_("matched"), max_length=16, choices=Rule, blank=True, default="", db_default="")
    operation_id = IdField(_("operation"), null=True, blank=True)
    payment_id = IdField(_("payment"), null=True, blank=True)
    item = models.BigIntegerField(null=True, blank=True)  # what its gross is booked about: a payment, or itself
    booked_currency = CurrencyField(null=True, blank=True)  # the sale's, where it differs from the settlement's
    booked_amount = AmountField(null=True, blank=True)
    expected = AmountField(null=True, blank=True)  # the books' amount, if it differs and the line has no operation
    evidence_id = IdField(null=True, blank=True)  # the device's transaction, if it was matched by its numbers
    # What of it a rule has changed that matched it later than its file was imported: given back if that is undone.
    before_match: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    # How often a match of it was undone: since the first time only a person matches it.
    undone = models.PositiveSmallIntegerField(_("matches undone"), default=0, db_default=0)

    class Meta:
        verbose_name = _("settlement line")
        verbose_name_plural = _("settlement lines")
        constraints = [
            models.UniqueConstraint(fields=["settlement", "number"], name="settlement_line_number"),
            models.UniqueConstraint(
                fields=["operation_id", "type"],
                name="settlement_line_operation_once",
                condition=Q(state="matched", operation_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["payment_id"], name="settlement_line_payment", condition=Q(payment_id__isnull=False)),
            models.Index(
                fields=["settlement", "id"],
                name="settlement_line_unmatched",
                condition=Q(state__in=["early", "repeated", "unknown"]),
            ),
            models.Index(
                fields=["reference"],
                name="settlement_line_reserve",
                condition=Q(type__in=["reserve_hold", "reserve_release"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"

    @property
    def net(self) -> int:
        """What the provider owes for it."""
        return self.gross - self.fee - self.vat
