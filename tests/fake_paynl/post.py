"""Pay.nl's exchanges: signed JSON, or an unsigned legacy form; sent until it answers that they were taken."""

import copy
import hmac
import json
import random
from typing import Final
from urllib.parse import urlencode

import httpx

from tests.fake_paynl.books import Books, Object
from tests.fake_paynl.endpoints import public
from tests.fakes.post import Letter

FORGERS_SECRET: Final = "secret-of-somebody-else"


def body_of(order: Object) -> bytes:
    """A signed exchange about an order as it is now."""
    event = {"event": "status_changed", "type": "order", "version": 1, "id": order["id"], "object": public(order)}
    return json.dumps(event).encode()


def signature(key: str, secret: str, body: bytes, algorithm: str = "sha256") -> dict[str, str]:
    """The four headers."""
    return {
        "signature": hmac.new(secret.encode(), body, algorithm).hexdigest(),
        "signature-keyid": key,
        "signature-method": "HMAC",
        "signature-algorithm": algorithm,
        "content-type": "application/json",
    }


def signed(books: Books, order: Object) -> tuple[bytes, dict[str, str]]:
    """An exchange as Pay.nl would send it now: body and headers."""
    body = body_of(order)
    return body, signature(books.service_id, books.service_secret, body)


def legacy(order: Object, action: str) -> bytes:
    """A legacy exchange: fields of a form, amounts as decimals."""
    amount = order.get("_amount", order["amount"]["value"])
    fields = {"action": action, "order_id": order["orderId"], "amount": f"{amount / 100:.2f}", "extra1": ""}
    return urlencode({**fields, **{k: v for k, v in order["stats"].items() if k == "extra1"}}).encode()


def letter(books: Books, order: Object, action: str | None) -> Letter:
    """An exchange on its way."""
    url = order["_asked"].get("exchangeUrl") or books.webhook_url or ""
    if action is not None:
        return Letter(url, legacy(order, action), dict, lambda answer: answer.text.startswith("TRUE"))
    body, headers = signed(books, order)
    return Letter(url, body, lambda: headers, _was_taken)


def forged(books: Books, order: Object, chance: random.Random) -> Letter:
    """An exchange that Pay.nl never sent: paid, under a signature that is wrong in one of three ways."""
    lie = copy.deepcopy(public(order))
    lie.update(status={"code": 100, "action": "PAID"}, capturedAmount={"value": 9_999_99, "currency": "EUR"})
    body = body_of(lie)
    headers = chance.choice(
        (
            signature(books.service_id, FORGERS_SECRET, body),
            signature("SL-0000-0000", books.service_secret, body),
            signature(books.service_id, books.service_secret, body_of(order)),
        )
    )
    return Letter(order["_asked"].get("exchangeUrl") or books.webhook_url or "", body, lambda: headers)


def _was_taken(answer: httpx.Response) -> bool:
    try:
        return answer.is_success and answer.json().get("result") is True
    except ValueError:
        return False
