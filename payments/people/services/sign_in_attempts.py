"""Check a name and a password behind the throttle; what fails stands in the audit log, which nobody can flood."""

import time
from threading import Lock
from typing import Final

from django.contrib import auth
from django.db.models import Q
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
KNOWN_SECONDS: Final = 60.0  # how long a process remembers who is known where
REMEMBERED: Final = 2_000  # addresses and accounts, so that guessers cannot fill the memory


class _KnownPlaces:
    """From which addresses accounts were signed in to, remembered for a minute by the one and by the other.

    Guessers ask thousands of times: for many accounts from one address, or for one account from many.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}

    def remembered(self, who: str, address: str) -> bool | None:
        """Whether the account is known there, without asking the database; None: not remembered."""
        now = time.monotonic()
        for key, wanted in ((("address", address), who), (("account", who), address)):
            until, known = self._found.get(key, (0.0, frozenset[str]()))
            if now < until:
                return wanted in known
        return None

    def has(self, name: str, address: str) -> bool:
        """Whether the account of this name is known there."""
        who = account(name)
        known = self.remembered(who, address)
        return known if known is not None else self._learn(name, who, address)

    def forget(self, name: str, address: str) -> None:
        with self._lock:
            self._found.pop(("address", address), None)
            self._found.pop(("account", account(name)), None)

    def _learn(self, name: str, who: str, address: str) -> bool:
        """Ask for all accounts at the address, and all addresses of the account."""
        either = Q(address=address) | Q(user__username__iexact=name.strip().replace("\x00", ""))
        rows = SignIn.objects.filter(either, created_at__gt=timezone.now() - SignIn.RETENTION).distinct()
        pairs = [(where, account(whose)) for where, whose in rows.values_list("address", "user__username")]
        found = {
            ("address", address): frozenset(whose for where, whose in pairs if where == address),
            ("account", who): frozenset(where for where, whose in pairs if whose == who),
        }
        until = time.monotonic() + KNOWN_SECONDS
        with self._lock:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found.update({key: (until, known) for key, known in found.items()})
        return (address, who) in pairs


_known: Final = _KnownPlaces()


def buckets(name: str, origin: Origin) -> list[Bucket]:
    """What an attempt counts for: the device or the address where the account is known, else account and address."""
    return _buckets(account(name), origin, is_known=_known.has(name, origin.address))


def blocked(name: str, origin: Origin) -> int:
    """Seconds to wait before this may be tried, as far as this process knows without asking anybody; else 0."""
    who = account(name)
    is_known = _known.remembered(who, origin.address)
    return 0 if is_known is None else sign_in_throttle.blocked(_buckets(who, origin, is_known=is_known))


def _buckets(who: str, origin: Origin, *, is_known: bool) -> list[Bucket]:
    if who in origin.accounts:
        return [Bucket(f"device:{origin.device}:{who}", FREE_WHERE_KNOWN)]
    if is_known:
        return [Bucket(f"known:{origin.address}:{who}", FREE_WHERE_KNOWN)]
    return [Bucket(f"account:{who}", FREE_PER_ACCOUNT), Bucket(f"address:{origin.address}", FREE_PER_ADDRESS)]


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
    _known.forget(name, origin.address)
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
