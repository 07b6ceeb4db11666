"""Who changed what, never changed itself."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField


class AuditLog(models.Model):
    """One action. Triggers refuse update, delete and truncate, and the application's role lacks the rights."""

    RETENTION: ClassVar[timedelta] = timedelta(days=7 * 366)
    RETENTION_WHY: ClassVar[str] = (
        "It proves who changed what about the books, and is kept as long as they are: 7 years."
    )

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor = models.CharField(_("by"), max_length=100)
    action = models.CharField(_("action"), max_length=64)
    object_type = models.CharField(_("object"), max_length=40)
    object_id = models.CharField(_("object id"), max_length=64, db_collation="C")
    merchant_id = IdField(_("merchant"), null=True, blank=True)  # null: about the installation, as a user is
    before: models.JSONField[Any, Any] = models.JSONField(_("before"), null=True, blank=True)
    after: models.JSONField[Any, Any] = models.JSONField(_("after"), null=True, blank=True)

    class Meta:
        app_label = "people"  # where its table and migrations are
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["merchant_id", "-id"], name="audit_log_list"),
            models.Index(fields=["object_id", "-id"], name="audit_log_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"
