"""Passkeys at the counter, in place of a code: proved by who has one, added there by who has no account to do it in.

The tablet is everybody's: a passkey kept on it would open for any finger that the tablet knows. So only those are made
here that their person carries along. What a browser answers is held against a ticket that it was given, sealed, a
moment before; the answer to one opens once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from payments.core.crypto import Undecipherable, decrypt, encrypt
from payments.core.errors import Forbidden, Invalid, OnetillError
from payments.people.models import Passkey, User
from payments.people.permissions import May, holders
from payments.people.services import passkeys
from terminals.models import CounterBrowser
from terminals.services.counter.sign_in import SignedIn, begin, note, prove_code, throttled
from terminals.services.counter.sign_ins import may_serve

_PROVES: Final = "prove"
_MAKES: Final = "make"


class PasskeyWrong(OnetillError):
    """No passkey of anybody who may serve here, or one that answers another question."""

    status = 401
    title = "Passkey wrong"

    def __init__(self) -> None:
        super().__init__("passkey_wrong", "This is no passkey of anybody who works in this store, or it took too long.")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser is asked, as JSON, and the ticket that comes back with its answer."""

    options: str
    ticket: str


def known(browser: CounterBrowser) -> QuerySet[Passkey]:
    """The passkeys by which somebody signs in at this browser; none where browsers offer none."""
    if not passkeys.available():
        return Passkey.objects.none()
    staff = holders(May.SERVE, merchant_id=browser.merchant_id, channel_id=browser.channel_id)
    return Passkey.objects.filter(user__in=staff).select_related("user").order_by("id")


def ask(browser: CounterBrowser) -> Challenge | None:
    """Ask for a passkey of whoever works here; None: nobody has one."""
    rows = list(known(browser))
    if not rows:
        return None
    options, state = passkeys.begin_proof(rows)
    return Challenge(options, _seal(_PROVES, browser.id, state))


def sign_in(browser: CounterBrowser, *, ticket: str, answer: str) -> SignedIn:
    """Sign in whoever proves a passkey.

    Raises:
        PasskeyWrong: it is nobody's who may serve here; it answers no ticket of ours, or one that was answered before.
        TooMany: `too_many_attempts`.
    """
    state = _open(_PROVES, browser.id, ticket)
    with throttled(browser):
        with transaction.atomic():
            row = passkeys.used(known(browser), state, answer) if state is not None else None
        if row is None or not may_serve(row.user, browser.channel):
            note(browser, "", "counter.sign_in_failed")
            raise PasskeyWrong
        try:
            return begin(browser, row.user, challenge=state["challenge"])
        except IntegrityError:
            raise PasskeyWrong from None


def may_add(user: User) -> bool:
    """Tell whether this person adds passkeys here: who has an account does it there, behind their second factor."""
    return passkeys.available() and not user.is_staff


def ask_new(user: User, browser: CounterBrowser) -> Challenge:
    """Ask for a passkey to be made.

    Raises:
        Forbidden: `passkey_own_account`.
    """
    _require_may_add(user)
    options, state = passkeys.begin_registration(user, carried=True)
    return Challenge(options, _seal(_MAKES, _made_for(user, browser), state))


def add(user: User, browser: CounterBrowser, *, code: str, ticket: str, answer: str, name: str) -> Passkey:
    """Keep a passkey that was made; the code, once more, shows that its person has not just walked away.

    Raises:
        StaffCodeWrong, TooMany: as for signing in.
        Forbidden: `passkey_own_account`, `staff_code_locked`.
        Invalid: `passkey_not_good`.
    """
    _require_may_add(user)
    with throttled(browser, user.id):
        prove_code(browser, user.id, code)
    state = _open(_MAKES, _made_for(user, browser), ticket)
    return passkeys.complete_registration(user, state, answer=answer, name=_name(name))


def _require_may_add(user: User) -> None:
    if not may_add(user):
        raise Forbidden("passkey_own_account", "Add passkeys to your own account in the admin.")


def _name(name: str) -> str:
    if not name.strip() or len(name) > 60:
        raise Invalid("passkey_not_good", "Say what to call it, in at most 60 characters.")
    return name.strip()


def _made_for(user: User, browser: CounterBrowser) -> str:
    return f"{browser.id} {user.id}"


def _seal(what: str, whose: str, state: Any) -> str:
    until = (timezone.now() + passkeys.CHALLENGE_LASTS).isoformat()
    return encrypt(json.dumps({"counter_passkey": [what, whose, until, state]}))


def _open(what: str, whose: str, ticket: str) -> Any:
    """The challenge in a ticket; None: it is none of these, another browser's or person's, or over."""
    try:
        kind, owner, until, state = json.loads(decrypt(ticket))["counter_passkey"]
    except (Undecipherable, ValueError, TypeError, KeyError):
        return None
    fits = (kind, owner) == (what, whose) and timezone.now() < datetime.fromisoformat(until)
    return state if fits else None
