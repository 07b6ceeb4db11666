"""Adyen's encryption of terminal messages: a key of the passphrase, AES-256-CBC, and a signature of the plain text.

Where a terminal has a key, everything from it is encrypted with that key. What is not, or by another, or altered, is
one and the same error: which check failed would help nobody but who forges.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from payments.providers.payload import Payload, part, text, whole

_VERSION: Final = 1
_SALT: Final = b"AdyenNexoV1Salt"
_ROUNDS: Final = 4000
_BLOCK: Final = 16


class NotGenuine(Exception):
    """A message that the terminal's key did not make."""


@dataclass(frozen=True, slots=True)
class Key:
    """The shared key of a terminal, as it is set in Adyen's Customer Area."""

    identifier: str
    version: int
    passphrase: str = field(repr=False)


def key_of(secrets: Mapping[str, str]) -> Key | None:
    """The key among an account's credentials; None where its terminals have none.

    Raises:
        ValueError: only some of it is there, or its version is no number.
    """
    names = ("terminal_key_identifier", "terminal_key_version", "terminal_key_passphrase")
    identifier, version, passphrase = ((secrets.get(name) or "").strip() for name in names)
    if not (identifier or version or passphrase):
        return None
    if not (identifier and passphrase and version.isascii() and version.isdigit()):
        raise ValueError(f"A terminal's key needs all of {', '.join(names)}; the version is a number.")
    return Key(identifier, int(version), passphrase)


def seal(message: bytes, key: Key, nonce: bytes | None = None) -> dict[str, Any]:
    """`NexoBlob` and `SecurityTrailer` for a message."""
    nonce = nonce or os.urandom(_BLOCK)
    hmac_key, cipher_key, iv = _derived(key.passphrase)
    padder = padding.PKCS7(_BLOCK * 8).padder()
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(_mixed(iv, nonce))).encryptor()
    sealed = encryptor.update(padder.update(message) + padder.finalize()) + encryptor.finalize()
    return {
        "NexoBlob": base64.b64encode(sealed).decode(),
        "SecurityTrailer": {
            "AdyenCryptoVersion": _VERSION,
            "KeyIdentifier": key.identifier,
            "KeyVersion": key.version,
            "Nonce": base64.b64encode(nonce).decode(),
            "Hmac": base64.b64encode(hmac.new(hmac_key, message, hashlib.sha256).digest()).decode(),
        },
    }


def unseal(envelope: Payload, key: Key) -> bytes:
    """The message in an envelope of `NexoBlob` and `SecurityTrailer`.

    Raises:
        NotGenuine: it is not encrypted, or not by this key, or was altered.
    """
    trailer = part(envelope, "SecurityTrailer")
    named = (whole(trailer, "AdyenCryptoVersion"), text(trailer, "KeyIdentifier"), whole(trailer, "KeyVersion"))
    if named != (_VERSION, key.identifier, key.version):
        raise NotGenuine
    try:
        sealed, nonce, given = (
            base64.b64decode(value or "", validate=True)
            for value in (text(envelope, "NexoBlob"), text(trailer, "Nonce"), text(trailer, "Hmac"))
        )
        hmac_key, cipher_key, iv = _derived(key.passphrase)
        decryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(_mixed(iv, nonce))).decryptor()
        unpadder = padding.PKCS7(_BLOCK * 8).unpadder()
        message = unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    except (binascii.Error, ValueError) as error:
        raise NotGenuine from error
    if not hmac.compare_digest(hmac.new(hmac_key, message, hashlib.sha256).digest(), given):
        raise NotGenuine
    return message


def _mixed(iv: bytes, nonce: bytes) -> bytes:
    if len(nonce) != _BLOCK:
        raise ValueError("a nonce has 16 bytes")
    return bytes(one ^ other for one, other in zip(iv, nonce, strict=True))


@lru_cache(maxsize=64)
def _derived(passphrase: str) -> tuple[bytes, bytes, bytes]:
    """Key of the signature, key of the cipher, and what nonces are mixed with."""
    made = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), _SALT, _ROUNDS, dklen=80)
    return made[:32], made[32:64], made[64:]
