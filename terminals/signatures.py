"""Standard Webhooks signatures as devices make them: `v1` by HMAC-SHA256, `v1a` by Ed25519, and their second version.

Version 1 signs the bytes `{id}.{timestamp}.{body}`. Version 2 (`v2`, `v2a`) signs
`{id}.{timestamp}.{METHOD} {path with query}.{Terminal-Id}.{body}`: what was signed for one address or one terminal is
worth nothing at another. The same code signs, for devices, and verifies.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HMAC: Final = {1: "v1", 2: "v2"}
ED25519: Final = {1: "v1a", 2: "v2a"}
VERSIONS: Final = (1, 2)

# Ed25519's field and curve (RFC 8032, 5.1), and where its points of small order stand: signatures by these hold for
# whatever anyone signs.
_PRIME: Final = 2**255 - 19
_CURVE: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_OF_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL: Final = frozenset({0, 1, _PRIME - 1, _OF_ORDER_8, _PRIME - _OF_ORDER_8})


def message(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    """The bytes that version 1 signs."""
    return f"{webhook_id}.{timestamp}.".encode() + body


def message_v2(webhook_id: str, timestamp: str, body: bytes, *, method: str, path: str, terminal: str) -> bytes:
    """The bytes that version 2 signs; `path` with its query, as it stands in the request."""
    return f"{webhook_id}.{timestamp}.{method} {path}.{terminal}.".encode() + body


def sign_with_secret(secret: str, signed: bytes, version: int = 1) -> str:
    """A signature with a `whsec_` secret."""
    return f"{HMAC[version]},{base64.b64encode(_digest(secret, signed)).decode()}"


def sign_with_key(key: Ed25519PrivateKey, signed: bytes, version: int = 1) -> str:
    """A signature with a key of the device's own."""
    return f"{ED25519[version]},{base64.b64encode(key.sign(signed)).decode()}"


def is_valid(header: str, messages: Mapping[int, bytes], *, secret: str | None, public_key: str | None) -> bool:
    """Whether one of the space-separated signatures is of a kind and by the key that this device has.

    `messages` are the signed bytes of each version that counts.
    """
    # By the key that the terminal has, never by what the header claims: an HMAC under a public key anyone could make.
    names = HMAC if secret is not None else ED25519
    kinds = {names[version]: signed for version, signed in messages.items()}
    # Several, as Standard Webhooks allows while a key is changed.
    for signature in header.split(" "):
        kind, _, encoded = signature.partition(",")
        given = _decoded(encoded) if kind in kinds else b""
        if given and _matches(given, kinds[kind], secret, public_key):
            return True
    return False


def is_safe(public_key: str) -> bool:
    """Whether a key is a point of the curve, written as it should be, by which only one can sign."""
    # The highest bit is the sign of x and no part of y.
    y = int.from_bytes(_raw(public_key), "little") & (2**255 - 1)
    if y >= _PRIME or y in _SMALL:
        return False
    square = (y * y - 1) * pow(_CURVE * y * y + 1, -1, _PRIME)
    return pow(square, (_PRIME - 1) // 2, _PRIME) == 1  # Euler: there is an x to this y


def _matches(given: bytes, signed: bytes, secret: str | None, public_key: str | None) -> bool:
    if secret is not None:
        # In constant time: how long it takes must not tell how much of it was right.
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
