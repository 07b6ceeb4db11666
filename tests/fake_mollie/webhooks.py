"""Mollie's two kinds of webhook: a form that only names a payment, and signed events."""

import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from urllib.parse import urlencode

from tests.fake_mollie.books import Books, Object
from tests.fakes.post import Letter

# Of which the classic webhook is called; not of what is open or pending.
CLASSIC = frozenset(
    {
        *("payment.paid", "payment.expired", "payment.failed", "payment.canceled", "payment.authorized"),
        *("refund.processing", "refund.refunded", "refund.failed", "refund.canceled"),
        *("chargeback.received", "chargeback.reversed", "capture.succeeded", "capture.failed"),
    }
)
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def classic(books: Books, obj: Object) -> Letter | None:
    """`id=tr_…` to the payment's own address, unsigned."""
    payment = books.objects[obj["paymentId"] if "paymentId" in obj else obj["id"]]
    address = payment.get("webhookUrl")
    if address is None:
        return None
    return Letter(address, form(payment["id"]), lambda: _FORM)


def form(name: str) -> bytes:
    """The body of a classic webhook."""
    return urlencode({"id": name}).encode()


def event(books: Books, kind: str, obj: Object) -> Object:
    """A next-generation event, with the object as it is."""
    made = {
        "resource": "event",
        "id": f"event_{books.name}{len(books.events):06d}",
        "type": kind,
        "entityId": obj["id"],
        "createdAt": books.stamp(),
        "_embedded": {"entity": books.shown(obj)},
        "_links": {},
    }
    books.events.append(made)
    return made


def next_generation(books: Books, made: Object) -> Letter | None:
    """The event, signed with every secret that is valid: two while one is rotated."""
    if books.webhook_url is None:
        return None
    body = json.dumps(made).encode()
    return Letter(books.webhook_url, body, lambda: signed(body, *books.webhook_secrets))


def signed(body: bytes, *secrets: str) -> Mapping[str, str]:
    """The header; several ones arrive as one with commas, as every server of Python joins them."""
    signatures = [f"sha256={signature(secret, body)}" for secret in secrets]
    return {"Content-Type": "application/json", "X-Mollie-Signature": ", ".join(signatures)}


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 over the raw body, in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def forged(books: Books, made: Object, chance: random.Random) -> Letter:
    """What Mollie never sent: a paid payment, signed by nobody who may."""
    body = json.dumps({**made, "id": f"event_forged{chance.randrange(10**9)}", "type": "payment.paid"}).encode()
    return Letter(books.webhook_url or "", body, lambda: signed(body, "not the secret"))
