"""A passkey: a key pair of a person's telephone, computer or security key, of which the public half is kept here."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField, id_factory


class Passkey(models.Model):
    """One passkey of one person (WebAuthn). `credential` is its id and public key, as the authenticator gave them."""

    OBJECT: ClassVar[str] = "passkey"
    RETENTION_WHY: ClassVar[str] = "Kept until its owner removes it, or their access is recovered."

    id = IdField(primary_key=True, default=id_factory("psk"), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkeys")
    name = models.CharField(_("name"), max_length=60)
    credential_id = models.BinaryField(max_length=1023, unique=True)
    credential = models.BinaryField()
    sign_count = models.BigIntegerField(default=0, db_default=0)  # of authenticators that count; a step back is a copy
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True)

    class Meta:
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")

    def __str__(self) -> str:
        return self.name
