"""Stripe's webhooks: how an event is written, signed and forged."""

import copy
import hashlib
import hmac
import json
import random
import time
from typing import Final

from tests.fake_stripe.books import Books, Object
from tests.fakes.post import Letter

FORGERS_SECRET: Final = "whsec_of_somebody_else"


def body_of(event: Object) -> bytes:
    """An event as it is sent."""
    return json.dumps(event, indent=2).encode()


def signature(secret: str, body: bytes, at: float | None = None) -> str:
    """The `Stripe-Signature` header."""
    moment = int(time.time() if at is None else at)
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def letter(books: Books, event: Object) -> Letter:
    """An event on its way, signed when it is sent."""
    body = body_of(event)
    return Letter(books.webhook_url or "", body, lambda: _headers(signature(books.webhook_secret, body)))


def forged(books: Books, event: Object, chance: random.Random) -> Letter:
    """An event that Stripe never sent: more money than there is, under a signature that is wrong in one of three ways."""
    lie = copy.deepcopy(event)
    lie["id"] = f"evt_forged{chance.getrandbits(48):012x}"
    subject = lie["data"]["object"]
    subject.update(status="succeeded", amount=9_999_99, amount_received=9_999_99)
    body = body_of(lie)
    header = chance.choice(
        (
            signature(FORGERS_SECRET, body),
            signature(books.webhook_secret, body_of(event)),
            signature(books.webhook_secret, body, time.time() - 3600),
        )
    )
    return Letter(books.webhook_url or "", body, lambda: _headers(header))


def _headers(header: str) -> dict[str, str]:
    return {"Stripe-Signature": header, "Content-Type": "application/json; charset=utf-8"}
