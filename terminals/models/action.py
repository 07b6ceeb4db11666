"""What a terminal is asked to do: charge a card, give back on one, say what came of it, or stop."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import AmountField, CurrencyField, IdField, id_factory
from payments.models import Channel, Merchant, Operation, Order, Payment, RefundPart
from payments.models.base import ApiObject
from terminals.models.terminal import Terminal


class ActionType(models.TextChoices):
    """What is asked."""

    SALE = "sale", _("payment")
    REFUND = "refund", _("refund on a card")
    STATUS = "status", _("question what came of it")
    ABORT = "abort", _("stop")


class ActionStatus(models.TextChoices):
    """How far it has come. `unknown`: it may have happened, and the terminal is asked."""

    QUEUED = "queued", _("waits for the terminal")
    PRESENTED = "presented", _("on the terminal")
    SUCCEEDED = "succeeded", _("succeeded")
    DECLINED = "declined", _("declined")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    UNKNOWN = "unknown", _("outcome unknown")


MONEY_TYPES = (ActionType.SALE, ActionType.REFUND)
OPEN = (ActionStatus.QUEUED, ActionStatus.PRESENTED)


class TerminalAction(ApiObject):
    """One thing that one terminal is asked to do. Written under its terminal's lock.

    A sale or refund has the `operation` whose outcome is asked for; a question or a stop has its `target` instead.
    `sent_at` is when a device was first given it: from then on nobody may assume that it never happened. A maker's
    own name for it is `maker_reference`, and `poll_at` when a maker that is at it is asked again. `history` holds each
    status with its cause: [{at, status, cause, actor}].
    """

    OBJECT: ClassVar[str] = "terminal_action"

    id = IdField(primary_key=True, default=id_factory("act"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", db_index=False, verbose_name=_("channel"))
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="actions", verbose_name=_("terminal"))
    type = models.CharField(_("type"), max_length=8, choices=ActionType)
    status = models.CharField(_("status"), max_length=10, choices=ActionStatus, default=ActionStatus.QUEUED)
    target = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="about")
    amount = AmountField(_("amount"), null=True, blank=True)
    currency = CurrencyField(_("currency"), null=True, blank=True)
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    refund_part = models.ForeignKey(RefundPart, models.PROTECT, null=True, blank=True, related_name="+")
    operation = models.ForeignKey(Operation, models.PROTECT, null=True, blank=True, related_name="+")
    operator = models.CharField(_("operator"), max_length=100, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    requested_by = models.CharField(_("requested by"), max_length=100)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    presented_at = models.DateTimeField(_("presented at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    ask_at = models.DateTimeField(null=True, blank=True)  # when the terminal is asked what came of it
    questions = models.PositiveSmallIntegerField(default=0)  # how often it was, so that the pauses grow
    maker_reference = models.CharField(_("reference at the maker"), max_length=255, null=True, blank=True)
    poll_at = models.DateTimeField(null=True, blank=True)
    history: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = _("terminal action")
        verbose_name_plural = _("terminal actions")
        constraints = [
            models.CheckConstraint(condition=Q(type__in=ActionType.values), name="terminal_action_type"),
            models.CheckConstraint(condition=Q(status__in=ActionStatus.values), name="terminal_action_status"),
            models.CheckConstraint(
                condition=Q(type__in=["sale", "refund"], operation__isnull=False, amount__gt=0, target__isnull=True)
                | Q(type__in=["status", "abort"], operation__isnull=True, target__isnull=False),
                name="terminal_action_has_its_subject",
            ),
            # One customer at a time stands at a terminal.
            models.UniqueConstraint(
                fields=["terminal"],
                condition=Q(status__in=["queued", "presented"], type__in=["sale", "refund"]),
                name="terminal_action_one_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["target", "type"],
                condition=Q(status__in=["queued", "presented"], target__isnull=False),
                name="terminal_action_asked_once",
            ),
        ]
        indexes = [
            models.Index(fields=["terminal", "-id"], name="terminal_action_list"),
            models.Index(fields=["terminal"], name="terminal_action_queued", condition=Q(status="queued")),
            # What the sweep looks for: few at any time.
            models.Index(fields=["expires_at"], name="terminal_action_expiring", condition=Q(status="queued")),
            models.Index(fields=["ask_at"], name="terminal_action_asking", condition=Q(ask_at__isnull=False)),
            models.Index(fields=["poll_at"], name="terminal_action_polling", condition=Q(poll_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @property
    def is_open(self) -> bool:
        """Whether the terminal may still be asked it, or is at it."""
        return self.status in OPEN

    @property
    def moves_money(self) -> bool:
        """Whether a card is charged or given back to by it."""
        return self.type in MONEY_TYPES
