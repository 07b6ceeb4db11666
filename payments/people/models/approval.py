"""What needs a second person, and what that person said."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.fields import IdField, id_factory


class Approval(models.Model):
    """One request for a second person's word. The database refuses a decision by whoever asked."""

    OBJECT: ClassVar[str] = "approval"

    class Action(models.TextChoices):
        REFUND = "refund", _("refund")
        WRITE_OFF = "write_off", _("write-off")
        FORCED_MATCH = "forced_match", _("forced match")

    class Decision(models.TextChoices):
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    id = IdField(primary_key=True, default=id_factory("apv"), editable=False)
    merchant_id = IdField(_("merchant"))
    channel_id = IdField(_("channel"), null=True, blank=True)
    subject_type = models.CharField(_("subject"), max_length=40)
    subject_id = IdField(_("subject id"))
    action = models.CharField(_("action"), max_length=12, choices=Action)
    requested_by = models.CharField(_("requested by"), max_length=100, db_collation="C")
    requested_at = models.DateTimeField(_("requested at"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, null=True, blank=True)
    note = models.TextField(_("note"), blank=True, default="")

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(requested_by=F("decided_by_id")),
                name="approval_never_ones_own",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, decision__isnull=True)
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
