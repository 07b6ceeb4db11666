"""The history of every status."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.db.fields import IdField


class Transition(models.Model):
    """One change of one object's status, and who made it. Never changed, never deleted."""

    id = models.BigAutoField(primary_key=True)
    object_id = IdField(_("object"))
    from_status = models.CharField(_("from"), max_length=20)
    to_status = models.CharField(pgettext_lazy("status", "to"), max_length=20)
    actor = models.CharField(_("by"), max_length=100)
    operation_id = IdField(_("operation"), null=True, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("transition")
        verbose_name_plural = _("transitions")
        indexes = [models.Index(fields=["object_id", "id"], name="transition_of_object")]

    def __str__(self) -> str:
        return f"{self.object_id}: {self.from_status} → {self.to_status}"
