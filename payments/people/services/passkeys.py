"""Passkeys (WebAuthn) as second factor: registered by who has just proved one, then used beside the app's six digits.

The browser binds each to this installation's name, so that no imitation of a page gets one to sign. `fido2` checks what
authenticators send; here is decided whose it is, which challenge it answers, and that it is used once.
"""

import ipaddress
import json
import struct
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAttachment,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from payments import audit_log
from payments.core.errors import Invalid, TooMany
from payments.people import origin as origins
from payments.people.models import Passkey, User
from payments.people.services import notices, second_factors, sign_in_attempts, sign_in_throttle
from payments.people.services.notices import Notice

CHALLENGE_KEY: Final = "passkey_challenge"
CHALLENGE_LASTS: Final = timedelta(minutes=5)
MOST: Final = 10  # of one person
LONGEST: Final = 16_000  # characters of what a browser sends of one
# What `fido2` raises of an answer that is wrong, or is made up to break its reader.
_UNREADABLE: Final = (AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error)
# The authenticator checks a fingerprint, a face or a PIN: something stolen proves nothing by itself.
_VERIFIED: Final = UserVerificationRequirement.REQUIRED


def available() -> bool:
    """Tell whether browsers offer passkeys here: for an installation with a name, and not for a bare address."""
    try:
        ipaddress.ip_address(_host())
    except ValueError:
        return True
    return False


def of(user: User) -> list[Passkey]:
    """The passkeys of a person, the oldest first."""
    return list(Passkey.objects.filter(user=user).order_by("id"))


def registration_options(request: HttpRequest, user: User) -> str:
    """What a browser is asked in order to make a passkey, as JSON; its challenge is kept in this session."""
    options, state = begin_registration(user)
    _keep(request, user, state)
    return options


def begin_registration(user: User, *, carried: bool = False) -> tuple[str, Any]:
    """What a browser is asked in order to make a passkey, as JSON, and the challenge that its answer is held against.

    `carried`: only on what its person carries along, a telephone or a security key, not on a device that they share.
    """
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(id=user.pk.encode(), name=user.username, display_name=user.get_full_name()),
        _descriptors(of(user)),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=_VERIFIED,
        authenticator_attachment=AuthenticatorAttachment.CROSS_PLATFORM if carried else None,
    )
    return json.dumps(dict(options.public_key)), state


def proof_options(request: HttpRequest, user: User) -> str:
    """What a browser is asked in order to prove a passkey, as JSON; "" where there is none, or none can be used."""
    known = of(user) if available() else []
    if not known:
        return ""
    options, state = begin_proof(known)
    _keep(request, user, state)
    return options


def begin_proof(known: list[Passkey]) -> tuple[str, Any]:
    """What a browser is asked in order to prove one of these, as JSON, and the challenge that it answers."""
    options, state = _server().authenticate_begin(_descriptors(known), user_verification=_VERIFIED)
    return json.dumps(dict(options.public_key)), state


def register(request: HttpRequest, user: User, *, answer: str, name: str) -> Passkey:
    """Keep the passkey that a browser has made for the challenge of this session; the person gets an e-mail.

    The caller has seen a second factor proved just now.

    Raises:
        Invalid: `passkey_not_good`: it answers no challenge of this session, or is not whole.
    """
    return complete_registration(user, _take(request, user), answer=answer, name=name)


def complete_registration(user: User, state: Any, *, answer: str, name: str) -> Passkey:
    """Keep the passkey that answers this challenge (None: there is none); the person gets an e-mail.

    Raises:
        Invalid: `passkey_not_good`.
    """
    try:
        response = RegistrationResponse.from_dict(_parsed(answer))
        made = _server().register_complete(state, response) if state is not None else None
    except _UNREADABLE:
        made = None
    data = made.credential_data if made is not None else None
    if made is None or data is None:
        raise Invalid("passkey_not_good", "That is no passkey for this page. Try again.")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        known = Passkey.objects.filter(credential_id=bytes(data.credential_id)).exists()
        if known or Passkey.objects.filter(user=user).count() >= MOST:
            raise Invalid("passkey_not_good", f"It is registered already, or there are {MOST} of them.")
        row = Passkey.objects.create(
            user=user,
            name=name,
            credential_id=bytes(data.credential_id),
            credential=bytes(data),
            sign_count=made.counter,
        )
        audit_log.write(actor=user.id, action="passkey.added", subject=user, merchant_id=None)
        notices.send([user], Notice.PASSKEY_ADDED, about=user, merchant_id=None, by=user, what=name)
    return row


