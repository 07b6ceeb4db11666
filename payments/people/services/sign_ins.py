"""Sign people in, tell who is, and end it: when idle or old, when its owner says so, when something changed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from payments import audit_log
from payments.people import origin as origins
from payments.people.models import SignIn, User
from payments.people.origin import Origin
from payments.people.permissions import only_looks
from payments.people.services import notices
from payments.people.services.notices import Notice

SESSION_KEY: Final = "sign_in"
LONGEST: Final = timedelta(hours=24)
SEEN_EVERY: Final = timedelta(seconds=30)  # a busy person is not a busy row
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


def start(request: HttpRequest, user: User, *, proved: bool) -> SignIn:
    """Sign this person in here, in a session with a new key; `proved`: with a second factor just now."""
    origin = origins.of(request)
    now = timezone.now()
    with transaction.atomic():
        # Locked, so that two first sign-ins from a new address are judged one after the other.
        earlier = User.objects.select_for_update().get(pk=user.pk).sign_ins.all()
        is_new_address = earlier.exists() and not earlier.filter(address=origin.address).exists()
        row = SignIn.objects.create(
            user=user,
            address=origin.address,
            browser=origin.browser,
            second_factor_at=now if proved else None,
        )
        audit_log.write(
            actor=user.id, action="sign_in.succeeded", subject=user, merchant_id=None, after=_details(row, origin)
        )
        if is_new_address:
            what = f"{origin.address}, {origin.browser}"
            notices.send([user], Notice.NEW_ADDRESS, about=user, merchant_id=None, by=user, what=what)
    auth.login(request, user, backend=BACKEND)
    request.session[SESSION_KEY] = row.id
    request.session.set_expiry(int(LONGEST.total_seconds()))
    user.second_factor_at = row.second_factor_at
    return row


def of(request: HttpRequest, user: User) -> SignIn | None:
    """The sign-in that this request belongs to, ended or not; None: none of this person's."""
    named = request.session.get(SESSION_KEY)
    return SignIn.objects.filter(id=named, user_id=user.pk).first() if named else None


def holds(row: SignIn, user: User, now: datetime) -> bool:
    """Tell whether a sign-in still lets its person in."""
    if row.ended_at is not None or now - row.created_at >= LONGEST:
        return False
    if only_looks(user):
        return True
    return row.second_factor_at is not None and now - row.last_seen_at < idle()


def idle() -> timedelta:
    """The idle time after which a person who may move money has to sign in again."""
    return timedelta(minutes=settings.SESSION_IDLE_MINUTES)


def seen(row: SignIn, now: datetime) -> None:
    """Note that its person did something."""
    if now - row.last_seen_at >= SEEN_EVERY:
        row.last_seen_at = now
        SignIn.objects.filter(id=row.id, last_seen_at__lt=now).update(last_seen_at=now)


def proved(request: HttpRequest, row: SignIn) -> None:
    """Note that the person just proved their second factor here; the session gets a new key."""
    row.second_factor_at = row.last_seen_at = timezone.now()
    row.save(update_fields=["second_factor_at", "last_seen_at"])
    request.session.cycle_key()


def listed(user: User, now: datetime) -> list[SignIn]:
    """Where this person is signed in now, the latest first."""
    rows = user.sign_ins.filter(ended_at=None, created_at__gt=now - LONGEST).order_by("-last_seen_at")
    return [row for row in rows if holds(row, user, now)]


def end(
    user: User, because: SignIn.Ended, *, actor: str, only: Iterable[str] | None = None, keep: str | None = None
) -> int:
    """End sign-ins of this person at once (`only` these ids, all but `keep`) and return their number."""
    rows = SignIn.objects.filter(user=user, ended_at=None)
    if only is not None:
        rows = rows.filter(id__in=list(only))
    if keep is not None:
        rows = rows.exclude(id=keep)
    with transaction.atomic():
        ended = rows.update(ended_at=timezone.now(), ended_because=because)
        if ended:
            after = {"count": ended, "because": because.value}
            audit_log.write(actor=actor, action="sign_in.ended", subject=user, merchant_id=None, after=after)
    return ended


def end_all(because: SignIn.Ended) -> int:
    """End everybody's sign-ins: after a restore, nobody is signed in."""
    Session.objects.all().delete()
    return SignIn.objects.filter(ended_at=None).update(ended_at=timezone.now(), ended_because=because)


def forget() -> int:
    """Delete what has outlived its retention, and sessions that have ended."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    old = Q(created_at__lt=now - SignIn.RETENTION) & (Q(ended_at__isnull=False) | Q(created_at__lt=now - LONGEST))
    return SignIn.objects.filter(old).delete()[0]


def _details(row: SignIn, origin: Origin) -> dict[str, object]:
    factor = row.second_factor_at is not None
    return {"address": origin.address, "browser": origin.browser, "second_factor": factor}
