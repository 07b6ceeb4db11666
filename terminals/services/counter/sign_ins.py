"""Who is signed in at a counter's browser: from the right code until they leave, or their time is over."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from payments.models import Channel
from payments.people.models import User
from payments.people.permissions import May, may
from terminals.models import CounterBrowser, CounterSignIn, StaffCode
from terminals.services.counter.tokens import hash_of

LONGEST: Final = timedelta(hours=10)
SEEN_EVERY: Final = timedelta(seconds=30)  # a busy person is not a busy row


def staff(channel: Channel) -> list[StaffCode]:
    """Who may sign in at this store's counter, by name."""
    rows = StaffCode.objects.filter(channel=channel, user__is_active=True).select_related("user")
    found = [row for row in rows.prefetch_related("user__roles") if may_serve(row.user, channel)]
    return sorted(found, key=lambda row: str(row).casefold())


def may_serve(user: User, channel: Channel) -> bool:
    """Whether this person's roles, as they are now, let them stand at this counter."""
    return user.is_active and may(user, May.SERVE, merchant_id=channel.merchant_id, channel_id=channel.id)


def current(browser: CounterBrowser, token: str, now: datetime, *, attended: bool = True) -> User | None:
    """Who holds this token at this browser, with their roles read ahead; None: nobody, or not any more.

    What a page asks by itself is not `attended`: it keeps nobody signed in.
    """
    row = of(browser, token)
    if row is None or not _lasts(row, now):
        return None
    user = User.objects.prefetch_related("roles").get(id=row.user_id)
    if not may_serve(user, browser.channel):
        return None
    if attended and now - row.last_seen_at >= SEEN_EVERY:
        CounterSignIn.objects.filter(id=row.id, last_seen_at__lt=now).update(last_seen_at=now)
        CounterBrowser.objects.filter(id=browser.id).update(last_seen_at=now)
    return user


def of(browser: CounterBrowser, token: str) -> CounterSignIn | None:
    """The sign-in of this token at this browser, over or not."""
    return CounterSignIn.objects.filter(browser=browser, token_hash=hash_of(token)).first() if token else None


def sign_out(browser: CounterBrowser, token: str) -> None:
    """End the sign-in of this token."""
    row = of(browser, token)
    if row is not None and row.ended_at is None:
        _end(CounterSignIn.objects.filter(id=row.id), CounterSignIn.Ended.SIGNED_OUT)


def end_at(browser: CounterBrowser, because: CounterSignIn.Ended) -> None:
    """End what goes on at a browser."""
    _end(CounterSignIn.objects.filter(browser=browser), because)


def end_of(user: User, channel: Channel, because: CounterSignIn.Ended) -> None:
    """End a person's sign-ins at every browser of a store."""
    _end(CounterSignIn.objects.filter(user=user, browser__channel=channel), because)


def forget() -> int:
    """Delete what has outlived its retention."""
    return CounterSignIn.objects.filter(created_at__lt=timezone.now() - CounterSignIn.RETENTION).delete()[0]


def idle() -> timedelta:
    """The idle time after which a person at the counter types their code again."""
    return timedelta(minutes=settings.COUNTER_IDLE_MINUTES)


def _lasts(row: CounterSignIn, now: datetime) -> bool:
    return row.ended_at is None and now - row.created_at < LONGEST and now - row.last_seen_at < idle()


def _end(rows: QuerySet[CounterSignIn], because: CounterSignIn.Ended) -> None:
    rows.filter(ended_at=None).update(ended_at=timezone.now(), ended_because=because)
