"""The device: where it stands, how it proves itself, and how far its sequence has come."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.core.crypto import EncryptedTextField
from payments.db.fields import IdField, id_factory
from payments.models import Channel, Merchant, ProviderAccount
from payments.models.base import ApiObject


class Terminal(ApiObject):
    """One card terminal in one channel. Pairing it again starts a new `series`, whose sequence begins at 1.

    `last_sequence` is the highest this series has shown, `missing` the inclusive ranges below it that were never
    recorded; both change only under the row's lock, so that a device's transactions are taken one batch at a time.
    """

    OBJECT: ClassVar[str] = "terminal"

    class Status(models.TextChoices):
        UNPAIRED = "unpaired", _("unpaired")
        ACTIVE = "active", _("active")
        REVOKED = "revoked", _("revoked")

    id = IdField(primary_key=True, default=id_factory("trm"), editable=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name=_("channel"))
    provider_account = models.ForeignKey(
        ProviderAccount, models.PROTECT, related_name="+", verbose_name=_("provider account")
    )
    label = models.CharField(_("label"), max_length=100)
    serial_number = models.CharField(_("serial number"), max_length=64, null=True, blank=True)
    model = models.CharField(_("model"), max_length=64, null=True, blank=True)
    # [{brand, provider_account, tid, mid}]: one device may have another contract for each brand.
    merchant_ids: models.JSONField[Any, Any] = models.JSONField(_("merchant ids"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.UNPAIRED)

    # Who drives it (`terminals.providers`): the paired device itself, or its maker, who knows it as `device_id`.
    driver = models.CharField(_("driven by"), max_length=32, default="onetill_device", db_default="onetill_device")
    device_id = models.CharField(_("id at its maker"), max_length=64, null=True, blank=True)

    pairing_code_hash = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    pairing_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    secret = EncryptedTextField(null=True, blank=True, editable=False)  # whsec_…, of a device that signs by HMAC
    public_key = models.CharField(max_length=60, null=True, blank=True, editable=False)  # whpk_…, by Ed25519
    # 1: signatures of version 1 and 2 count, as of devices that cannot do more; 2: only those of version 2.
    signature_version = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    paired_at = models.DateTimeField(_("paired at"), null=True, blank=True, editable=False)

    series = models.PositiveIntegerField(_("series"), default=0, editable=False)  # 0: never paired
    last_sequence = models.PositiveBigIntegerField(_("last sequence"), default=0, editable=False)
    missing: models.JSONField[Any, Any] = models.JSONField(_("missing sequences"), default=list, editable=False)

    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)
    # When this device last asked what it is to do; None: it never has, and only posts.
    polled_at = models.DateTimeField(_("asked for work at"), null=True, blank=True, editable=False)
    firmware = models.CharField(_("firmware"), max_length=64, null=True, blank=True, editable=False)
    queue_depth = models.PositiveIntegerField(_("queue depth"), null=True, blank=True, editable=False)
    battery = models.PositiveSmallIntegerField(_("battery (%)"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("terminal")
        verbose_name_plural = _("terminals")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["unpaired", "active", "revoked"]), name="terminal_status"),
            models.CheckConstraint(
                condition=~Q(status="active")
                | Q(secret__isnull=False, public_key__isnull=True)
                | Q(secret__isnull=True, public_key__isnull=False),
                name="terminal_active_has_one_key",
            ),
            models.CheckConstraint(
                condition=Q(status="active") | Q(secret__isnull=True, public_key__isnull=True),
                name="terminal_key_only_while_active",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="terminal_list"),
            models.Index(fields=["channel", "-id"], name="terminal_by_channel"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def next_sequence(self) -> int:
        """The highest sequence seen, plus one."""
        return self.last_sequence + 1
