"""Sign a person in at a counter by their staff code, behind the throttle; what fails stands in the audit log."""

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
from terminals.services.counter.staff_codes import matches
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


def sign_in(browser: CounterBrowser, *, user_id: str, code: str) -> SignedIn:
    """Sign a person in by their code; whoever was signed in at this browser is signed out.

    Raises:
        StaffCodeWrong: it is not theirs, or they may not serve here (any more).
        Forbidden: `staff_code_locked`.
        TooMany: `too_many_attempts`; the code was not looked at.
    """
    buckets = _buckets(browser, user_id)
    block = sign_in_throttle.attempt(buckets)
    if block is not None:
        if block.begins:
            _note(browser, user_id, "counter.sign_in_blocked")
        raise TooMany("too_many_attempts", "Too many attempts. Wait, then try again.", retry_after=block.seconds)
    user = _check(browser, user_id, code)
    sign_in_throttle.succeeded(buckets[:2])
    token = new_token()
    with transaction.atomic():
        end_at(browser, CounterSignIn.Ended.NEXT_PERSON)
        row = CounterSignIn.objects.create(browser=browser, user=user, token_hash=hash_of(token))
        _note(browser, user.id, "counter.signed_in")
    return SignedIn(row, token)


def _buckets(browser: CounterBrowser, user_id: str) -> list[Bucket]:
    return [
        Bucket(f"counter:{browser.id}:{sign_in_throttle.account(user_id)}", FREE_PER_PERSON),
        Bucket(f"counter:{browser.id}", FREE_PER_BROWSER),
        Bucket(f"counter:{browser.channel_id}", FREE_PER_STORE),  # a right code does not forget these
    ]


def _check(browser: CounterBrowser, user_id: str, code: str) -> User:
    """Whose code it is; each wrong one is counted for good, beyond what Redis remembers."""
    rows = StaffCode.objects.select_related("user").prefetch_related("user__roles")
    row = rows.filter(channel_id=browser.channel_id, user_id=user_id.replace("\0", "")).first()
    if row is None or not may_serve(row.user, browser.channel):
        raise StaffCodeWrong
    if row.is_locked:
        raise Forbidden(
            "staff_code_locked", "Too many wrong codes were typed for you here. Choose another code in the admin."
        )
    if not matches(row, code):
        StaffCode.objects.filter(id=row.id).update(failures=F("failures") + 1)
        _note(browser, row.user_id, "counter.sign_in_failed")
        raise StaffCodeWrong
    StaffCode.objects.filter(id=row.id).update(failures=0, used_at=timezone.now())
    return row.user


def _note(browser: CounterBrowser, user_id: str, action: str) -> None:
    audit_log.write(
        actor=browser.id, action=action, subject=browser, merchant_id=browser.merchant_id, after={"user": user_id}
    )
