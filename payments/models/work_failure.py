"""Work of the background that failed: counted, with its last error, until it goes well."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField


class WorkFailure(models.Model):
    """One item of one kind of work. Written by `payments.runtime.sweeps`, which says when it is tried again.

    `due_at` None: it was set aside after too many failures, and waits for a person.
    """

    id = models.BigAutoField(primary_key=True)
    work = models.CharField(_("work"), max_length=64)
    subject = models.CharField(_("about"), max_length=100, db_collation="C")
    merchant_id = IdField(_("merchant"), null=True, blank=True)  # none: it is the whole installation's
    attempts = models.PositiveIntegerField(_("failures"), default=0)
    error = models.CharField(_("last error"), max_length=500, blank=True, default="")
    first_failed_at = models.DateTimeField(_("failed first at"))
    last_failed_at = models.DateTimeField(_("failed last at"))
    due_at = models.DateTimeField(_("tried again at"), null=True, blank=True)

    class Meta:
        verbose_name = _("failed work")
        verbose_name_plural = _("failed work")
        constraints = [models.UniqueConstraint(fields=["work", "subject"], name="work_failure_once")]
        indexes = [models.Index(fields=["merchant_id"], name="work_failure_of_merchant")]

    def __str__(self) -> str:
        return f"{self.work} {self.subject}"
