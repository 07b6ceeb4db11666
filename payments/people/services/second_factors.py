"""Second factors: set one up in a session that may, prove it, and the codes for the day it is lost."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from payments import audit_log
from payments.core.crypto import decrypt, encrypt, keyed_hash
from payments.core.errors import TooMany
from payments.people import origin as origins
from payments.people.models import Passkey, RecoveryCode, SecondFactor, SignIn, User
from payments.people.models.second_factor import is_code, matching_step, new_key
from payments.people.services import notices, sign_in_attempts, sign_in_throttle, sign_ins
from payments.people.services.notices import Notice
from payments.people.services.sign_in_throttle import Bucket

ENROLMENT_KEY: Final = "enrolment"
REPLACING: Final = "replace"  # the reason of who has just proved the factor there is
ENROLMENT_LASTS: Final = timedelta(minutes=10)
RECOVERY_CODES: Final = 10
ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is read for another
CODE_LENGTH: Final = 12  # of 31 characters: 59 bits
FREE_CODES: Final = 10
WARNED_AT: Final = 5  # wrong codes in a row: the password is likely known to another


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new secret, not yet anybody's: it is in this session, for one person and one reason, and gone in minutes."""

    user_id: str
    reason: str
    key: str


def begin(request: HttpRequest, user: User, *, reason: str) -> Enrolment:
    """Make a new secret for an attempt to enrol in this session. `reason` is what allows it, as a link's id."""
    key = new_key()
    request.session[ENROLMENT_KEY] = {
        "user": user.pk,
        "reason": reason,
        "key": encrypt(key),
        "until": (timezone.now() + ENROLMENT_LASTS).isoformat(),
    }
    return Enrolment(user.pk, reason, key)


def begun(request: HttpRequest, user: User, *, reason: str) -> Enrolment | None:
    """The attempt that this session has begun for this person and reason, unless it is over."""
    kept: dict[str, Any] | None = request.session.get(ENROLMENT_KEY)
    if kept is None or (kept["user"], kept["reason"]) != (user.pk, reason):
        return None
    if timezone.now() >= datetime.fromisoformat(kept["until"]):
        return None
    return Enrolment(user.pk, reason, decrypt(kept["key"]))


def shows(enrolment: Enrolment, code: str) -> int | None:
    """The half minute of a right code of the new secret; None: a wrong one."""
    return matching_step(enrolment.key, without_spaces(code))


def enrol(user: User, enrolment: Enrolment, *, step: int, actor: str) -> list[str]:
    """Make the new secret this person's factor, in place of any other; return ten recovery codes, shown this once.

    All their sign-ins end, and they get an e-mail. Passkeys stay only where a factor was just proved: who
    lost the way in may have lost those, too. The caller has seen a right code, of the half minute `step`.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        SecondFactor.objects.filter(user=user).delete()
        if enrolment.reason != REPLACING:
            Passkey.objects.filter(user=user).delete()
        SecondFactor.objects.create(
            user=user, name="app", key=enrolment.key, last_step=step, enrolled_at=timezone.now()
        )
        sign_ins.end(user, SignIn.Ended.FACTOR, actor=actor)
        audit_log.write(actor=actor, action="second_factor.enrolled", subject=user, merchant_id=None)
        notices.send([user], Notice.SECOND_FACTOR_SET, about=user, merchant_id=None, by=user, what=user.username)
        return _new_codes(user)


def over(request: HttpRequest) -> None:
    """Forget the attempt of this session."""
    request.session.pop(ENROLMENT_KEY, None)


def renew_codes(user: User) -> list[str]:
    """Ten other recovery codes in place of those there are; the caller has seen a factor proved just now."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        codes = _new_codes(user)
        audit_log.write(actor=user.id, action="second_factor.codes_renewed", subject=user, merchant_id=None)
        notices.send([user], Notice.RECOVERY_CODES_RENEWED, about=user, merchant_id=None, by=user, what=user.username)
    return codes


def has_one(user: User) -> bool:
    """Tell whether this person has a second factor."""
    found: bool = SecondFactor.objects.filter(user=user, confirmed=True).exists()
    return found


def codes_left(user: User) -> int:
    """How many recovery codes still work."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def prove(*, user: User, code: str, origin: origins.Origin) -> bool:
    """Check six digits, or a recovery code; a right one counts once. False: it is wrong, or came too soon.

    What is written like neither is refused before anything, and does not count as a try.

    Raises:
        TooMany: `too_many_attempts`, with the seconds to wait.
    """
    text = without_spaces(code)
    if not (is_code(text) or _is_recovery_code(text)):
        return False
    counted = [bucket(user, origin)]
    if block := sign_in_throttle.attempt(counted):
        raise TooMany("too_many_attempts", "Too many attempts. Wait, then try again.", retry_after=block.seconds)
    with transaction.atomic():
        right: bool = _uses_factor(user, text) if is_code(text) else _uses_recovery_code(user, text)
    if right:
        sign_in_throttle.succeeded(counted)
    else:
        sign_in_attempts.note("second_factor.failed", user, origin)
    return right


def bucket(user: User, origin: origins.Origin) -> Bucket:
    """What counts the attempts at a person's second factors from one device: codes and passkeys together."""
    return Bucket(f"code:{user.pk}:{origin.device or origin.address}", FREE_CODES)


def without_spaces(code: str) -> str:
    """A code as people type it, with spaces or dashes in it; nothing that is longer than any code."""
    return code.replace(" ", "").replace("-", "").lower() if len(code) <= 2 * CODE_LENGTH else ""


def remove_demo(*, actor: str) -> int:
    """Take away the factors whose secrets a command prints, and end the sign-ins made with them."""
    rows = list(SecondFactor.objects.filter(demo=True).select_related("user"))
    for row in rows:
        sign_ins.end(row.user, SignIn.Ended.FACTOR, actor=actor)
        audit_log.write(actor=actor, action="second_factor.taken_away", subject=row.user, merchant_id=None)
        row.delete()
    return len(rows)


def _uses_factor(user: User, code: str) -> bool:
    # Locked: a code is used once, also by two requests at once.
    factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed=True).first()
    if factor is None:
        return False
    right: bool = factor.verify_token(code)
    if not right and factor.throttling_failure_count == WARNED_AT:
        notices.send([user], Notice.WRONG_CODES, about=user, merchant_id=None, by=user, what=user.username)
    return right


def _uses_recovery_code(user: User, code: str) -> bool:
    rows = RecoveryCode.objects.filter(user=user, hash=_hash(user, code), used_at=None)
    if not rows.update(used_at=timezone.now()):
        return False
    after = {"left": codes_left(user)}
    audit_log.write(
        actor=user.id, action="second_factor.recovery_code_used", subject=user, merchant_id=None, after=after
    )
    notices.send([user], Notice.RECOVERY_CODE_USED, about=user, merchant_id=None, by=user, what=str(after["left"]))
    return True


def _new_codes(user: User) -> list[str]:
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, hash=_hash(user, code)) for code in codes)
    return ["-".join((code[:4], code[4:8], code[8:])) for code in codes]


def _is_recovery_code(text: str) -> bool:
    return len(text) == CODE_LENGTH and all(character in ALPHABET for character in text)


def _hash(user: User, code: str) -> str:
    return keyed_hash(f"recovery code {user.pk} {code}")
