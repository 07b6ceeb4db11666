"""Requests for a second person, and the decisions."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import IdField, id_factory


class Approval(models.Model):
    """One request for a second person's decision. The database refuses a decision by those who stand behind it.

    `payload` is what is to be carried out, with the values it replaces; what of it is secret stands encrypted in
    `secrets`, is never shown, and is emptied when the request ends.
    """

    OBJECT: ClassVar[str] = "approval"

    class Action(models.TextChoices):
        """Every sensitive action; what each takes stands in `payments.people.actions`."""

        REFUND = "refund", _("refund")
        RELEASE_TRANSFER = "release_transfer", _("release of a bank transfer")
        RELEASE_BATCH = "release_batch", _("release of a batch of bank transfers")
        ISSUE_VOUCHER = "issue_voucher", _("issue of a voucher")
        WRITE_OFF = "write_off", _("write-off")
        FORCED_MATCH = "forced_match", _("forced match")
        BOOK_FEE = "book_fee", _("booking as a fee")
        SUSPENSE = "suspense", _("move to suspense")
        ACCEPT = "accept", _("acceptance of a difference")
        UNDO_RESOLUTION = "undo_resolution", _("undoing of a resolution")
        CLOSE_PERIOD = "close_period", _("close of a day or month")
        OVERRIDE_CLOSE = "override_close", _("close in spite of its checklist")
        REOPEN_PERIOD = "reopen_period", _("reopening of a closed day or month")
        CHANGE_SETTINGS = "change_settings", _("change of settings")
        CHANGE_MONEY_RULES = "change_money_rules", _("change of money rules")
        CHANGE_REFUND_RULES = "change_refund_rules", _("change of refund rules")
        DECIDE_ALONE = "decide_alone", _("deciding alone")
        ADD_PROVIDER_ACCOUNT = "add_provider_account", _("new provider account")
        CHANGE_PROVIDER_ACCOUNT = "change_provider_account", _("change of a provider account")
        CHANGE_MATCHING_RULES = "change_matching_rules", _("tolerance of matching rules")
        CHANGE_PAYOUT = "change_payout", _("change of credentials or payout account")
        ADD_CONNECTOR = "add_connector", _("new connector to bookkeeping software")
        CHANGE_CONNECTOR = "change_connector", _("change of where the books are sent")
        MAKE_KEY = "make_key", _("new API key")
        ROLL_KEY = "roll_key", _("rolling an API key")
        REVOKE_KEY = "revoke_key", _("revoking an API key")
        CHANGE_USER = "change_user", _("change of a user")
        CHANGE_ROLES = "change_roles", _("change of roles")
        TAKE_SECOND_FACTOR = "take_second_factor", _("taking a second factor away")

    class Decision(models.TextChoices):
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = IdField(primary_key=True, default=id_factory("apv"), editable=False)
    merchant_id = IdField(_("merchant"), null=True, blank=True)  # null: about the installation, superusers decide
    channel_id = IdField(_("channel"), null=True, blank=True)
    subject_type = models.CharField(_("subject"), max_length=40)
    subject_id = IdField(_("subject id"))
    action = models.CharField(_("action"), max_length=40, choices=Action)
    requested_by = models.CharField(_("requested by"), max_length=100, db_collation="C")
    requested_at = models.DateTimeField(_("requested at"), default=timezone.now)
    payload: models.JSONField[Any, Any] = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    secrets = EncryptedTextField(null=True, blank=True, editable=False)
    behind: ArrayField[list[str], list[str]] = ArrayField(  # the requester, and who made or rolled the requesting key
        IdField(), default=list, db_default=[], blank=True, editable=False
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=9, choices=Decision, null=True, blank=True)
    alone = models.BooleanField(_("decided alone"), default=False, db_default=False, editable=False)
    note = models.TextField(_("note"), blank=True, default="")

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(alone=True)
                | (~Q(requested_by=F("decided_by_id")) & ~Q(behind__contains=[F("decided_by_id")])),
                name="approval_never_ones_own",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, decision__isnull=True)
                | Q(decided_by__isnull=True, decided_at__isnull=False, decision="withdrawn")
                | Q(decided_by__isnull=False, decided_at__isnull=False, decision__in=["approved", "rejected"]),
                name="approval_decided_whole",
            ),
            models.UniqueConstraint(
                fields=["subject_id", "action"], condition=Q(decision__isnull=True), name="approval_open_once"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant_id", "-id"], name="approval_list"),
            models.Index(fields=["subject_id"], name="approval_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.subject_id}"
