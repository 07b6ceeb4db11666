"""The second proof of who somebody is: a code from a device they hold."""

import base64
import secrets
from typing import Final
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from payments.crypto import EncryptedTextField

ISSUER: Final = "Onetill"
DRIFT: Final = 1  # steps of half a minute that a device's clock may be off


def new_key() -> str:
    """160 random bits, in hexadecimal."""
    return secrets.token_hex(20)


class SecondFactor(ThrottlingMixin, Device):
    """One authenticator app of one person (RFC 6238). Its key stands encrypted; wrong codes make it wait longer."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor")
    key = EncryptedTextField(default=new_key, editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False)  # no code counts twice

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def verify_token(self, token: str) -> bool:
        """Tell whether this is the code of now, and let it count this once. Call it with the row locked."""
        allowed, _reason = self.verify_is_allowed()
        totp = TOTP(bytes.fromhex(self.key))
        good = bool(allowed and token.isdecimal() and totp.verify(int(token), DRIFT, self.last_step + 1))
        if good:
            self.last_step = totp.t()
            self.throttle_reset(commit=False)
            self.save()
        elif allowed:
            self.throttle_increment()
        return good

    def address(self) -> str:
        """What an authenticator app scans."""
        secret = base64.b32encode(bytes.fromhex(self.key)).decode().rstrip("=")
        label = quote(f"{ISSUER}:{self.user.get_username()}")
        return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}"

    def get_throttle_factor(self) -> int:
        """Seconds after the first wrong code, doubled after each further one."""
        return 1
