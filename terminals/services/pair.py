"""Pair a device: a code that works once against a key that signs everything after it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Fault, OnetillError, TooMany, ValidationFailed
from payments.runtime import throttling
from terminals import codes, signatures
from terminals.models import Terminal
from terminals.providers.registry import OWN

KEY_BYTES: Final = 32
PUBLIC_KEY: Final = "whpk_"


class PairingCodeInvalid(OnetillError):
    """Wrong, used or expired."""

    status = 404
    title = "Pairing code invalid"

    def __init__(self) -> None:
        super().__init__(
            "pairing_code_invalid",
            "This pairing code is wrong, used or expired. Make a new one: POST /v1/terminals/{id}/unpair.",
            param="pairing_code",
        )


@dataclass(frozen=True, slots=True)
class Paired:
    """A terminal ready to send. `secret` is shown this once; with a public key there is none."""

    terminal: Terminal
    secret: str | None


def pair(*, code: str, public_key: str | None = None, signature_version: int = 1, address: str) -> Paired:
    """Give the terminal of this code its key, and start a new series. Signatures below this version count no more.

    Raises:
        ValidationFailed: the key is malformed, or proves nothing; the code stays good.
        PairingCodeInvalid: no unpaired terminal has this code.
        TooMany: an address that guesses.
    """
    if public_key is not None and not _is_public_key(public_key):
        detail = "Send whpk_ and the base64 of the 32 bytes of an Ed25519 public key, or leave it out."
        raise ValidationFailed([Fault("public_key", "invalid_format", detail)])
    # By a key of small order anyone's signature is valid, whatever it is under.
    if public_key is not None and not signatures.is_safe(public_key):
        detail = "Anyone could sign by this key: it is none that a device makes. Make a new pair of keys."
        raise ValidationFailed([Fault("public_key", "weak_key", detail)])
    paired = _pair(code, public_key, signature_version)
    if paired is None:
        # After the transaction, so that no lock is held while Redis is asked.
        wait = throttling.record_failure("pairing", address)
        if wait is not None:
            raise TooMany("too_many_requests", "Too many wrong pairing codes. Wait, then look again.", retry_after=wait)
        raise PairingCodeInvalid
    return paired


@transaction.atomic
def _pair(code: str, public_key: str | None, signature_version: int) -> Paired | None:
    now = timezone.now()
    waiting = Terminal.objects.select_for_update(of=("self",)).select_related("merchant", "channel")
    # Locked and asked for in one statement: of two devices with one code, the second finds it used.
    terminal = waiting.filter(
        pairing_code_hash=codes.hash_of(code), pairing_expires_at__gt=now, status=Terminal.Status.UNPAIRED
    ).first()
    if terminal is None:
        return None
    secret = None if public_key else codes.new_secret()
    terminal.driver, terminal.device_id = OWN, None
    terminal.status = Terminal.Status.ACTIVE
    terminal.secret, terminal.public_key = secret, public_key
    terminal.signature_version = signature_version
    terminal.pairing_code_hash = terminal.pairing_expires_at = None
    # A new device counts from one again: numbers are unique within a series.
    terminal.series += 1
    # What the old series still misses stays open in its discrepancy.
    terminal.last_sequence, terminal.missing = 0, []
    terminal.paired_at = terminal.last_seen_at = now
    terminal.polled_at = None  # whether the new device can be driven shows when it asks
    terminal.save()
    audit_log.write(
        actor=terminal.id,
        action="terminal.paired",
        subject=terminal,
        merchant_id=terminal.merchant_id,
        after={
            "series": terminal.series,
            "signs_with": "ed25519" if public_key else "hmac-sha256",
            "signature_version": signature_version,
        },
    )
    return Paired(terminal, secret)


def _is_public_key(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix(PUBLIC_KEY), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PUBLIC_KEY) and len(key) == KEY_BYTES
