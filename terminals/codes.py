"""Pairing codes: short enough to type at a counter, made so that no character is mistaken for another."""

import base64
import io
import secrets
from datetime import timedelta
from typing import Final

import segno
from django.conf import settings

from payments.core.crypto import keyed_hash

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 8
LIVES: Final = timedelta(minutes=10)


def new_code() -> str:
    """Eight characters: about 39 random bits, for ten minutes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_secret() -> str:
    """A device's secret: 32 random bytes, in the form of Standard Webhooks."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def hash_of(code: str) -> str:
    """What is stored of a code; people may type it in lower case, with spaces or dashes."""
    return keyed_hash("pairing:" + code.upper().replace(" ", "").replace("-", ""))


def qr_svg(code: str) -> str:
    """A QR code for a device with a camera. The code is in the fragment, which no browser sends or logs."""
    return qr_of(f"{settings.PUBLIC_URL}/v1/terminals/pair#{code}")


def qr_of(address: str) -> str:
    """An address as a QR code, to be shown beside the code that is in it."""
    image = io.BytesIO()
    segno.make(address, error="m").save(image, kind="svg", scale=4, xmldecl=False, svgns=True)
    return image.getvalue().decode()
