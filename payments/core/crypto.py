"""Secrets that must be read back, and keyed hashes of what must only be recognized.

`ENCRYPTION_KEYS` is a list: the first encrypts, all decrypt, so that a new key is put in front and old ones stay
until everything is encrypted again (`manage.py reencrypt`). A keyed hash cannot be renewed, since nobody knows any
more what was hashed: its key, `HASH_KEY`, never changes. Where there has only been one encryption key it is that one.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Any, Final, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from payments.core.pan import has_card_number

MINIMUM: Final = 32

_Set_contra = TypeVar("_Set_contra", contravariant=True)
_Get_co = TypeVar("_Get_co", covariant=True)


class Undecipherable(Exception):
    """None of `ENCRYPTION_KEYS` opens this: the key it was written with has been removed."""


def encrypt(text: str) -> str:
    """Encrypt with the first key."""
    return _ciphers(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt with whichever key it was written with."""
    return _opened(tuple(settings.ENCRYPTION_KEYS), token)


def is_of_first_key(token: str) -> bool:
    """Tell whether this was encrypted with the first key, and needs none of the others."""
    try:
        _ciphers(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


@lru_cache(maxsize=1024)
def _opened(keys: tuple[str, ...], token: str) -> str:
    """Remembered, since a device's secret and a provider's credentials are read with every request they serve."""
    try:
        return _ciphers(keys).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Undecipherable("No key of ENCRYPTION_KEYS decrypts this. Add the key it was written with.") from error


def keyed_hash(text: str) -> str:
    """A hash (64 hexadecimal digits) nobody can compute or search without our key."""
    key = _derived(settings.HASH_KEY, b"onetill keyed hash")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def kept_name(name: str) -> str:
    """A sender's own name for a request, as it is kept: some random ones look like a card number, and none is kept."""
    return keyed_hash(name) if has_card_number(name) else name


class EncryptedTextField(models.TextField[_Set_contra, _Get_co]):
    """Text that stands encrypted in the database and is clear in Python. It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared if prepared is None else encrypt(prepared)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return None if value is None else decrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        """Only `isnull` makes sense: the same text never encrypts to the same token twice."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None


@lru_cache(maxsize=4)
def _ciphers(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS must hold at least one key.")
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key, b"onetill encryption"))) for key in keys])


@lru_cache(maxsize=16)
def _derived(key: str, purpose: bytes) -> bytes:
    if len(key) < MINIMUM:
        raise ImproperlyConfigured(f"Each of ENCRYPTION_KEYS (and HASH_KEY) needs at least {MINIMUM} characters.")
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
