"""Sign a person in at a counter by their staff code, behind the throttle; what fails stands in the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Forbidden, OnetillError, TooMany
from payments.people.models import User
from payments.people.services import sign_in_throttle
from payments.people.services.sign_in_throttle import Bucket
from terminals.models import CounterBrowser, CounterSignIn, StaffCode
from terminals.services.counter.sign_ins import end_at, may_serve
from terminals.services.counter.staff_codes import matches, starts
from terminals.services.counter.tokens import hash_of, new_token

FREE_PER_PERSON: Final = 5  # wrong codes in ten minutes at one browser
FREE_PER_BROWSER: Final = 15
FREE_PER_STORE: Final = 40


class StaffCodeWrong(OnetillError):
    """The code is not that person's, or the person has none here."""

    status = 401
    title = "Staff code wrong"

    def __init__(self) -> None:
        super().__init__("staff_code_wrong", "This is not the code of this person in this store.")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in, with the token that the browser keeps, told this once."""

    row: CounterSignIn
    token: str


@dataclass(frozen=True, slots=True)
class Starting:
    """A starter code was right: its person now chooses a code of their own, and is not signed in before."""

    code_id: str
    starter_hash: str


def sign_in(browser: CounterBrowser, *, user_id: str, code: str) -> SignedIn | Starting:
    """Sign a person in by their code; whoever was signed in at this browser is signed out.

    Raises:
        StaffCodeWrong: it is not theirs, or they may not serve here (any more).
        Forbidden: `staff_code_locked`, or `starter_code_needed` of who has no account.
        TooMany: `too_many_attempts`; the code was not looked at.
    """
    with throttled(browser, user_id):
        row, starting = prove_code(browser, user_id, code)
    return Starting(row.id, row.starter_hash) if starting else begin(browser, row.user)


@contextmanager
def throttled(browser: CounterBrowser, user_id: str = "") -> Iterator[None]:
    """Count an attempt to get in; one that ends without an error forgets those before it. "": nobody named anybody.

    Raises:
        TooMany: `too_many_attempts`; nothing was looked at.
    """
    buckets = _buckets(browser, user_id)
    block = sign_in_throttle.attempt(buckets)
    if block is not None:
        if block.begins:
            note(browser, user_id, "counter.sign_in_blocked")
        raise TooMany("too_many_attempts", "Too many attempts. Wait, then try again.", retry_after=block.seconds)
    yield
    sign_in_throttle.succeeded(buckets[:-1])  # a right code does not forget those of the store


def begin(browser: CounterBrowser, user: User, *, challenge: str = "") -> SignedIn:
    """Sign in who has proved who they are; `challenge` is what a passkey answered, and no answer opens twice."""
    token = new_token()
    with transaction.atomic():
        end_at(browser, CounterSignIn.Ended.NEXT_PERSON)
        row = CounterSignIn.objects.create(
            browser=browser,
            user=user,
            token_hash=hash_of(token),
            challenge_hash=hash_of(challenge) if challenge else None,
        )
        note(browser, user.id, "counter.signed_in")
    return SignedIn(row, token)


def prove_code(browser: CounterBrowser, user_id: str, code: str) -> tuple[StaffCode, bool]:
    """Return whose code it is, and whether it is the one they start with; each wrong one is counted for good.

    Raises:
        StaffCodeWrong, Forbidden: as `sign_in`.
    """
    rows = StaffCode.objects.select_related("user").prefetch_related("user__roles")
    row = rows.filter(channel_id=browser.channel_id, user_id=user_id.replace("\0", "")).first()
    if row is None or not may_serve(row.user, browser.channel):
        raise StaffCodeWrong
    if row.is_locked:
        raise _locked(row)
    starting = starts(row, code)
    if not starting and not matches(row, code):
        StaffCode.objects.filter(id=row.id).update(failures=F("failures") + 1)
        note(browser, row.user_id, "counter.sign_in_failed")
        raise StaffCodeWrong
    if not starting:
        StaffCode.objects.filter(id=row.id).update(failures=0, used_at=timezone.now())
    return row, starting


def _locked(row: StaffCode) -> Forbidden:
    if row.user.is_staff:
        detail = "Too many wrong codes were typed for you here. Choose another code in the admin."
        return Forbidden("staff_code_locked", detail)
    detail = "Too many wrong codes were typed for you here. Ask your manager for a starter code."
    return Forbidden("starter_code_needed", detail)


def note(browser: CounterBrowser, user_id: str, action: str) -> None:
    """Write to the audit log what happened at a browser; "" where it is about nobody that is known."""
    audit_log.write(
        actor=browser.id,
        action=action,
        subject=browser,
        merchant_id=browser.merchant_id,
        after={"user": user_id} if user_id else None,
    )


def _buckets(browser: CounterBrowser, user_id: str) -> list[Bucket]:
    named = [Bucket(f"counter:{browser.id}:{sign_in_throttle.account(user_id)}", FREE_PER_PERSON)] if user_id else []
    return [
        *named,
        Bucket(f"counter:{browser.id}", FREE_PER_BROWSER),
        Bucket(f"counter:{browser.channel_id}", FREE_PER_STORE),
    ]
