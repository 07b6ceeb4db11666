"""Tell which terminal signed a request, and whether it did so just now."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from payments.core.crypto import kept_name, keyed_hash
from payments.core.errors import Unauthenticated
from payments.core.ids import is_id
from payments.db.compiled_queries import CompiledQuery
from payments.payloads import instant
from terminals import signatures
from terminals.models import Terminal

TOLERANCE: Final = timedelta(minutes=5)
_WEBHOOK_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_TERMINAL: Final = CompiledQuery(lambda terminal_id: Terminal.objects.filter(id=terminal_id))
_MOST_REMEMBERED: Final = 10_000
HEADERS: Final = ("Terminal-Id", "webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request as a device signed it."""

    terminal_id: str
    webhook_id: str
    timestamp: str
    signature: str
    method: str
    path: str
    body: bytes

    @classmethod
    def read(cls, headers: Mapping[str, str], *, method: str, path: str, body: bytes) -> "Signed":
        """Take the headers of a request.

        Raises:
            Unauthenticated: one is missing, or has not its form.
        """
        missing = [name for name in HEADERS if not headers.get(name)]
        if missing:
            detail = f"Sign the request: it lacks the header {missing[0]}."
            raise Unauthenticated("authentication_required", detail)
        terminal_id, webhook_id, timestamp, signature = (headers[name] for name in HEADERS)
        if _WEBHOOK_ID.fullmatch(webhook_id) is None:
            raise _invalid("webhook-id has 1 to 64 visible ASCII characters.")
        if _TIMESTAMP.fullmatch(timestamp) is None:
            raise _invalid("webhook-timestamp is a whole number of Unix seconds.")
        return cls(
            terminal_id=terminal_id,
            webhook_id=webhook_id,
            timestamp=timestamp,
            signature=signature,
            method=method,
            path=path,
            body=body,
        )

    def message(self, version: int) -> bytes:
        """The bytes that this version of signatures covers."""
        if version == 1:
            return signatures.message(self.webhook_id, self.timestamp, self.body)
        return signatures.message_v2(
            self.webhook_id, self.timestamp, self.body, method=self.method, path=self.path, terminal=self.terminal_id
        )

    @property
    def kept_id(self) -> str:
        """The webhook-id as it is kept."""
        return kept_name(self.webhook_id)

    @property
    def fingerprint(self) -> str:
        """Tells whether two requests ask the same. Keyed: from a plain hash a card number could be guessed."""
        return keyed_hash(f"{self.method} {self.path}\n{sha256(self.body).hexdigest()}")


@dataclass(frozen=True, slots=True)
class Key:
    """What a device's signatures are verified with: one of the two, or none while it is not paired."""

    secret: str | None
    public_key: str | None
    version: int  # of the signatures that count, and any after it

    @classmethod
    def of(cls, terminal: Terminal) -> "Key":
        return cls(terminal.secret, terminal.public_key, terminal.signature_version)

    def signs(self, signed: Signed) -> bool:
        """Whether a request was signed with this key."""
        messages = {version: signed.message(version) for version in signatures.VERSIONS if version >= self.version}
        return signatures.is_valid(signed.signature, messages, secret=self.secret, public_key=self.public_key)


# By terminal, as last seen here. `verify` checks again on the locked row: the cache only saves a query.
_remembered: dict[str, Key] = {}


def authenticate(signed: Signed, *, now: datetime | None) -> Key:
    """The key that verifies a request, as far as can be known before the terminal is locked.

    `now` None: when it was signed has been judged already, as of a poll that has been waiting since.

    Raises:
        Unauthenticated: `terminal_revoked`, `signature_invalid`, or `timestamp_out_of_range` with `server_time`.
    """
    key = _remembered.get(signed.terminal_id)
    if key is not None and key.signs(signed) and (now is None or _off(signed.timestamp, now) <= TOLERANCE):
        return key
    terminal = verify(_terminal(signed.terminal_id), signed)
    if now is not None:
        _check_time(signed.timestamp, now)
    return _remember(terminal)


def verify(terminal: Terminal | None, signed: Signed, key: Key | None = None) -> Terminal:
    """The terminal, if it signed; with `key` the request was verified already, and it may still be the terminal's.

    Raises:
        Unauthenticated: `terminal_revoked`, or `signature_invalid`.
    """
    if terminal is not None and terminal.status == Terminal.Status.REVOKED:
        raise Unauthenticated(
            "terminal_revoked", "This terminal has been revoked. Keep the queue, and ask the merchant."
        )
    if terminal is None or (Key.of(terminal) != key and not Key.of(terminal).signs(signed)):
        raise _invalid("The signature is not this terminal's. Keep the queue, and pair the device again.")
    return terminal


def _remember(terminal: Terminal) -> Key:
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    key = _remembered[terminal.id] = Key.of(terminal)
    return key


def _terminal(terminal_id: str) -> Terminal | None:
    if not is_id(terminal_id, "trm"):
        return None
    return _TERMINAL.first(terminal_id)


def _check_time(timestamp: str, now: datetime) -> None:
    if _off(timestamp, now) > TOLERANCE:
        raise Unauthenticated(
            "timestamp_out_of_range",
            "The device's clock is more than 5 minutes off. Sign again by server_time; leave occurred_at as it is.",
            server_time=instant(now),
        )


def _off(timestamp: str, now: datetime) -> timedelta:
    try:
        return abs(datetime.fromtimestamp(int(timestamp), UTC) - now)
    except (OverflowError, ValueError, OSError):
        return timedelta.max


def _invalid(detail: str) -> Unauthenticated:
    return Unauthenticated("signature_invalid", detail)
