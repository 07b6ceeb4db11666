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

from payments import audit_log
from payments.core.errors import Conflict, NotFound, Unauthenticated
from payments.people.actions import Action
from payments.people.actors import Actor, Caller, name_of
from payments.people.models import ApiKey, User
from payments.people.scopes import spell_out
from payments.people.services import gate, notices
from payments.people.services.notices import Notice

SECRET_LENGTH: Final = 43  # of 62 characters: 256 bits
OVERLAP: Final = timedelta(hours=24)
USE_NOTED_EVERY: Final = timedelta(hours=1)
REMEMBERED_SECONDS: Final = 2.0  # how long another process may still let a revoked key in
# Bounds the memory of a process; a merchant has a few keys.
REMEMBERED_KEYS: Final = 1024


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
    actor: Actor,
    channel_id: str | None = None,
    label: str = "",
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key. `scopes` may be `all`; they are stored spelled out. Its owner gets an e-mail.

    Raises:
        ValidationFailed: there is no such scope.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.MAKE_KEY, by=actor, merchant_id=merchant_id)
    with transaction.atomic():
        new = _make(
            ApiKey(
                merchant_id=merchant_id,
                channel_id=channel_id,
                mode=ApiKey.Mode.TEST if test_mode else ApiKey.Mode.LIVE,
                scopes=spell_out(scopes),
                label=label,
                created_by=name_of(actor),
                expires_at=expires_at,
            )
        )
        _notify_maker(Notice.KEY_MADE, new.key, actor)
    return new


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


def still_valid(callers: Iterable[Caller]) -> set[Caller]:
    """Those of these whose key is usable now and may all that it might when it was recognized; one query, no memory."""
    moment = timezone.now()
    distinct = set(callers)
    rows = ApiKey.objects.in_bulk({caller.key_id for caller in distinct})
    return {
        caller
        for caller in distinct
        if (key := rows.get(caller.key_id)) is not None
        and key.usable_at(moment)
        and key.channel_id in (None, caller.channel_id)
        and set(caller.scopes) <= set(key.scopes)
    }


def roll(*, key_id: str, merchant_id: str, actor: Actor, overlap: timedelta = OVERLAP) -> NewKey:
    """Make a key like this one, which itself goes on for `overlap` at most.

    Raises:
        NotFound: no such key.
        Conflict: it opens nothing anymore.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.ROLL_KEY, by=actor, merchant_id=merchant_id)
    with transaction.atomic():
        key = _locked(key_id, merchant_id)
        moment = timezone.now()
        if not key.usable_at(moment):
            raise Conflict("api_key_ended", "This key has expired or been revoked. Make a new one.")
        new = _make(_successor(key, actor))
        before = _details(key)
        key.expires_at = min(key.expires_at or moment + overlap, moment + overlap)
        key.save(update_fields=["expires_at"])
        audit_log.write(
            actor=name_of(actor),
            action="api_key.rolled",
            subject=key,
            merchant_id=merchant_id,
            before=before,
            after=_details(key) | {"successor": new.key.id},
        )
        _notify_maker(Notice.KEY_ROLLED, key, actor)
    _forget(key)
    return new


def revoke(*, key_id: str, merchant_id: str, actor: Actor) -> ApiKey:
    """End a key: at once here, within two seconds in other processes. Revoking it again changes nothing.

    Raises:
        NotFound: no such key.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.REVOKE_KEY, by=actor, merchant_id=merchant_id)
    with transaction.atomic():
        key = _locked(key_id, merchant_id)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            audit_log.write(actor=name_of(actor), action="api_key.revoked", subject=key, merchant_id=merchant_id)
            _notify_maker(Notice.KEY_REVOKED, key, actor)
    _forget(key)
    return key


def _make(key: ApiKey) -> NewKey:
    """Give a key its text, in the caller's transaction."""
    text = f"ot_{key.mode}_" + "".join(
        secrets.choice(string.ascii_letters + string.digits) for _ in range(SECRET_LENGTH)
    )
    key.hash, key.last_characters = _hash(text), text[-4:]
    key.save(force_insert=True)
    audit_log.write(
        actor=key.created_by, action="api_key.created", subject=key, merchant_id=key.merchant_id, after=_details(key)
    )
    return NewKey(key, text)


def _successor(key: ApiKey, actor: Actor) -> ApiKey:
    return ApiKey(
        merchant_id=key.merchant_id,
        channel_id=key.channel_id,
        mode=key.mode,
        scopes=key.scopes,
        label=key.label,
        created_by=name_of(actor),
        predecessor_id=key.id,
    )


def _notify_maker(notice: Notice, key: ApiKey, actor: Actor) -> None:
    """Notify the key's owner and the actor, so that nobody makes a key in another's name unseen."""
    recipients = User.objects.filter(id__in={key.created_by, name_of(actor)})
    notices.send(recipients, notice, about=key, merchant_id=key.merchant_id, by=actor, what=str(key))


def _locked(key_id: str, merchant_id: str) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(id=key_id, merchant_id=merchant_id).first()
    if key is None:
        raise NotFound
    return key


def _hash(text: str) -> str:
    """The secret is 256 random bits: nothing to slow a guesser down for."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _details(key: ApiKey) -> dict[str, object]:
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
