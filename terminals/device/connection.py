"""The connection from a device to the server: signed requests and their replies."""

import base64
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from terminals import signatures
from terminals.device.storage import Memory

TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class Reply:
    """An answer; status 0 where none came."""

    status: int
    body: dict[str, Any]
    retry_after: float | None = None

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


class Line:
    """HTTP to one server."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=TIMEOUT, trust_env=False)

    def create(self, api_key: str, channel: str, label: str) -> Reply:
        """Have a terminal made for a store, by a key of its merchant; the answer has the code to pair with."""
        headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": uuid.uuid4().hex}
        return self._reply("/v1/terminals", body=None, json={"channel": channel, "label": label}, headers=headers)

    def pair(self, code: str, public_key: str | None, signature: int) -> Reply:
        """Present a pairing code, and say by which version of signatures this device will sign."""
        body = {"pairing_code": code} | ({"public_key": public_key} if public_key else {})
        body |= {"signature": f"v{signature}"} if signature > 1 else {}
        return self._reply("/v1/terminals/pair", body=None, json=body)

    def send(self, memory: Memory, path: str, webhook_id: str, body: bytes) -> Reply:
        """Send a request as signed now, by the device's clock, corrected by the server's."""
        moment = str(int(time.time() + memory.clock_offset))
        headers = {
            "Content-Type": "application/json",
            "Terminal-Id": memory.terminal or "",
            "webhook-id": webhook_id,
            "webhook-timestamp": moment,
            "webhook-signature": _signature(memory, path, webhook_id, moment, body),
        }
        return self._reply(path, body=body, headers=headers)

    def ask(self, memory: Memory, path: str, base_url: str | None = None) -> Reply:
        """Ask for something as signed now; a new webhook-id each time, for nothing is changed by asking."""
        webhook_id, moment = uuid.uuid4().hex, str(int(time.time() + memory.clock_offset))
        headers = {
            "Terminal-Id": memory.terminal or "",
            "webhook-id": webhook_id,
            "webhook-timestamp": moment,
            "webhook-signature": _signature(memory, path, webhook_id, moment, b"", method="GET"),
        }
        return self._reply(f"{base_url or ''}{path}", method="GET", body=b"", headers=headers)

    def close(self) -> None:
        self.http.close()

    def _reply(self, path: str, *, body: bytes | None, method: str = "POST", **options: Any) -> Reply:
        try:
            answer = self.http.request(method, path, content=body, **options)
            shape = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError):
            return Reply(0, {})
        wait = answer.headers.get("Retry-After", "")
        return Reply(answer.status_code, shape, float(wait) if wait.isdecimal() else None)


def _signature(memory: Memory, path: str, webhook_id: str, moment: str, body: bytes, *, method: str = "POST") -> str:
    message = signatures.message(webhook_id, moment, body)
    if memory.signature == 2:
        message = signatures.message_v2(
            webhook_id, moment, body, method=method, path=path, terminal=memory.terminal or ""
        )
    if memory.private_key is not None:
        key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(memory.private_key))
        return signatures.sign_with_key(key, message, memory.signature)
    return signatures.sign_with_secret(memory.secret or "", message, memory.signature)
