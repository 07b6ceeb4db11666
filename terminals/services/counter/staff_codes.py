"""Staff codes, one for each store: chosen by their own person, signed in to the admin with a second factor.

Whoever knew a colleague's code could act in that name, and so be the second person to a request of their own: nobody
makes a code for anybody else, and managers can only take one away. Who has no account in the admin is handed a starter
code (`members`), and chooses with it at the counter.
"""

from typing import Final

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.crypto import keyed_hash
from payments.core.errors import wrong
from payments.models import Channel
from payments.people.models import User
from payments.people.permissions import May
from payments.people.services import approvals, authority
from payments.services.counter import check_counter
from terminals.models import CounterSignIn, StaffCode
from terminals.services.counter import sign_ins
from terminals.services.create import require_manager

SHORTEST: Final = 6
LONGEST: Final = 10
_ROWS: Final = ("01234567890", "09876543210")  # as they stand on a keypad


def choose(*, user: User, channel: Channel, code: str) -> StaffCode:
    """Give a person a code of their own choice in a store, in place of the one before it.

    Raises:
        ValidationFailed: `staff_code_weak`, or digits are missing.
        Invalid: `channel_kind`.
        Forbidden: `permission_missing`, they serve nobody there; `second_factor_required`.
    """
    check_counter(channel, what="A staff code")
    authority.require(
        actor=user.id,
        what=May.SERVE,
        merchant_id=channel.merchant_id,
        channel_id=channel.id,
        action="staff_code.chosen",
    )
    approvals.require_second_factor(user)
    _check(code)
    with transaction.atomic():
        return _keep(user, channel, code)


def starts(row: StaffCode, code: str) -> bool:
    """Tell whether this is the starter code of this person, and still good."""
    until = row.starter_expires_at
    if not row.starter_hash or until is None or until <= timezone.now():
        return False
    return check_password(peppered(row.user_id, row.channel_id, code), row.starter_hash)


def choose_first(row_id: str, *, starter_hash: str, code: str) -> StaffCode | None:
    """Give who proved a starter code at the counter the code of their own choice; None: it was used meanwhile.

    `starter_hash` is the row's at the moment of that proof.

    Raises:
        ValidationFailed: as `choose`.
    """
    _check(code)
    with transaction.atomic():
        rows = StaffCode.objects.select_for_update(of=("self",)).select_related("user", "channel")
        row = rows.filter(id=row_id, starter_hash=starter_hash, starter_expires_at__gt=timezone.now()).first()
        if row is None or not sign_ins.may_serve(row.user, row.channel):
            return None
        return _keep(row.user, row.channel, code)


def _keep(user: User, channel: Channel, code: str) -> StaffCode:
    row, _made = StaffCode.objects.select_for_update().update_or_create(
        user=user,
        channel=channel,
        defaults={
            "merchant_id": channel.merchant_id,
            "code_hash": make_password(peppered(user.id, channel.id, code)),
            "starter_hash": "",
            "starter_expires_at": None,
            "failures": 0,
            "changed_at": timezone.now(),
        },
    )
    sign_ins.end_of(user, channel, CounterSignIn.Ended.CODE)
    audit_log.write(actor=user.id, action="staff_code.chosen", subject=row, merchant_id=row.merchant_id)
    return row


def withdraw(row: StaffCode, *, actor: str) -> None:
    """Take a code away, one's own or, as a manager of the store's terminals, anybody's; its person is signed out.

    Raises:
        Forbidden: `permission_missing`.
    """
    if actor != row.user_id:
        require_manager(actor, row.merchant_id, row.channel_id, "staff_code.withdrawn")
    with transaction.atomic():
        sign_ins.end_of(row.user, row.channel, CounterSignIn.Ended.CODE)
        audit_log.write(
            actor=actor,
            action="staff_code.withdrawn",
            subject=row,
            merchant_id=row.merchant_id,
            after={"user": row.user_id},
        )
        StaffCode.objects.filter(id=row.id).delete()
        if not row.user.is_staff and not StaffCode.objects.filter(user=row.user_id).exists():
            _close(row, actor=actor)


def _close(row: StaffCode, *, actor: str) -> None:
    """Who signed in at the counter alone, and has no counter any more, has left."""
    User.objects.filter(pk=row.user_id).update(is_active=False)
    audit_log.write(actor=actor, action="user.closed", subject=row.user, merchant_id=row.merchant_id)


def matches(row: StaffCode, code: str) -> bool:
    """Tell whether this is the person's code; slow, so that a stolen table is not soon guessed through."""
    return check_password(peppered(row.user_id, row.channel_id, code), row.code_hash)


def peppered(user_id: str, channel_id: str, code: str) -> str:
    """What is hashed of a code, with our key in it.

    Six digits are guessed in hours even behind Argon2; with our key in them only by who has that, too.
    """
    return keyed_hash(f"staff code:{user_id}:{channel_id}:{code}")


def _check(code: str) -> None:
    if not code.isascii() or not code.isdecimal() or not SHORTEST <= len(code) <= LONGEST:
        raise wrong("code", "staff_code_invalid", f"Choose {SHORTEST} to {LONGEST} digits.")
    if len(set(code)) < 3 or any(code in row for row in _ROWS):
        raise wrong("code", "staff_code_weak", "Choose a code that nobody tries first: no row of digits.")
