"""The second factor: a code from a person's device, or one of the recovery codes kept for its loss."""

import base64
import secrets
from typing import ClassVar, Final
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from payments.core.crypto import EncryptedTextField

ISSUER: Final = "Onetill"
DRIFT: Final = 1  # steps of half a minute that a device's clock may be off
DIGITS: Final = 6
LONGEST_WAIT: Final = 900  # seconds; a factor that a guesser locked for days would be the owner's loss alone


def new_key() -> str:
    """160 random bits, in hexadecimal."""
    return secrets.token_hex(20)


def is_code(text: str) -> bool:
    """Tell whether this is written as a code is: six ASCII digits."""
    return len(text) == DIGITS and text.isascii() and text.isdecimal()


def matching_step(key: str, code: str, *, after: int = -1) -> int | None:
    """The half minute whose code this is, among those near now and later than `after`; None: a wrong code."""
    if not is_code(code):
        return None
    totp = TOTP(bytes.fromhex(key))
    return totp.t() if totp.verify(int(code), DRIFT, after + 1) else None


def provisioning_uri(key: str, user_name: str) -> str:
    """Return the otpauth address that an authenticator app scans."""
    label = quote(f"{ISSUER}:{user_name}")
    return f"otpauth://totp/{label}?{urlencode({'secret': base32(key), 'issuer': ISSUER})}"


def base32(key: str) -> str:
    """Return the key as people type it into an app that cannot scan."""
    return base64.b32encode(bytes.fromhex(key)).decode().rstrip("=")


class SecondFactor(ThrottlingMixin, Device):
    """One authenticator app of one person (RFC 6238). Its key stands encrypted; wrong codes make it wait longer."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor")
    key = EncryptedTextField(default=new_key, editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False)  # no code counts twice
    enrolled_at = models.DateTimeField(null=True, editable=False)
    # The key stands in the demo's file and a command prints its codes: it never exists beside a live merchant.
    demo = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def verify_token(self, token: str) -> bool:
        """Tell whether this is the code of now, and let it count this once. Call it with the row locked."""
        allowed, _reason = self.verify_is_allowed()
        step = matching_step(self.key, token, after=self.last_step) if allowed else None
        if step is not None:
            self.last_step = step
            self.throttle_reset(commit=False)
            self.save()
        elif allowed and is_code(token):
            self.throttle_increment()
        return step is not None

    def get_throttle_factor(self) -> float:
        """Seconds after the first wrong code, doubled after each further one up to `LONGEST_WAIT`."""
        doubled: float = 2.0 ** max(0, self.throttling_failure_count - 1)
        return min(1.0, LONGEST_WAIT / doubled)


class RecoveryCode(models.Model):
    """One of the codes a person keeps for the day their device is gone: a keyed hash of it, and it works once."""

    RETENTION_WHY: ClassVar[str] = "Replaced with the factor they belong to."

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64, db_collation="C", editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="recovery_code_once")]
