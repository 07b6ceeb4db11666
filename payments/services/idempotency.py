"""Idempotency keys: a key is committed together with what its request was to make, and names it for good.

A request looks its key up (`find`), and only without one does a service run; its transaction begins with `begin`.
A second request of the same key at that moment waits for the first one's transaction and then gets `KeyTaken`.
After a crash the row remains without an answer: once its lease is over, the next request takes it over and continues
the object that the key names.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from payments.db.compiled_queries import CompiledQuery
from payments.models import IdempotencyKey
from payments.services import sql

_KEY: Final = CompiledQuery(lambda merchant_id, key: IdempotencyKey.objects.filter(merchant_id=merchant_id, key=key))

LEASE: Final = timedelta(seconds=20)  # of a request; who continues a broken one too early does no harm, see `submit`
LIFETIME: Final = timedelta(days=31)


class IdempotencyGuard(Protocol):
    """Says in the transaction that makes an object which object that is, and may refuse it by raising."""

    def begin(self, object_id: str) -> None: ...


class KeyTaken(Exception):
    """Another request has committed this key in the meantime: look it up."""


@dataclass(slots=True, kw_only=True)
class IdempotentRequest:
    """One request that wants to make one thing. Requests with the same `fingerprint` are the same."""

    merchant_id: str
    key: str
    fingerprint: bytes
    lease: datetime | None = field(default=None, init=False)  # until when the key is this request's own

    def find(self) -> IdempotencyKey | None:
        """The row of this key, if a request has committed it within its lifetime."""
        row = _KEY.first(self.merchant_id, self.key)
        if row is not None and row.created_at < timezone.now() - LIFETIME:
            row.delete()
            return None
        return row

    def begin(self, object_id: str) -> None:
        """Store in the caller's transaction what this request creates, or wait for the request that did so first.

        Raises:
            KeyTaken: another request has committed the key; this transaction must make nothing.
        """
        self.lease = timezone.now() + LEASE
        try:
            _begin(self.merchant_id, self.key, self.fingerprint, object_id, self.lease)
        except KeyTaken:
            self.lease = None
            raise

    def take_over(self) -> bool:
        """Claim a row whose request broke off; False while that request, or another that took over, still runs."""
        now = timezone.now()
        self.lease = now + LEASE
        free = Q(lease_until=None) | Q(lease_until__lte=now)
        return bool(self._row().filter(free, status=None).update(lease_until=self.lease))

    def answer(self, status: int, body: bytes) -> None:
        """Keep the answer, for every later request of this key."""
        sql.done(sql.ANSWER_KEY, [status, body, self.merchant_id, self.key, self.fingerprint])

    def release(self) -> None:
        """The request failed; if it had committed its key, the next one may continue at once."""
        if self.lease is not None:
            self._row().filter(status=None, lease_until=self.lease).update(lease_until=None)

    def _row(self) -> QuerySet[IdempotencyKey]:
        return IdempotencyKey.objects.filter(merchant_id=self.merchant_id, key=self.key, fingerprint=self.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubmission:
    """A form for people that makes one thing, however often it is sent. No answer is kept: the page is drawn anew."""

    merchant_id: str
    form_id: str  # random, one for every form that is shown

    def begin(self, object_id: str) -> None:
        """Store in the caller's transaction what this form creates, or wait for the submission that did so first.

        Raises:
            KeyTaken: the form has been submitted; this transaction must make nothing.
        """
        # No request of the API can name it (its keys have no space), and a random name needs no fingerprint beside it.
        # Nobody leases it: nothing is left to continue once it is committed.
        _begin(self.merchant_id, self._key, bytes(32), object_id, None)

    def made(self) -> str | None:
        """The id of what this form has created, if it has been submitted."""
        row = _KEY.first(self.merchant_id, self._key)
        return row.object_id if row is not None else None

    @property
    def _key(self) -> str:
        return f"admin {self.form_id}"


def _begin(merchant_id: str, key: str, fingerprint: bytes, object_id: str, lease: datetime | None) -> None:
    # In autocommit the key would be committed alone, and name an object that may never be made.
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a key is committed with what its request makes, inside transaction.atomic()")
    try:
        # The unique index makes a second request wait here for the first one's transaction.
        sql.done(sql.BEGIN_KEY, [merchant_id, key, fingerprint, object_id, lease, timezone.now()])
    except IntegrityError as error:
        raise KeyTaken(key) from error


def forget(*, limit: int = 10_000) -> int:
    """Delete rows that have outlived their month; return how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - LIFETIME).order_by("created_at")
    deleted, _ = IdempotencyKey.objects.filter(id__in=old.values("id")[:limit]).delete()
    return deleted
