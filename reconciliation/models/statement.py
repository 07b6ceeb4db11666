"""A bank's statement of one account over a period, and its transactions."""

from datetime import timedelta
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField
from payments.models import Merchant
from reconciliation.models.payout import Payout
from reconciliation.models.settlement_file import SettlementFile

KINDS: Final = [("statement", _("statement")), ("notification", _("notification"))]


class BankStatement(models.Model):
    """One statement. A notification has no balances; it is stored beside the statement that is booked."""

    OBJECT: ClassVar[str] = "bank_statement"

    file = models.ForeignKey(SettlementFile, models.PROTECT, related_name="statements")
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    kind = models.CharField(_("kind"), max_length=12, choices=KINDS)
    account = models.CharField(_("account"), max_length=40)
    reference = models.CharField(_("reference"), max_length=255)
    sequence = models.CharField(_("number"), max_length=35, blank=True, default="")
    currency = CurrencyField(_("currency"))
    opening = AmountField(_("opening balance"), null=True, blank=True)
    opened_on = models.DateField(_("opened on"), null=True, blank=True)
    closing = AmountField(_("closing balance"), null=True, blank=True)
    closed_on = models.DateField(_("closed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        constraints = [
            # Banks number by the year and some not at all: only all of it together names a statement. A day that
            # is fetched at noon and again at night has another closing balance.
            models.UniqueConstraint(
                fields=[
                    *("merchant", "kind", "account", "reference", "sequence", "opened_on", "closed_on"),
                    *("currency", "opening", "closing"),
                ],
                name="bank_statement_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(kind__in=["statement", "notification"]), name="bank_statement_kind"),
        ]
        indexes = [models.Index(fields=["merchant", "account", "closed_on"], name="bank_statement_of_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.reference}"


class BankStatementLine(models.Model):
    """One transaction at the bank; what nothing explains (wages, rent) is stored and not booked."""

    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = (
        "Bank lines name counterparties; Dutch fiscal law keeps them with the books: 7 years."
    )

    class State(models.TextChoices):
        PAYOUT = "payout", _("payout")
        REFUND = "refund", _("refund by bank transfer")
        PAYMENT = "payment", _("payment credited by itself")
        DEPOSIT = "deposit", _("cash from a till")
        SUSPENSE = "suspense", _("unknown, from a provider")
        REPEATED = "repeated", _("booked before")
        OTHER = "other", _("not ours to explain")

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(BankStatement, models.PROTECT, related_name="lines", verbose_name=_("statement"))
    number = models.PositiveIntegerField(_("line"))
    position = models.PositiveIntegerField(_("position"))  # several transactions may stand on one source line
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    booked_on = models.DateField(_("booked on"))
    valued_on = models.DateField(_("value date"), null=True, blank=True)
    reversal = models.BooleanField(_("reversal"), default=False)
    bank_reference = models.CharField(_("bank's reference"), max_length=255, blank=True, default="")
    end_to_end_id = models.CharField(_("end-to-end id"), max_length=255, blank=True, default="")
    batch = models.CharField(_("batch"), max_length=255, blank=True, default="")
    counterparty_name = models.CharField(_("counterparty"), max_length=255, blank=True, default="")
    counterparty_iban = models.CharField(_("counterparty's IBAN"), max_length=40, blank=True, default="")
    remittance = models.TextField(_("description"), blank=True, default="")
    code = models.CharField(_("transaction code"), max_length=40, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State)
    payout = models.ForeignKey(
        Payout, models.PROTECT, null=True, blank=True, related_name="bank_lines", verbose_name=_("payout")
    )
    operation_id = IdField(_("operation"), null=True, blank=True)  # of a refund by bank transfer, or of a payment
    # Of one debit for a batch of refunds' transfers.
    transfer_batch_id = IdField(_("transfer batch"), null=True, blank=True)
    provider_account_id = IdField(
        _("provider account"), null=True, blank=True
    )  # whose line it seems to be, where nothing else explains it
    item = models.BigIntegerField(_("item"), null=True, blank=True)  # while it is in suspense, or of a deposit
    # How often a match of it was undone: since the first time only a person matches it.
    undone = models.PositiveSmallIntegerField(_("matches undone"), default=0, db_default=0)

    class Meta:
        verbose_name = _("bank line")
        verbose_name_plural = _("bank lines")
        constraints = [models.UniqueConstraint(fields=["statement", "position"], name="bank_line_position")]
        indexes = [
            models.Index(fields=["-booked_on", "-id"], name="bank_line_by_day"),  # as a person's list is sorted
            models.Index(fields=["bank_reference"], name="bank_line_reference", condition=~Q(bank_reference="")),
            models.Index(fields=["item"], name="bank_line_item", condition=Q(item__isnull=False)),
            models.Index(fields=["operation_id"], name="bank_line_operation", condition=Q(operation_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.counterparty_name}"
