"""One request to a provider, or something that a provider, a terminal or a person reported as done."""

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models.base import ApiObject
from payments.models.merchant import Merchant, ProviderAccount
from payments.models.payment import Payment
from payments.providers.base import Outcome, Verb

# Sent, and nobody knows what came of it.
IN_DOUBT: Final = Q(outcome=None, submitted_at__isnull=False) | Q(outcome=Outcome.UNKNOWN)


class Operation(ApiObject):
    """One verb, requested of a provider or reported. Its id is the idempotency key, stored before the call."""

    OBJECT: ClassVar[str] = "operation"

    class Executor(models.TextChoices):
        PROVIDER = "provider", _("provider")  # we ask, by `services.submit`
        RECORDED = "recorded", _("recorded")  # cash and vouchers: nothing outside our own books is to be done
        TERMINAL = "terminal", _("terminal")  # a terminal is to carry it out
        BANK = "bank", _("bank transfer")  # a person releases it, the bank statement confirms it
        REPORTED = "reported", _("reported")  # it happened without us

    id = IdField(primary_key=True, default=id_factory("op"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    # A refund that no sale is known for has no payment.
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="operations")
    provider_account = models.ForeignKey(ProviderAccount, models.PROTECT, related_name="+", db_index=False)
    # No index by itself; `operation_of_part` holds only those that have one.
    refund_part = models.ForeignKey(
        "payments.RefundPart", models.PROTECT, null=True, blank=True, related_name="operations", db_index=False
    )
    verb = models.CharField(_("verb"), max_length=10, choices=[(verb.value, verb.value) for verb in Verb])
    executor = models.CharField(_("carried out by"), max_length=8, choices=Executor)
    amount = AmountField(_("amount"))
    currency = CurrencyField(_("currency"))
    final = models.BooleanField(default=True)  # of a capture: the rest is released
    outcome = models.CharField(
        _("outcome"),
        max_length=10,
        null=True,
        blank=True,
        choices=[(outcome.value, outcome.value) for outcome in Outcome],
    )
    provider_reference = models.CharField(_("reference at the provider"), max_length=255, null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True, default="")
    failure_detail = models.TextField(blank=True, default="")
    actor = models.CharField(_("by"), max_length=100)
    occurred_at = models.DateTimeField(_("occurred at"), null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # so that the sweep's pauses grow
    due_at = models.DateTimeField(null=True, blank=True)  # when the sweep looks at it; None: nothing is left to do
    reversed_at = models.DateTimeField(null=True, blank=True)  # a success that was taken back

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        constraints = [
            models.CheckConstraint(condition=Q(verb__in=[verb.value for verb in Verb]), name="operation_verb"),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True) | Q(outcome__in=[outcome.value for outcome in Outcome]),
                name="operation_outcome",
            ),
            models.UniqueConstraint(
                fields=["provider_account", "verb", "provider_reference"],
                # Per verb: a provider may give a capture the name of its authorization.
                name="operation_provider_reference",
                condition=Q(provider_reference__isnull=False),
            ),
        ]
        indexes = [
            # What the sweep looks for, and nothing else: an operation that is done leaves it.
            models.Index(fields=["due_at"], name="operation_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["refund_part"], name="operation_of_part", condition=Q(refund_part__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.id}"
