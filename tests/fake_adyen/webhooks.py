"""Adyen's standard webhooks: items, each with its own signature."""

import base64
import copy
import hashlib
import hmac
import json
import random
from typing import Any

from tests.fake_adyen.books import Books, Object
from tests.fakes.post import Letter

HEADERS = {"Content-Type": "application/json"}
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def letter(books: Books, items: list[Object]) -> Letter | None:
    """The webhook with these items, where somebody wants it."""
    if books.webhook_url is None:
        return None
    return Letter(books.webhook_url, body(books.hmac_key, *items), lambda: HEADERS)


def body(key: str, *items: Object) -> bytes:
    """A webhook whose items are signed with a key."""
    signed = [{"NotificationRequestItem": _with_signature(key, item)} for item in items]
    return json.dumps({"live": "false", "notificationItems": signed}).encode()


def signature(key: str, item: Object) -> str:
    """HMAC-SHA256 in base64, with the key from hexadecimal; the separator is never escaped."""
    amount = item.get("amount", {})
    values: list[Any] = [item.get(name, "") for name in _SIGNED]
    values += [amount.get("value", ""), amount.get("currency", ""), item["eventCode"], item["success"]]
    made = hmac.new(bytes.fromhex(key), ":".join(map(str, values)).encode(), hashlib.sha256)
    return base64.b64encode(made.digest()).decode()


def forged(books: Books, items: list[Object], chance: random.Random) -> Letter:
    """What Adyen never sent: the first item genuine, and one beside it that nobody signed who may."""
    lie = {**copy.deepcopy(items[0]), "pspReference": f"FORGED{chance.randrange(10**10):010d}", "success": "true"}
    genuine = json.loads(body(books.hmac_key, items[0]))
    untrue = json.loads(body("ab" * 32, lie))
    genuine["notificationItems"] += untrue["notificationItems"]
    return Letter(books.webhook_url or "", json.dumps(genuine).encode(), lambda: HEADERS)


def _with_signature(key: str, item: Object) -> Object:
    additional = {**item.get("additionalData", {}), "hmacSignature": signature(key, item)}
    return {**item, "additionalData": additional}