def prove(request: HttpRequest, user: User, *, answer: str) -> bool:
    """Tell whether this answers the challenge of this session with a passkey of this person. It works once.

    Raises:
        TooMany: `too_many_attempts`, with the seconds to wait.
    """
    origin = origins.of(request)
    counted = [second_factors.bucket(user, origin)]
    if block := sign_in_throttle.attempt(counted):
        raise TooMany("too_many_attempts", "Too many attempts. Wait, then try again.", retry_after=block.seconds)
    state = _take(request, user)
    with transaction.atomic():
        right = state is not None and used(Passkey.objects.filter(user=user), state, answer) is not None
    if right:
        sign_in_throttle.succeeded(counted)
    else:
        sign_in_attempts.note("second_factor.failed", user, origin)
    return right


def remove(user: User, passkey_id: str) -> bool:
    """Take one's own passkey away; False: it is gone already. The caller has seen a second factor proved just now."""
    with transaction.atomic():
        row = Passkey.objects.select_for_update().filter(user=user, id=passkey_id.replace("\0", "")).first()
        if row is None:
            return False
        row.delete()
        audit_log.write(actor=user.id, action="passkey.removed", subject=user, merchant_id=None)
        notices.send([user], Notice.PASSKEY_REMOVED, about=user, merchant_id=None, by=user, what=row.name)
    return True


def used(rows: QuerySet[Passkey], state: Any, answer: str) -> Passkey | None:
    """Return which of these passkeys answers this challenge; None: none does. In the caller's transaction."""
    # Locked: the count of an authenticator goes forward, also by two answers at once.
    known = {bytes(row.credential_id): row for row in rows.select_for_update(of=("self",))}
    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
        credentials = [AttestedCredentialData(bytes(row.credential)) for row in known.values()]
        found = known[bytes(_server().authenticate_complete(state, credentials, response).credential_id)]
        count = response.response.authenticator_data.counter
    except _UNREADABLE:
        return None
    if (count or found.sign_count) and count <= found.sign_count:
        audit_log.write(actor=found.user_id, action="passkey.copied", subject=found.user, merchant_id=None)
        return None
    found.sign_count, found.last_used_at = count, timezone.now()
    found.save(update_fields=["sign_count", "last_used_at"])
    return found


def _server() -> Fido2Server:
    entity = PublicKeyCredentialRpEntity(name="Onetill", id=_host())
    return Fido2Server(entity, verify_origin=lambda origin: origin in settings.CSRF_TRUSTED_ORIGINS)


def _host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def _descriptors(rows: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    kind = PublicKeyCredentialType.PUBLIC_KEY
    return [PublicKeyCredentialDescriptor(type=kind, id=bytes(row.credential_id)) for row in rows]


def _parsed(answer: str) -> Any:
    """What the browser sent; ValueError or TypeError where it is no JSON object, or more than any passkey is."""
    given = json.loads(answer) if len(answer) <= LONGEST else None
    if not isinstance(given, dict):
        raise TypeError(answer[:20])
    return given


def _keep(request: HttpRequest, user: User, state: Any) -> None:
    until = (timezone.now() + CHALLENGE_LASTS).isoformat()
    request.session[CHALLENGE_KEY] = {"user": user.pk, "state": state, "until": until}


def _take(request: HttpRequest, user: User) -> Any:
    """The challenge of this session for this person, which is answered once; None: there is none, or it is over."""
    kept = request.session.pop(CHALLENGE_KEY, None)
    if kept is None or kept["user"] != user.pk or timezone.now() >= datetime.fromisoformat(kept["until"]):
        return None
    return kept["state"]
