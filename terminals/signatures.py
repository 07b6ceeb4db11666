"""Standard Webhooks signatures as devices make them: `v1` by HMAC-SHA256, `v1a` by Ed25519.

Signed are the bytes `{id}.{timestamp}.{body}`; the same code signs, for devices, and verifies.
"""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HMAC = "v1"
ED25519 = "v1a"

# Ed25519's field and curve (RFC 8032, 5.1), and where its points of small order stand: signatures by these hold for
# whatever anyone signs.
_PRIME: Final = 2**255 - 19
_CURVE: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL: Final = frozenset({0, 1, _PRIME - 1, _OF_ORDER_8, _PRIME - _OF_ORDER_8})


def message(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    """The bytes that are signed."""
    return f"{webhook_id}.{timestamp}.".encode() + body


def sign_with_secret(secret: str, signed: bytes) -> str:
    """A `v1` signature with a `whsec_` secret."""
    return f"{HMAC},{base64.b64encode(_digest(secret, signed)).decode()}"


def sign_with_key(key: Ed25519PrivateKey, signed: bytes) -> str:
    """A `v1a` signature."""
    return f"{ED25519},{base64.b64encode(key.sign(signed)).decode()}"


def is_valid(header: str, signed: bytes, *, secret: str | None, public_key: str | None) -> bool:
    """Whether one of the space-separated signatures is of the kind and by the key that this device has."""
    kind = HMAC if secret is not None else ED25519
    for signature in header.split(" "):
        version, _, encoded = signature.partition(",")
        given = _decoded(encoded) if version == kind else b""
        if given and _matches(given, signed, secret, public_key):
            return True
    return False


def is_safe(public_key: str) -> bool:
    """Whether a key is a point of the curve, written as it should be, by which only one can sign."""
    y = int.from_bytes(_raw(public_key), "little") & (2**255 - 1)
    if y >= _PRIME or y in _SMALL:
        return False
    square = (y * y - 1) * pow(_CURVE * y * y + 1, -1, _PRIME)
    return pow(square, (_PRIME - 1) // 2, _PRIME) == 1  # Euler: there is an x to this y


def _matches(given: bytes, signed: bytes, secret: str | None, public_key: str | None) -> bool:
    if secret is not None:
        return hmac.compare_digest(given, _digest(secret, signed))
    if public_key is None:
        return False
    try:
        _public_key(public_key).verify(given, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _digest(secret: str, signed: bytes) -> bytes:
    return hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)


@lru_cache(maxsize=1024)
def _public_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_raw(text))


def _raw(public_key: str) -> bytes:
    return base64.b64decode(public_key.removeprefix("whpk_"))


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
