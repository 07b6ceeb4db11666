"""An e-mail to be sent, and what became of it."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.core.crypto import EncryptedTextField
from payments.db.fields import IdField, id_factory


class Mail(models.Model):
    """One message to one address, pending until a server took it or the schedule ends."""

    OBJECT: ClassVar[str] = "mail"
    RETENTION: ClassVar[timedelta] = timedelta(days=90)
    RETENTION_WHY: ClassVar[str] = "Long enough to answer “I never got it”; what it was about stays in the books."

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")

    id = IdField(primary_key=True, default=id_factory("msg"), editable=False)
    merchant_id = IdField(_("merchant"), null=True, blank=True)  # null: to a user, about their account
    channel_id = IdField(_("channel"), null=True, blank=True)
    object_id = IdField(_("about"))
    sender = models.CharField(
        pgettext_lazy("mail", "from"), max_length=200, blank=True, default=""
    )  # a name; the address is ours
    to = models.EmailField(pgettext_lazy("mail", "to"), max_length=254)
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"))
    sealed = EncryptedTextField(null=True, editable=False)  # sent in place of `text`, and emptied once it has gone
    html = models.TextField(blank=True, default="")
    attachment = models.BinaryField(null=True, blank=True)
    attachment_name = models.CharField(_("attachment"), max_length=100, blank=True, default="")
    attachment_type = models.CharField(max_length=100, blank=True, default="")
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True, default=timezone.now)
    failure = models.CharField(_("failure"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        app_label = "notify"  # where its table and migrations are
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="pending", next_attempt_at__isnull=False)
                | Q(status__in=["succeeded", "failed"], next_attempt_at__isnull=True),
                name="mail_status",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="mail_pending", condition=Q(status="pending")),
            models.Index(fields=["merchant_id", "-id"], name="mail_list"),
            models.Index(fields=["object_id"], name="mail_about"),
        ]

    def __str__(self) -> str:
        return self.subject
