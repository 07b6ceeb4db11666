"""API keys: make, recognize, roll, revoke."""

import hashlib
import hmac
import secrets
import string
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments.errors import Conflict, Forbidden, NotFound, Unauthenticated
from payments.people.models import ApiKey
from payments.people.scopes import spell_out
from payments.people.services import audit_log

SECRET_LENGTH: Final = 43  # of 62 characters: 256 bits
OVERLAP: Final = timedelta(hours=24)
USE_NOTED_EVERY: Final = timedelta(hours=1)
REMEMBERED_SECONDS: Final = 2.0  # how long another process may still let a revoked key in
REMEMBERED_KEYS: Final = 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, by an API key. Its `actor` is the key's id."""

    key_id: str
    merchant_id: str
    channel_id: str | None
    test_mode: bool
    scopes: tuple[str, ...]

    @property
    def actor(self) -> str:
        return self.key_id

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the key has this scope."""
        if scope not in self.scopes:
            raise Forbidden("scope_missing", f"This key lacks the scope {scope}. Use a key that has it.", scope=scope)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with the text that is shown this once."""

    key: ApiKey
    text: str = field(repr=False)


_remembered: dict[str, tuple[float, Caller]] = {}
_lock = Lock()


def create(
    *,
    merchant_id: str,
    test_mode: bool,
    scopes: Iterable[str],
    actor: str,
    channel_id: str | None = None,
    label: str = "",
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key. `scopes` may be `all`; they are stored spelled out.

    Raises:
        ValidationFailed: there is no such scope.
    """
    mode = ApiKey.Mode.TEST if test_mode else ApiKey.Mode.LIVE
    text = f"ot_{mode}_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(SECRET_LENGTH))
    key = ApiKey(
        merchant_id=merchant_id,
        channel_id=channel_id,
        mode=mode,
        hash=_hash(text),
        last_characters=text[-4:],
        scopes=spell_out(scopes),
        label=label,
        created_by=actor,
        expires_at=expires_at,
    )
    with transaction.atomic():
        key.save(force_insert=True)
        audit_log.write(actor=actor, action="api_key.created", subject=key, merchant_id=merchant_id, after=_told(key))
    return NewKey(key, text)


def verify(text: str) -> Caller:
    """Tell who holds this key: one indexed query, or none within two seconds of the last.

    Raises:
        Unauthenticated: no such key, or it has expired or been revoked.
    """
    digest = _hash(text)
    now = time.monotonic()
    known = _remembered.get(digest)
    if known and now < known[0]:
        return known[1]
    key = ApiKey.objects.filter(hash=digest).first()
    moment = timezone.now()
    if key is None or not hmac.compare_digest(key.hash, digest) or not key.usable_at(moment):
        raise Unauthenticated("invalid_api_key", "This API key is unknown, expired or revoked. Use another.")
    _note_use(key, moment)
    caller = Caller(key.id, key.merchant_id, key.channel_id, key.mode == ApiKey.Mode.TEST, tuple(key.scopes))
    _remember(digest, caller, until=now + _remembered_for(key, moment))
    return caller


def roll(*, key_id: str, merchant_id: str, actor: str, overlap: timedelta = OVERLAP) -> NewKey:
    """Make a key like this one, which itself goes on for `overlap` at most.

    Raises:
        NotFound: no such key.
        Conflict: it opens nothing anymore.
    """
    with transaction.atomic():
        key = _locked(key_id, merchant_id)
        moment = timezone.now()
        if not key.usable_at(moment):
            raise Conflict("api_key_ended", "This key has expired or been revoked. Make a new one.")
        fresh = create(
            merchant_id=merchant_id,
            test_mode=key.mode == ApiKey.Mode.TEST,
            scopes=key.scopes,
            actor=actor,
            channel_id=key.channel_id,
            label=key.label,
        )
        before = _told(key)
        key.expires_at = min(key.expires_at or moment + overlap, moment + overlap)
        key.save(update_fields=["expires_at"])
        audit_log.write(
            actor=actor,
            action="api_key.rolled",
            subject=key,
            merchant_id=merchant_id,
            before=before,
            after=_told(key) | {"successor": fresh.key.id},
        )
    _forget(key)
    return fresh


def revoke(*, key_id: str, merchant_id: str, actor: str) -> ApiKey:
    """End a key: at once here, within two seconds in other processes. Revoking it again changes nothing.

    Raises:
        NotFound: no such key.
    """
    with transaction.atomic():
        key = _locked(key_id, merchant_id)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            audit_log.write(actor=actor, action="api_key.revoked", subject=key, merchant_id=merchant_id)
    _forget(key)
    return key


def _locked(key_id: str, merchant_id: str) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(id=key_id, merchant_id=merchant_id).first()
    if key is None:
        raise NotFound
    return key


def _hash(text: str) -> str:
    """The secret is 256 random bits: nothing to slow a guesser down for."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _told(key: ApiKey) -> dict[str, object]:
    return {
        "label": key.label,
        "channel_id": key.channel_id,
        "scopes": key.scopes,
        "ends_in": key.last_characters,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _note_use(key: ApiKey, moment: datetime) -> None:
    """To the hour, so that a busy key is not a busy row."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment - USE_NOTED_EVERY)
    if key.last_used_at is None or key.last_used_at < moment - USE_NOTED_EVERY:
        ApiKey.objects.filter(stale, id=key.id).update(last_used_at=moment)


def _remembered_for(key: ApiKey, moment: datetime) -> float:
    left = (key.expires_at - moment).total_seconds() if key.expires_at else REMEMBERED_SECONDS
    return min(left, REMEMBERED_SECONDS)


def _remember(digest: str, caller: Caller, *, until: float) -> None:
    with _lock:
        if len(_remembered) >= REMEMBERED_KEYS:
            _remembered.clear()
        _remembered[digest] = (until, caller)


def _forget(key: ApiKey) -> None:
    with _lock:
        _remembered.pop(key.hash, None)
