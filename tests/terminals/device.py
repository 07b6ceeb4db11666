"""A device for tests: it signs, and posts what the test gives it."""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from terminals import signatures
from tests.responses import ClientResponse

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@dataclass
class Device:
    """A paired device. `secret` or `key` signs; every request gets a fresh webhook-id unless one is given."""

    terminal: str
    secret: str | None = None
    key: Ed25519PrivateKey | None = None
    signature: int = 1  # the version it signs by
    http: Client = field(default_factory=Client)

    def post(self, *transactions: Any, **options: Any) -> ClientResponse:
        """Post several as a batch, one as itself."""
        body = transactions[0] if len(transactions) == 1 else {"transactions": list(transactions)}
        return self.send("/v1/terminal/transactions", body, **options)

    def batch(self, transactions: list[dict[str, Any]], **options: Any) -> ClientResponse:
        return self.send("/v1/terminal/transactions", {"transactions": transactions}, **options)

    def heartbeat(self, body: Any = None, **options: Any) -> ClientResponse:
        return self.send("/v1/terminal/heartbeat", body if body is not None else {}, **options)

    def poll(self, **options: Any) -> dict[str, Any] | None:
        """What it is to do next; None: nothing."""
        answer = self.send("/v1/terminal/actions", None, method="GET", raw=b"", **options)
        assert answer.status_code in (200, 204), answer.content
        return json.loads(answer.content) if answer.status_code == 200 else None

    def ack(self, action: str, **options: Any) -> ClientResponse:
        """Say that it presents an action."""
        return self.send(f"/v1/terminal/actions/{action}/ack", {}, **options)

    def result(self, action: str, body: Any, **options: Any) -> ClientResponse:
        """Say what came of an action: a transaction, or a word."""
        text = {"outcome": body} if isinstance(body, str) else body
        return self.send(f"/v1/terminal/actions/{action}/result", text, **options)

    def send(
        self,
        path: str,
        body: Any,
        *,
        method: str = "POST",
        webhook_id: str | None = None,
        timestamp: int | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> ClientResponse:
        content = raw if raw is not None else json.dumps(body).encode()
        signed = self.headers(content, path, method=method, webhook_id=webhook_id, timestamp=timestamp)
        signed |= headers or {}
        return self.http.generic(method, path, content, "application/json", headers=signed)

    def headers(
        self,
        body: bytes,
        path: str = "/v1/terminal/transactions",
        *,
        method: str = "POST",
        webhook_id: str | None = None,
        timestamp: int | None = None,
    ) -> dict[str, str]:
        name = webhook_id or secrets.token_hex(8)
        moment = str(int(time.time()) if timestamp is None else timestamp)
        return {
            "Terminal-Id": self.terminal,
            "webhook-id": name,
            "webhook-timestamp": moment,
            "webhook-signature": self.sign(self.message(name, moment, path, body, method)),
        }

    def message(self, name: str, moment: str, path: str, body: bytes, method: str = "POST") -> bytes:
        if self.signature == 1:
            return signatures.message(name, moment, body)
        return signatures.message_v2(name, moment, body, method=method, path=path, terminal=self.terminal)

    def sign(self, message: bytes) -> str:
        if self.key is not None:
            return signatures.sign_with_key(self.key, message, self.signature)
        return signatures.sign_with_secret(self.secret or "", message, self.signature)


def public_key(key: Ed25519PrivateKey) -> str:
    return f"whpk_{base64.b64encode(key.public_key().public_bytes_raw()).decode()}"


def sale(sequence: int, amount: int = 1250, **more: Any) -> dict[str, Any]:
    """An approved PIN sale."""
    return {
        "sequence": sequence,
        "type": "sale",
        "amount": amount,
        "currency": "EUR",
        "outcome": "approved",
        "occurred_at": "2026-11-20T09:30:00Z",
        "card": {"brand": "maestro", "last4": "1234", "fingerprint": "fp_anna"},
        "entry_mode": "contactless",
        "verification": "online_pin",
        "authorization_code": "A1B2C3",
        "rrn": f"{sequence:012d}",
        **more,
    }


def refund(sequence: int, amount: int = 1250, **more: Any) -> dict[str, Any]:
    """A retourpin."""
    return sale(sequence, amount, type="refund", **more)


def reversal(sequence: int, of: int, amount: int = 1250, **more: Any) -> dict[str, Any]:
    """A sale taken back before it is settled."""
    return sale(sequence, amount, type="reversal", original={"sequence": of}, **more)
