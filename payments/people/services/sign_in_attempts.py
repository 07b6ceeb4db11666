"""Check a name and a password behind the throttle; what fails stands in the audit log, which nobody can flood."""

import time
from threading import Lock
from typing import Final

from django.contrib import auth
from django.utils import timezone

from payments import audit_log
from payments.core.errors import TooMany
from payments.people.models import SignIn, User
from payments.people.origin import Origin
from payments.people.services import sign_in_throttle
from payments.people.services.passwords import LONGEST
from payments.people.services.sign_in_throttle import Block, Bucket, account

# Failures without a wait, per window: fewer for an account, which one person types, than for an address,
# behind which a whole shop may sign in; a browser that the account knows has its own count.
FREE_PER_ACCOUNT: Final = 5
FREE_PER_ADDRESS: Final = 10
FREE_WHERE_KNOWN: Final = 10
LISTED_PER_WINDOW: Final = Bucket("audit_log", 100)  # failures that stand in the audit log one by one
KNOWN_SECONDS: Final = 60.0  # how long a process remembers who is known at an address
KNOWN_ADDRESSES: Final = 1_000


class _KnownAccounts:
    """Which accounts were signed in to from an address, remembered for a minute: guessers ask thousands of times."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    def remembered(self, address: str) -> frozenset[str] | None:
        """Without asking the database; None: not known any more."""
        until, accounts = self._known.get(address, (0.0, frozenset[str]()))
        return accounts if time.monotonic() < until else None

    def at(self, address: str) -> frozenset[str]:
        accounts = self.remembered(address)
        if accounts is not None:
            return accounts
        since = timezone.now() - SignIn.RETENTION
        rows = SignIn.objects.filter(address=address, created_at__gt=since)
        accounts = frozenset(account(name) for name in rows.values_list("user__username", flat=True).distinct())
        with self._lock:
            if len(self._known) >= KNOWN_ADDRESSES:
                self._known.clear()
            self._known[address] = time.monotonic() + KNOWN_SECONDS, accounts
        return accounts

    def forget(self, address: str) -> None:
        with self._lock:
            self._known.pop(address, None)


_known: Final = _KnownAccounts()


def buckets(name: str, origin: Origin) -> list[Bucket]:
    """What an attempt counts for: the device or the address where the account is known, else account and address."""
    who = account(name)
    if who in origin.accounts:
        return [Bucket(f"device:{origin.device}:{who}", FREE_WHERE_KNOWN)]
    if who in _known.at(origin.address):
        return [Bucket(f"known:{origin.address}:{who}", FREE_WHERE_KNOWN)]
    return [Bucket(f"account:{who}", FREE_PER_ACCOUNT), Bucket(f"address:{origin.address}", FREE_PER_ADDRESS)]


def blocked(name: str, origin: Origin) -> int:
    """Seconds to wait before this may be tried, as far as this process knows without asking anybody; else 0."""
    if _known.remembered(origin.address) is None:
        return 0
    return sign_in_throttle.blocked(buckets(name, origin))


def check(*, name: str, password: str, origin: Origin) -> User | None:
    """Return whose name and password these are; None: nobody's. An unknown name gets the same answer as late.

    Raises:
        TooMany: `too_many_attempts`, with the seconds to wait; the password was not looked at.
    """
    counted = buckets(name, origin)
    block = sign_in_throttle.attempt(counted)
    if block is not None:
        _refuse(block, name, origin)
    user = auth.authenticate(username=name, password=password) if len(password) <= LONGEST else None
    if not isinstance(user, User):
        note("sign_in.failed", _named(name), origin)
        return None
    sign_in_throttle.succeeded(counted)
    _known.forget(origin.address)
    return user


def note(action: str, user: User | None, origin: Origin, **more: object) -> None:
    """Write down a failure, with its address. Beyond a hundred in ten minutes only that there are more.

    A name that nobody has is left out: it may be a password, typed into the wrong field.
    """
    block = sign_in_throttle.attempt([LISTED_PER_WINDOW])
    if block is not None and not block.begins:
        return
    after: dict[str, object] = {"address": origin.address, "browser": origin.browser, **more}
    if block is not None:
        action, after = "sign_in.failures_unlisted", {"seconds": block.seconds}
    subject = user or User(id="unknown")
    audit_log.write(actor=audit_log.SYSTEM, action=action, subject=subject, merchant_id=None, after=after)


def _refuse(block: Block, name: str, origin: Origin) -> None:
    if block.begins:
        note("sign_in.blocked", _named(name), origin, seconds=block.seconds)
    raise TooMany("too_many_attempts", "Too many attempts. Wait, then try again.", retry_after=block.seconds)


def _named(name: str) -> User | None:
    return User.objects.filter(username=name).first()
