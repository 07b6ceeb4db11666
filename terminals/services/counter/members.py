"""Staff without an account: a manager says who works in the store, and hands over a starter code.

It opens nothing but the choice of a code of their own, so that the manager never knows the one that is signed in by.
Nobody but the manager has seen that there is such a person: who gave them a starter code stands behind their requests
(`payments.people.services.second_person`), and is no second person to them.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, wrong
from payments.models import Channel
from payments.people.models import Role, User
from payments.people.services import approvals
from payments.people.services.second_person import STARTER_CODE_GIVEN
from payments.services.counter import check_counter
from terminals.models import CounterSignIn, StaffCode
from terminals.services.counter import sign_ins
from terminals.services.counter.staff_codes import peppered
from terminals.services.create import require_manager

ROLES: Final = (Role.Name.CLERK, Role.Name.SERVICE)  # what a store manager may do, and more
STARTER_DIGITS: Final = 8
STARTER_LASTS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """Who works in a store, and as what."""

    name: str
    role: Role.Name
    language: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A person's row in a store, with the starter code, told this once."""

    row: StaffCode
    starter_code: str = field(repr=False)


def add_member(member: NewMember, *, channel: Channel, actor: User) -> Started:
    """Make a person who signs in at this store's counter alone, and their starter code.

    Raises:
        ValidationFailed: the name is empty, the role is none of `ROLES`, or there is no such language.
        Invalid: `channel_kind`.
        Forbidden: `permission_missing`, the actor manages no terminals there; `second_factor_required`.
    """
    check_counter(channel, what="A member of staff")
    _require(actor, channel, "staff.added")
    first, last = _checked(member)
    with transaction.atomic():
        user = User(first_name=first, last_name=last, language=member.language)
        user.username = f"counter {user.id}"  # nobody types it
        user.set_unusable_password()
        user.save(force_insert=True)
        Role.objects.create(user=user, merchant_id=channel.merchant_id, channel_id=channel.id, role=member.role)
        row = StaffCode(merchant_id=channel.merchant_id, channel=channel, user=user, code_hash=make_password(None))
        row.save(force_insert=True)
        audit_log.write(
            actor=actor.id,
            action="staff.added",
            subject=user,
            merchant_id=channel.merchant_id,
            after={"roles": [str(role) for role in user.roles.all()]},
        )
        return _started(row, actor=actor)


def give_starter_code(row: StaffCode, *, actor: User) -> Started:
    """Make another starter code for who signs in at the counter alone: their own code is forgotten or locked.

    Raises:
        Conflict: `staff_code_own`, this person has an account and chooses their code there.
        Forbidden: as `add_member`.
    """
    _require(actor, row.channel, STARTER_CODE_GIVEN)
    if row.user.is_staff:
        detail = "This person has an account and chooses another code in the admin. Nobody makes one for them."
        raise Conflict("staff_code_own", detail)
    with transaction.atomic():
        locked = StaffCode.objects.select_for_update(of=("self",)).select_related("user", "channel").get(id=row.id)
        sign_ins.end_of(locked.user, locked.channel, CounterSignIn.Ended.CODE)
        return _started(locked, actor=actor)


def _started(row: StaffCode, *, actor: User) -> Started:
    """The earlier code ends with this: who has forgotten it does not notice, and who stole it does."""
    code = f"{secrets.randbelow(10**STARTER_DIGITS):0{STARTER_DIGITS}d}"
    row.code_hash = make_password(None)
    row.starter_hash = make_password(peppered(row.user_id, row.channel_id, code))
    row.starter_expires_at = timezone.now() + STARTER_LASTS
    row.failures = 0
    row.save()
    audit_log.write(actor=actor.id, action=STARTER_CODE_GIVEN, subject=row.user, merchant_id=row.merchant_id)
    return Started(row, code)


def _require(actor: User, channel: Channel, action: str) -> None:
    require_manager(actor.id, channel.merchant_id, channel.id, action)
    approvals.require_second_factor(actor)


def _checked(member: NewMember) -> tuple[str, str]:
    """The first and last name."""
    first, _, last = " ".join(member.name.split()).partition(" ")
    if not first or max(len(first), len(last)) > 150:
        raise wrong("name", "required", "Say what this person is called.")
    if member.role not in ROLES:
        raise wrong("role", "invalid_choice", "Who signs in at the counter alone is a clerk or of customer service.")
    if member.language and member.language not in dict(settings.LANGUAGES):
        raise wrong("language", "invalid_choice", "Choose a language that the pages are in.")
    return first, last
