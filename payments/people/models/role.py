"""Who is what, where."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField


class Role(models.Model):
    """One person's place at one merchant: in one channel, or in all of them (`channel_id` null)."""

    class Name(models.TextChoices):
        SERVICE = "service", _("customer service")
        CLERK = "clerk", _("clerk")
        STORE_MANAGER = "store_manager", _("store manager")
        FINANCE = "finance", _("finance")
        CONTROLLER = "controller", _("controller")
        DEVELOPER = "developer", _("developer")
        AUDITOR = "auditor", _("auditor")
        OWNER = "owner", _("owner")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="roles")
    merchant_id = IdField(_("merchant"))  # merchants stand a floor higher: a plain column
    channel_id = IdField(_("channel"), null=True, blank=True, help_text=_("Empty: every channel of the merchant."))
    role = models.CharField(_("role"), max_length=13, choices=Name)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    role__in=[
                        *("owner", "finance", "store_manager", "clerk", "auditor"),
                        *("service", "controller", "developer"),
                    ]
                ),
                name="role_name",
            ),
            models.UniqueConstraint(
                fields=["user", "merchant_id", "channel_id", "role"], name="role_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["merchant_id"], name="role_of_merchant")]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.channel_id or self.merchant_id}"
